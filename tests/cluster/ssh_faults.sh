# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: where an agent cannot be started, ipcrun ends soon, says in one line on which host and
# why, and leaves nothing on any other; and what login shells print or set does not matter.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 4

# fails NAME SECONDS REGEX ARGS...: a job on h1, h2 and others ends within so many seconds, with one
# line that matches.
fails() {
    local name=$1 seconds=$2 text=$3 start took
    shift 3
    start=$(now_ms)
    run_on h1 "$IPCRUN" --hosts "$@" sh -c 'echo started; exec sleep 60'
    took=$(($(now_ms) - start))
    like "$(<"$err")" "^ipcrun: start the agent on host $text" "faults: $name"
    is "$status $(wc -l <"$err") $(<"$out")" "1 1 " "faults: $name: in one line"
    ok "faults: $name: soon (took $took ms)" test $took -lt $((seconds * 1000))
    hosts_are_clean "faults: $name: and nothing is left"
}

fails "a name that does not resolve" 8 'nohost: .*name is not known.*nohost' h1:1,h2:1,nohost:1
fails "no ipcrun there" 8 "h3: .*'/nowhere/ipcrun' is not there.*--agent-path" \
    h1:1,h2:1,h3:1 --agent-path /nowhere/ipcrun --exclude h2
touch "$work/not_executable"
printf 'h[1-2] slots=1\nh3 slots=1 ipcrun=%s/not_executable\n' "$work" >"$work/hostfile"
run_on h1 "$IPCRUN" --hostfile "$work/hostfile" true
like "$(<"$err")" '^ipcrun: start the agent on host h3: .*cannot be executed' \
    "faults: a file that cannot be executed"
printf '#!/bin/sh\nprintf "\\nipcrun-agent 99\\n"\nexec cat >/dev/null\n' >"$work/newer"
printf '#!/bin/sh\necho "ipcrun: unknown option '"'--agent'"'" >&2; exit 2\n' >"$work/older"
chmod +x "$work/newer" "$work/older"
fails "a newer ipcrun there" 8 'h2: .* version 99 ' h1:1,h2:1 --agent-path "$work/newer"
fails "an older ipcrun there" 8 'h2: .* version' h1:1,h2:1 --agent-path "$work/older"

on h2 mv /root/.ssh/authorized_keys /root/.ssh/taken
fails "a key that is refused" 8 'h2: .*Permission denied' h1:1,h2:1,h3:1
on h2 mv /root/.ssh/taken /root/.ssh/authorized_keys
on h1 mv /root/.ssh/known_hosts /root/.ssh/taken
fails "an unknown host key" 8 'h2: .*does not know its key.*ssh h2' h1:1,h2:1
on h1 sh -c 'echo "h2 $(cat /root/.ssh/id_ed25519.pub)" >/root/.ssh/known_hosts'
fails "another host key" 8 'h2: .*ssh-keygen -R h2' h1:1,h2:1
on h1 mv /root/.ssh/taken /root/.ssh/known_hosts

# login HOST SCRIPT: what root's login shell is there.
login() {
    printf '#!/bin/sh\n%s\n' "$2" >"$work/shell"
    chmod +x "$work/shell"
    sed "s#:/bin/sh\$#:$work/shell#" "$IPCRUN_CLUSTER/passwd" >"$work/passwd"
    on "$1" mount --bind "$work/passwd" /etc/passwd
}
login h2 'seq 100; seq 100 >&2; PATH=/nowhere; cd /; set -- "$@"; exec /bin/sh "$@"'
run_on h1 "$IPCRUN" --hosts h1:1,h2:1 sh -c 'hostname; pwd'
is "$status $(sort "$out" | paste -sd' ')" "0 $PWD $PWD h1 h2" \
    "faults: a login shell may print, and set another path and folder"
login h2 'head -c 100000 /dev/zero | tr "\0" x; exec /bin/sh "$@"'
fails "a login shell that prints 100 kB" 8 'h2: .*start-up file' h1:1,h2:1
login h2 'echo "this account is closed"; exit 3'
fails "a login shell that ends" 8 'h2: .*exit status 3.*this account is closed' h1:1,h2:1
on h2 mount --bind "$IPCRUN_CLUSTER/passwd" /etc/passwd

cluster cut h1 h2
fails "a host that does not answer" 8 'h2: .*does not answer' h1:1,h2:1,h3:1 \
    --ssh-args '-o ConnectTimeout=3'
cluster heal
on h4 sh -c 'kill $(cat /run/sshd.pid)'
fails "no ssh server" 8 'h4: .*Connection refused' h1:1,h2:1,h3:1,h4:1
fails "no ssh server at the end of a chain" 8 'h4: .*Connection refused' \
    h1:1,h2:1,h3:1,h4:1 --ssh-fan-out 1
on h1 ip route del 10.77.0.0/24
fails "no way to a host" 8 'h2: .*Network is unreachable' h1:1,h2:1

on h3 mount --bind /dev/null /usr/bin/ssh
run_on h3 "$IPCRUN" --hosts h3:1,h2:1 true
like "$status $(<"$err")" '^[12] ipcrun: start the agent on host h2: .*ssh' \
    "faults: a machine without ssh"

done_testing
