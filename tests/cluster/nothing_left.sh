# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2046,SC2154
# Proves: whoever is killed, stopped or cut off, within seconds nothing of the job is left on any
# host, and the launcher, if it lives, says which host is lost.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 4

cat >"$work/stubborn" <<'END'
#!/bin/bash
trap '' TERM INT HUP QUIT
setsid bash -c 'trap "" TERM INT HUP QUIT; while :; do sleep 60; done' &
(setsid sleep 60 &) &
sleep 60 &
touch "$1/up.$IPCRUN_RANK"
while :; do wait; sleep 60; done
END
chmod +x "$work/stubborn"

# Five processes a rank, and the agents: two on each of the other hosts.
all_up() {
    local rank host
    for rank in 0 1 2 3; do [[ -e $work/up.$rank ]] || return 1; done
    for host in h1 h2 h3; do (($(cluster left $host | wc -l) >= 7)) || return 1; done
}
# strike ARGS...: begins a job on three hosts and waits until all of it is there.
strike() {
    rm -f "$work"/up.*
    begin h1 "$IPCRUN" --hosts h1:1,h2:2,h3:1 "$@" "$work/stubborn" "$work"
    within 10 all_up || not_ok "the job is up: $*"
}
# names HOST REGEX NAME: the launcher has failed with one line that says so.
names() {
    ended
    is "$status $(wc -l <"$err")" "1 1" "$3: a failure of ipcrun"
    like "$(<"$err")" "^ipcrun: .*$1.*$2" "$3: which names the host"
}

strike
kill -KILL $(launcher)
hosts_are_clean "after kill -9 of the launcher"
ended

strike
kill -KILL $(agent_on h2)
hosts_are_clean "after kill -9 of an agent"
names h2 'signal 9' "an agent that is killed"

strike
kill -KILL $(guard_on h2)
hosts_are_clean "after kill -9 of an agent's guard"
names h2 '' "a guard that is killed"

strike
kill -KILL $(guard_on h2) $(guard_on h3)
hosts_are_clean "after kill -9 of two guards"
ended
is "$status" 1 "which is a failure of ipcrun"

strike
on h1 pkill -KILL -n -x ssh
hosts_are_clean "after kill -9 of ssh"
names 'h[23]' '' "ssh that is killed"

# Agents that are started by agents: h1 starts h2, which starts h3.
strike --ssh-fan-out 1
kill -KILL $(launcher)
hosts_are_clean "after kill -9 of the launcher of a chain"
ended
for victim in agent guard; do
    strike --ssh-fan-out 1
    kill -KILL $(${victim}_on h2)
    hosts_are_clean "after kill -9 of the $victim in the middle of a chain"
    ended
    is "$status" 1 "which is a failure of ipcrun"
    like "$(<"$err")" 'host h2' "that names the host"
done
strike --ssh-fan-out 1 --host-timeout 2
cluster link h2 down
hosts_are_clean "after the middle of a chain lost its cable" 8
ended
is "$status" 1 "which is a failure of ipcrun"
like "$(<"$err")" 'host h2' "that names the host"
cluster link h2 up

for signal in INT TERM HUP; do
    strike
    kill -s $signal $(launcher)
    hosts_are_clean "after SIG$signal, with ranks that ignore it"
    ended
    is "$status $(<"$err")" "$((128 + $(kill -l $signal))) " "SIG$signal: exit status, no words"
done

strike --grace 60
job_launcher=$(launcher)
is_killed() { ! kill -INT "$job_launcher" 2>/dev/null; }
ok "a second Ctrl-C kills at once" within 3 is_killed
hosts_are_clean "on all hosts"
ended
is "$status" 130 "with the exit status of the first"

run_on h1 "$IPCRUN" --hosts h1:1,h2:1,h3:1 \
    sh -c 'sleep 60 & setsid sleep 60 & (setsid sh -c "sleep 60" &) & exit 0'
is "$status" 0 "a job that leaves processes behind ends all the same"
hosts_are_clean "and they are swept"

# A worker is lost in the middle of a job.
strike
kill -KILL $(for pid in $(cluster left h3); do
    grep -qsz "^$work/stubborn" "/proc/$pid/cmdline" && echo "$pid"
done | head -1)
hosts_are_clean "after kill -9 of a rank"
ended
is "$status" 137 "whose exit status it has"

# Who is suspended hears nothing, and must not take that for silence, nor be taken for dead.
rm -f "$work"/up.*
begin h1 "$IPCRUN" --hosts h1:1,h2:1 --host-timeout 2 \
    sh -c 'touch "$0/up.$IPCRUN_RANK"; until [ -e "$0/go" ]; do sleep 0.1; done' "$work"
both_up() { [[ -e $work/up.0 && -e $work/up.1 ]]; }
within 5 both_up
suspended=$(launcher)
kill -TSTP "$suspended"
is_stopped() { [[ $(ps -o stat= -p "$suspended") == T* ]]; }
ok "a job can be suspended" within 2 is_stopped
sleep 6 # three times its patience
kill -CONT "$job" "$suspended" # nsenter stops with its child
sleep 1
touch "$work/go"
ended
is "$status $(<"$err")" "0 " "for longer than --host-timeout, and go on"

strike --host-timeout 2
kill -STOP $(agent_on h3)
within 10 is_clean
names h3 'silent for 2 s' "an agent that is stopped"
hosts_are_clean "after an agent was stopped" 8

strike --host-timeout 2
cluster link h2 down
names h2 'silent for 2 s' "a cable that is pulled"
hosts_are_clean "after a cable was pulled" 6
cluster link h2 up

strike --host-timeout 2
cluster link h1 down
hosts_are_clean "after the launcher's cable was pulled" 8
ended
is "$status" 1 "the launcher ends"
like "$(<"$err")" 'host h2.*host h3|host h3.*host h2' "and names both hosts"
cluster link h1 up

strike --host-timeout 2
cluster kill h3
names h3 'silent for 2 s' "a host whose power fails"
hosts_are_clean "after a host's power failed"

done_testing
