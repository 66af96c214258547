# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: the pretend hosts are what the other tests take them for.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 3

# As long as a packet that is lost may take to be sent again.
reaches() { on "$1" timeout 5 bash -c ": </dev/tcp/$2/22" 2>/dev/null; }
reaches_not() { ! on "$1" timeout 1 bash -c ": </dev/tcp/$2/22" 2>/dev/null; }

is "$(on h2 hostname) $(on h3 hostname)" "h2 h3" "hosts: each has a name"
is "$(on h1 ssh h2 hostname) $(on h3 ssh h2-b hostname)" "h2 h2" \
    "hosts: ssh reaches them by both names"
on h1 touch /tmp/own /run/own /dev/shm/own /root/own "$work/shared"
is "$(on h2 sh -c 'ls /tmp /run /dev/shm /root | grep -c own')" 0 "hosts: folders of their own"
ok "hosts: what is shared is seen by all" on h3 test -e "$work/shared"

mkdir "$work/copied"
echo before >"$work/copied/file"
cluster own h2 "$work/copied"
on h2 sh -c "echo after >'$work/copied/file'"
is "$(on h2 cat "$work/copied/file") $(on h3 cat "$work/copied/file")" "after before" \
    "hosts: a folder can be one host's own"

on h3 sh -c '(setsid sleep 60 >/dev/null 2>&1 &)'
is "$(cluster left h3 | wc -l) $(cluster left h2 | wc -l)" "1 0" "hosts: what is left is counted"
on h3 pkill sleep
hosts_are_clean "hosts: and is seen to end"

cluster link h2 down
ok "hosts: without a cable there is no way" reaches_not h1 h2
cluster link h2-b up
ok "hosts: cables are plugged one by one" reaches h1 h2-b
cluster link h2 up
ok "hosts: and all at once" reaches h1 h2
cluster cut h1 h2
ok "hosts: a cut parts two" reaches_not h1 h2
ok "hosts: and no third" reaches h3 h2
run_on h1 timeout 1 bash -c ': </dev/tcp/h2/22'
is "$status $(<"$err")" "124 " "hosts: nor are they told"
cluster heal
begin h1 bash -c 'exec 3<>/dev/tcp/h2/22; read -r -u 3 banner; touch "$0/connected"
    until [ -e "$0/cut" ]; do sleep 0.01; done
    echo nonsense >&3; read -r -t 0.5 -u 3 answer || echo "$?$answer"; touch "$0/lost"
    read -r -t 10 -u 3 answer; echo "$answer"' "$work"
is_there() { [[ -e $work/$1 ]]; }
within 5 is_there connected
cluster cut h1 h2
touch "$work/cut"
within 5 is_there lost
cluster heal
ended
like "$(paste -sd' ' "$out")" '^142 Invalid SSH' \
    "hosts: what they send goes into a black hole, and comes when it is mended"
cluster loss h2-a 1
ok "hosts: what is lost does not come" reaches_not h1 h2
cluster heal
ok "hosts: all is healed" reaches h1 h2

mkdir "$work/other"
other=$(TMPDIR=$work/other cluster up $$ 1)
is "$(IPCRUN_CLUSTER=$other on h1 hostname)" h1 "hosts: another cluster has the same names"
IPCRUN_CLUSTER=$other cluster down
ok "hosts: nothing of it remains" rmdir "$work/other"

sleep 60 &
owner=$!
other=$(cluster up $owner 2)
process=$(<"$other/h2.pid")
kill -KILL $owner
wait $owner 2>/dev/null
is_gone() { [[ ! -e $other && ! -e /proc/$process ]]; }
ok "hosts: they end with their owner" within 10 is_gone

ssh_to_h3() { on h1 ssh -o ServerAliveInterval=15 -o ServerAliveCountMax=1 h3 "$@"; }
ssh_to_h3 'echo up; exec sleep 60' >"$out" 2>/dev/null &
within 5 grep -q up "$out"
cluster kill h3
is "$(cluster left h3)" "" "hosts: one whose power fails has no processes"
ok "hosts: and says nothing" kill -0 $!
ok "hosts: nor answers" reaches_not h1 h3

done_testing
