# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2046,SC2154
# Proves: children that parallel starts on other hosts are as those on this one; what cannot be
# started or is lost is an error that names the host; and nothing of them is ever left.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 4
LUA=$BUILD/bindings/lua/interpreter/ipcrun-lua
export OPENBLAS_NUM_THREADS=1

# part NAME: runs it on h1, 60 seconds at most.
part() { run_on h1 timeout 60 "$LUA" "$CLUSTER/forks.lua" "$@"; }

part echo
is "$(paste -sd, "$out")" $'text\ttrue,table\ttrue\tx\t1000000,left\t0' \
    "forks: arguments and values come back as they went"
is "$status $(<"$err")" "0 1 on h2 stops" \
    "forks: what a child writes to standard error comes out here"
hosts_are_clean "forks: nothing is left of a child that has ended"

part remotes
is "$status $(paste -sd, "$out")" $'0 6\t6\t4\t12,28' \
    "forks: sixteen over 8, 16 and 4 cores are six, six and four"
part full
is "$(paste -sd, "$out")" "h2 h3 h3 h2 h3,3" "forks: beyond the cores they are dealt out in turn"
is "$(grep -c 'WARNING: forking more processes than cores available' "$err")" 1 \
    "forks: with one warning"
part calibrate
is "$(<"$out")" $'fastest\t1.0\t3' "forks: calibrate sets the speed of each remote"
part nested
is "$(<"$out")" "h3 is h3" "forks: a child on another host has children on others"
part protocol
is "$(paste -sd, "$out")" $'h2\th2,h2' "forks: protocols start the agent their own way"
part folder
is "$(<"$out")" "$PWD $PWD" "forks: a child begins in the folder of its parent"
on h1 mkdir /run/only
run_on h1 sh -c 'cd /run/only; exec timeout 60 "$@"' sh "$LUA" "$CLUSTER/forks.lua" folder
is "$(<"$out")" "/root /root" "forks: or at home, where its host has none of that name"
hosts_are_clean "forks: nothing is left of any of these"

on h4 sh -c 'kill $(cat /run/sshd.pid)'
part fails
like "$(sed -n 1p "$out")" '^system: parallel: start child 1 on h4: .*no ssh server' \
    "forks: a host without an ssh server is an error that says so"
like "$(sed -n 2p "$out")" '^system: .*host nohost: its name is not known' \
    "forks: so is a name that nobody knows"
like "$(sed -n 3p "$out")" '^system: .*host h2: .*/no/such/lua' "forks: and an interpreter"
like "$(sed -n 4p "$out")" '^child_failed: parallel: child 1 on h2 failed: .*broken here' \
    "forks: an error of a child is raised with its text"
like "$(tail -n 1 "$out")" '^child_failed: .*child 2 on h2 .* exit status 3' "forks: so is a status"
run_on h1 env IPCRUN_AGENT_PATH=/nowhere/ipcrun timeout 60 "$LUA" "$CLUSTER/forks.lua" fails
like "$(sed -n 3p "$out")" "'/nowhere/ipcrun' is not there.*IPCRUN_AGENT_PATH" \
    "forks: a host without ipcrun is an error that says where it was looked for"
hosts_are_clean "forks: nothing is left of those that failed"

# strike: begins a child on h2 and waits until it is there.
strike() {
    rm -f "$work/up"
    begin h1 "$LUA" "$CLUSTER/forks.lua" wait "$work"
    within 20 test -e "$work/up" || not_ok "a child is up"
}
# names REGEX NAME: the parent was told of it.
names() {
    ended
    like "$(sed -n 1p "$out")" "$1" "$2: an error that names the host"
    is "$status $(sed -n '$p' "$out")" "0 in time" "$2: in time"
}
strike
kill -KILL $(launcher)
hosts_are_clean "forks: nothing is left on any host when the parent is killed" 5
ended

strike
on h2 pkill -KILL -x ipcrun-relay
names 'host h2: .*signal 9' "forks: a relay there that is killed"
hosts_are_clean "forks: nothing is left of its child"

strike
on h1 pkill -KILL -n -x ssh
names 'host h2' "forks: ssh that is killed"
hosts_are_clean "forks: nothing is left of that child either"

strike
cluster link h2 down
names 'host h2' "forks: a cable that is pulled"
hosts_are_clean "forks: nothing is left on the host that is cut off" 25
cluster link h2 up

strike
cluster kill h2
names 'host h2' "forks: a host that fails"
hosts_are_clean "forks: nothing is left here then"

done_testing
