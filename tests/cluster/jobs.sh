# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: a job on several hosts is as one on this host: who is where, what ranks are given, output,
# input, exit status; and programs may lie elsewhere on each host.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 3

who='echo "$IPCRUN_RANK/$IPCRUN_SIZE $(hostname) $IPCRUN_NODE" \
    "$IPCRUN_LOCAL_RANK/$IPCRUN_LOCAL_SIZE"'
# places ARGS...: who is where in a job with these arguments, launched on h1.
places() {
    run_on h1 "$IPCRUN" "$@" sh -c 'echo "$IPCRUN_RANK$(hostname)"'
    sort -n "$out" | paste -sd' '
}

run_on h1 "$IPCRUN" --hosts h1:2,h2:2,h3:2 -n 6 sh -c "$who"
is "$status $(<"$err")" "0 " "jobs: six ranks on three hosts end well"
is "$(sort "$out" | paste -sd,)" \
    "0/6 h1 0 0/2,1/6 h1 0 1/2,2/6 h2 1 0/2,3/6 h2 1 1/2,4/6 h3 2 0/2,5/6 h3 2 1/2" \
    "jobs: every rank is on its host and knows its numbers"

is "$(places --hosts h1:1,h2:3,h3:2)" "0h1 1h2 2h2 3h2 4h3 5h3" "jobs: slots are a host's ranks"
is "$(places --hosts h3:1,h2:3,h1:1 -n 3)" "0h3 1h2 2h2" "jobs: a host may get no rank"
is "$(places --hosts h2,h2,h3:1)" "0h2 1h2 2h3" "jobs: a host that is named twice has two slots"
is "$(places --hosts h1:1,h2-b:1,10.77.0.3:1)" "0h1 1h2 2h3" "jobs: names of NICs, addresses"
printf '# a comment\nh[1-3] slots=1 # each\n\nh2 slots=1\n' >"$work/hostfile"
is "$(places --hostfile "$work/hostfile")" "0h1 1h2 2h2 3h3" "jobs: a hostfile with a range"
is "$(places --hostfile "$work/hostfile" --exclude h2)" "0h1 1h3" "jobs: --exclude"
is "$(IPCRUN_HOSTS=h2:1,h3:1 places)" "0h2 1h3" "jobs: the hosts of IPCRUN_HOSTS"

is "$(places --hosts h1:1,h2:2,h3:1 --ssh-fan-out 1)" "0h1 1h2 2h2 3h3" "jobs: agents in a chain"

on h1 mount --bind /bin/false /usr/bin/ssh
is "$(places --hosts localhost:2) $(places --hosts h1:1) $(places --hosts 10.78.0.1:1)" \
    "0h1 1h1 0h1 0h1" "jobs: this host needs no ssh, whatever it is called"
on h1 umount /usr/bin/ssh

run_on h1 "$IPCRUN" --hosts h1:2,h2:2,h3:2 sh -c '
    for i in $(seq 300); do
        printf "rank %d " $IPCRUN_RANK; printf "line %d " $i; printf "%0200d end\n" $i
    done'
is "$(wc -l <"$out") $(grep -cvE '^rank [0-5] line [0-9]+ [0-9]{200} end$' "$out")" "1800 0" \
    "jobs: lines of all hosts come whole"
is "$(grep '^rank 5 ' "$out" | cut -d' ' -f4 | paste -sd' ')" "$(seq -s' ' 300)" \
    "jobs: and in order"
run_on h1 "$IPCRUN" --hosts h2:2,h3:2 sh -c 'yes 123456789 | head -c 10000000'
is "$status $(grep -cvx 123456789 "$out") $(wc -c <"$out")" "0 0 40000000" \
    "jobs: 40 MB from two hosts arrive whole"
run_on h1 "$IPCRUN" --hosts h1:1,h2:1,h3:1 --tag-output sh -c 'hostname; hostname >&2'
is "$(sort "$out" | paste -sd,) $(sort "$err" | paste -sd,)" \
    "[0] h1,[1] h2,[2] h3 [0] h1,[1] h2,[2] h3" "jobs: --tag-output tags lines of both streams"

run_on h1 "$IPCRUN" --hosts h1:1,h2:2,h3:1 sh -c '[ $IPCRUN_RANK = 2 ] && exit 7; exec sleep 60'
is "$status" 7 "jobs: the exit status of the first failure"
like "$(<"$err")" '^ipcrun: rank 2 \(pid [0-9]+ on host h2\) ended with exit status 7' \
    "jobs: which is told"
run_on h1 "$IPCRUN" --hosts h1:1,h2:1 sh -c '[ $IPCRUN_RANK = 1 ] && kill -SEGV $$; exec sleep 60'
is "$status" 139 "jobs: of a signal, too"
run_on h1 "$IPCRUN" --hosts h1:1,h2:1 --timeout 0.5 sleep 60
is "$status" 124 "jobs: --timeout holds for all hosts"
hosts_are_clean "jobs: whose ranks are gone then"

head -c 3000000 /dev/urandom >"$work/random"
sum=$(sha256sum <"$work/random")
run_on h1 "$IPCRUN" --hosts h2:2,h3:1 sh -c '[ $IPCRUN_RANK = 0 ] && exec sha256sum; cat' \
    <"$work/random"
is "$status $(<"$out")" "0 $sum" "jobs: standard input goes to rank 0 on another host"
run_on h1 "$IPCRUN" --hosts h1:1,h2:1,h3:1 --stdin 2 sh -c '
    [ $IPCRUN_RANK = 2 ] && exec sha256sum; cat' <"$work/random"
is "$status $(<"$out")" "0 $sum" "jobs: or to another rank"
run_on h1 "$IPCRUN" --hosts h2:1 head -c 5 <"$work/random"
is "$status $(cmp -n 5 "$out" "$work/random" 2>&1)" "0 " "jobs: a rank need not read all of it"
run_on h1 "$IPCRUN" --hosts h2:1 sh -c 'read -r line; echo "$line"' < <(echo first; exec sleep 60)
is "$status $(<"$out")" "0 first" "jobs: nor need it end"

cd "$work" || exit 1
run_on h1 "$IPCRUN" --hosts h1:1,h2:1 sh -c 'pwd; echo $PWD'
is "$(sort -u "$out")" "$work" "jobs: ranks run where ipcrun does"
run_on h1 "$IPCRUN" --hosts h1:1,h2:1 --wdir /run pwd
is "$(sort -u "$out")" "/run" "jobs: or in --wdir"
on h1 mkdir /run/only
run_on h1 "$IPCRUN" --hosts h1:1,h2:1 --wdir /run/only pwd
like "$status $(<"$err")" "^[12] ipcrun: [^"$'\n'"]*h2[^"$'\n'"]*/run/only[^"$'\n'"]*$" \
    "jobs: a folder that another host lacks is named, and the host"

run_on h1 env HOSTNAME=h1 GIVEN=1 "$IPCRUN" --hosts h2:1 -x MORE="a b" \
    sh -c 'echo "$HOSTNAME-$HOME-$GIVEN-$MORE"'
like "$(<"$out")" '^(h2)?-/root-1-a b$' \
    "jobs: the environment comes along, but what tells of a host"
run_on h1 env HOME=/nowhere "$IPCRUN" --hosts h2:1 -x HOME sh -c 'echo "$HOME"'
is "$(<"$out")" /nowhere "jobs: unless -x names it"

for host in h1 h2; do
    on "$host" sh -c 'mkdir /root/bin; printf "#!/bin/sh\necho tool of $1\n" >/root/bin/tool
        chmod +x /root/bin/tool' sh "$host"
done
run_on h1 env PATH="/root/bin:$PATH" "$IPCRUN" --hosts h1:1,h2:1 tool
is "$(sort "$out" | paste -sd,)" "tool of h1,tool of h2" "jobs: programs are each host's own"
run_on h1 env PATH="/root/bin:$PATH" "$IPCRUN" --hosts h1:1,h2:1,h3:1 tool
like "$status $(<"$err")" "^(1|2|127) ipcrun: [^"$'\n'"]*tool[^"$'\n'"]*$" "jobs: or are missed"
like "$(<"$err")" h3 "jobs: on a host that is named"

cluster own h3 "$BUILD/launcher"
on h3 sh -c 'mkdir /root/elsewhere; mv "$1" /root/elsewhere/other' sh "$IPCRUN"
printf 'h1 slots=1\nh2 slots=1 wdir=/run\nh3 slots=1 ipcrun=/root/elsewhere/other wdir=/tmp\n' \
    >"$work/hostfile"
run_on h1 "$IPCRUN" --hostfile "$work/hostfile" sh -c 'echo "$(hostname) $(pwd)"'
is "$status $(sort "$out" | paste -sd,)" "0 h1 $work,h2 /run,h3 /tmp" \
    "jobs: ipcrun may lie elsewhere on a host, and have another folder"
run_on h1 "$IPCRUN" --hosts h3:1 --agent-path /root/elsewhere/other hostname
is "$status $(<"$out")" "0 h3" "jobs: or elsewhere on all of them"

hosts_are_clean "jobs: nothing is left of any"
# listeners ARGS...: at which addresses of h2, as the kernel writes them, a job listens how often.
listeners() {
    run_on h1 "$IPCRUN" "$@" --hosts h1:1,h2:2 sh -c '[ $IPCRUN_RANK = 2 ] || exec sleep 60
        awk "\$4 == \"0A\" && \$2 !~ /:0016/ { print \$2 }" /proc/net/tcp /proc/net/tcp6
        exit 3'
    cut -d: -f1 "$out" | sort | uniq -c | tr -s ' ' | sed 's/^ //' | paste -sd,
}
is "$(listeners)" "2 02004D0A" "jobs: each rank is listened for at the address that ssh came to"
is "$(listeners --iface eth1)" "2 02004E0A" "jobs: or at that of --iface, and nowhere else"
run_on h1 "$IPCRUN" --iface nosuch0 --hosts h1:1,h2:1 true
is "$status" 2 "jobs: an interface that is not there is a user's mistake"
like "$(<"$err")" '^ipcrun: option --iface nosuch0: .*there are: lo, eth0, eth1' \
    "jobs: that is told"

done_testing
