#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Pretend hosts on one machine, for tests of jobs on several. README.md says what they share.
set -euo pipefail

here=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")
patience=15 # seconds for hosts to come up, or to go
delay_line=${DELAY_LINE:-$here/../../build/tests/cluster/delay_line}

usage() {
    cat <<'END'
usage: cluster.sh COMMAND [ARGUMENTS]
  can [delay]           nothing where hosts can be made (and delays); else says why not, and fails
  up PID N [FOLDER...]  makes h1 to hN, which all see these folders, and prints the cluster's own;
                        they end with their owner, the process PID, at the latest
  exec HOST COMMAND...  runs COMMAND there, in this folder where it exists, as root in a login
  left HOST             pids of what runs there beside the host itself and ssh servers
  own HOST FOLDER       makes FOLDER on this host its own: it sees the contents, others no changes
  link PORT up|down     plugs or pulls a cable: h1 (both of them), h1-a or h1-b
  cut HOST HOST         drops what the two send to each other, a black hole: nobody is told
  delay PORT MS         what comes and goes by this cable takes so much longer, each way; 0 ends it
  loss PORT FRACTION    drops so much of what comes to the port (0.01: one packet in a hundred)
  heal                  ends all cuts, losses and delays
  kill HOST             its power fails: cables first, then its processes
  down                  ends the cluster
IPCRUN_CLUSTER names the cluster's folder for all commands after `up`.
END
}

die() {
    echo "cluster: $*" >&2
    exit 1
}

can() {
    local tool
    ((EUID == 0)) || die "needs root"
    for tool in unshare nsenter setpriv ip nft ssh ssh-keygen /usr/sbin/sshd; do
        command -v "$tool" >/dev/null || die "there is no $tool"
    done
    unshare --net --uts --ipc --mount --pid --fork \
        sh -c 'mount -t tmpfs tmpfs /mnt && ip link add p1 type veth peer name p2 &&
            ip link add switch-a type bridge' >/dev/null 2>&1 ||
        die "this machine does not let us make namespaces, mounts, bridges or cables"
}

can_delay() {
    [[ -x $delay_line ]] || die "there is no $delay_line: build it, or name it in DELAY_LINE"
    [[ -c /dev/net/tun ]] || die "there is no /dev/net/tun, which delays are made with"
    unshare --net ip tuntap add mode tap name near 2>/dev/null ||
        die "this machine does not let us make TAP devices, which delays are made with"
}

# What every root user finds in its home, and what sshd is told.
make_logins() {
    local keys=$cluster/home/.ssh
    mkdir -p "$keys"
    ssh-keygen -q -t ed25519 -N '' -C host -f "$cluster/host_key"
    ssh-keygen -q -t ed25519 -N '' -C test -f "$keys/id_ed25519"
    cp "$keys/id_ed25519.pub" "$keys/authorized_keys"
    echo "h*,10.77.0.*,10.78.0.* $(<"$cluster/host_key.pub")" >"$keys/known_hosts"
    # The quickest exchange of keys: these hosts have nothing to hide from each other.
    cat >"$cluster/sshd_config" <<END
HostKey $cluster/host_key
KexAlgorithms curve25519-sha256
UsePAM no
UseDNS no
PermitRootLogin yes
PasswordAuthentication no
MaxStartups 200
PidFile /run/sshd.pid
END
    # A login shell of which we know what it reads, an account that is not locked.
    sed 's#^root:.*#root:x:0:0:root:/root:/bin/sh#' /etc/passwd >"$cluster/passwd"
    echo 'root:*:1::::::' >"$cluster/shadow"
}

make_names() {
    local i
    echo "127.0.0.1 localhost"
    for ((i = 1; i <= $1; ++i)); do printf '10.77.0.%d h%d\n10.78.0.%d h%d-b\n' $i $i $i $i; done
}

# Clusters whose owner and guard were killed have no processes, but a folder.
sweep() {
    local folder owner guard
    for folder in "${TMPDIR:-/tmp}"/ipcrun-cluster.*; do
        owner=${folder#*/ipcrun-cluster.}
        [[ -d $folder && ! -e /proc/${owner%%.*} ]] || continue
        # While there is a guard it is about to do so itself.
        guard=$(cat "$folder/guard.pid" 2>/dev/null || true)
        grep -qsaF "$folder" "/proc/${guard:-none}/cmdline" || rm -rf "$folder"
    done
}

up() {
    local owner=$1 hosts=$2 host error
    can
    sweep
    cluster=$(mktemp -d "${TMPDIR:-/tmp}/ipcrun-cluster.$owner.XXXXXX")
    make_logins
    make_names "$hosts" >"$cluster/hosts"
    mkfifo "$cluster/ready"
    exec 3<>"$cluster/ready"
    # Whatever marks its owner must not mark the hosts: tests look for what is left.
    env -i PATH="$PATH" setsid "$here/guard.sh" "$owner" "$cluster" "${@:2}" 3>&- \
        </dev/null >"$cluster/log" 2>&1 &
    for ((host = 1; host <= hosts; ++host)); do
        read -r -t $patience -u 3 error || error="hosts did not come up within $patience s"
        [[ -z $error ]] || {
            sed 's/^/  /' "$cluster/log" >&2
            down
            die "$error"
        }
    done
    echo "$cluster"
}

# The guard removes the folder last of all.
down() {
    local deadline=$((SECONDS + patience))
    [[ ! -s $cluster/guard.pid ]] || kill -TERM "$(<"$cluster/guard.pid")" 2>/dev/null || true
    while [[ -e $cluster ]]; do
        ((SECONDS < deadline)) || die "cannot end $cluster"
        sleep 0.01
    done
}

pid_of() {
    [[ -s $cluster/$1.pid ]] || die "there is no host '$1'"
    cat "$cluster/$1.pid"
}

# Who calls this is the parent of COMMAND, which is killed when its parent is.
execute() {
    local pid
    pid=$(pid_of "$1")
    shift
    unset TMPDIR
    export HOME=/root SHELL=/bin/sh
    # shellcheck disable=SC2016
    exec nsenter -t "$pid" -m -u -i -n -p setpriv --pdeathsig KILL \
        sh -c 'cd "$1" 2>/dev/null || cd; shift; exec "$@"' sh "$PWD" "$@"
}

left() {
    local init space pid name
    [[ -e $cluster/$1.pid ]] || return 0 # it was killed
    init=$(pid_of "$1")
    space=$(readlink "/proc/$init/ns/pid")
    for pid in $(find /proc/[0-9]*/ns/pid -printf '%l %p\n' 2>/dev/null |
        grep -F "$space" | cut -d/ -f3); do
        { read -r name <"/proc/$pid/comm"; } 2>/dev/null || continue # it has ended
        [[ $pid == "$init" || $name == sshd ]] || echo "$pid"
    done
}

own() {
    # shellcheck disable=SC2016
    execute "$1" sh -euc 'layers=$(mktemp -d /run/own.XXXXXX)
        mkdir "$layers/changes" "$layers/work"
        mount -t overlay overlay \
            -o "lowerdir=$1,upperdir=$layers/changes,workdir=$layers/work" "$1"' sh "$2"
}

at_switch() { nsenter -t "$(<"$cluster/switch.pid")" -n "$@"; }

# PORT, or both of a host.
ports() { [[ $1 == *-* ]] && echo "$1" || echo "$1-a" "$1-b"; }

plug() {
    local port host
    for port in $(ports "$1"); do at_switch ip link set "$port" "$2"; done
    [[ $2 == up ]] || return 0
    # Who has asked in vain for an address would tell the next to connect that there is no way.
    for host in "$cluster"/h*.pid; do
        nsenter -t "$(<"$host")" -n ip neigh flush all
    done
}

# Addresses go on being resolved: a router on the way that drops everything says nothing either.
cut_off() {
    at_switch nft -f - <<END
add table bridge faults
add chain bridge faults way { type filter hook forward priority 0; }
add rule bridge faults way iifname "$1-*" oifname "$2-*" ether type != arp drop
add rule bridge faults way iifname "$2-*" oifname "$1-*" ether type != arp drop
END
}

delay() {
    local port
    for port in $(ports "$1"); do
        at_switch ip link show "$port" >/dev/null 2>&1 || die "there is no cable '$port'"
        straighten "$port"
        [[ $2 == 0 ]] || lengthen "$port" "$2"
    done
}

# The way to the switch is by a bridge of the cable's own, and two TAPs with a process in between:
# one of those that end with the hosts, and do not bear the mark of their owner. The name of each
# device begins with the port's: cuts go by these.
lengthen() {
    env -i PATH="$PATH" nsenter -t "$(<"$cluster/switch.pid")" -n -p \
        "$delay_line" "$2" "$1-near" "$1-far" </dev/null >/dev/null 2>>"$cluster/log" ||
        die "cannot delay $1: $(tail -n 1 "$cluster/log")"
    at_switch ip -batch - <<END
link add $1-way type bridge stp_state 0 forward_delay 0 mcast_snooping 0
link set $1-way up
link set $1-near master $1-way up
link set $1-far master switch-${1#*-} up
link set $1 master $1-way
END
}

# The process ends when its first device is deleted, and takes the other one along: that may be gone
# before it is deleted here, and the port with its host. What counts is that nothing is left.
straighten() {
    local left
    at_switch ip link show "$1-way" >/dev/null 2>&1 || return 0
    at_switch ip -force -batch - 2>/dev/null <<END || true
link set $1 master switch-${1#*-}
link del $1-far
link del $1-near
link del $1-way
END
    left=$(at_switch ip -br link | awk -v prefix="$1-" 'index($1, prefix) == 1 {print $1}')
    [[ -z $left ]] || die "cannot end the delay of $1: $left is left"
}

heal() {
    local way
    at_switch nft flush ruleset
    for way in $(at_switch ip -o link show type bridge | grep -o 'h[0-9]*-[ab]-way'); do
        straighten "${way%-way}"
    done
}

loss() {
    local in_million # 999999 at most
    in_million=$(awk -v f="$2" 'BEGIN {print f < 1 ? int(f * 1000000) : 999999}')
    at_switch nft -f - <<END
add table netdev loss
add chain netdev loss $1 { type filter hook egress device "$1" priority 0; }
flush chain netdev loss $1
add rule netdev loss $1 numgen random mod 1000000 < $in_million drop
END
}

kill_host() {
    local pid port
    pid=$(pid_of "$1")
    plug "$1" down
    for port in $(ports "$1"); do straighten "$port"; done
    kill -KILL "$pid"
    rm "$cluster/$1.pid"
    timeout $patience tail -s 0.01 --pid="$pid" -f /dev/null
}

command=${1:-}
shift || true
cluster=${IPCRUN_CLUSTER:-}
case $command in
    can)
        can
        [[ ${1:-} != delay ]] || can_delay
        ;;
    up) up "$@" ;;
    exec) execute "$@" ;;
    left | own | delay | loss | heal | down) "$command" "$@" ;;
    link) plug "$@" ;;
    cut) cut_off "$@" ;;
    kill) kill_host "$@" ;;
    *)
        usage >&2
        exit 2
        ;;
esac
