# SPDX-License-Identifier: Apache-2.0
# Proves: within a second nothing is left of a job, whoever is killed and however its programs try
# to get away: ignored TERM, sessions of their own, daemons, children in a shell's background.
source "${TAP:?is set by meson test}"

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
ranks=3

all_up() {
    local rank
    for ((rank = 0; rank < ranks; ++rank)); do [[ -e $work/up.$rank ]] || return 1; done
    # Three stubborn sleepers a rank at least, beside ipcrun, the agent and the ranks.
    (($(marked | wc -l) >= 2 + 4 * ranks))
}

# begin COMMAND...: runs it in the background as $job and waits until all its processes are there.
begin() {
    rm -f "$work"/up.*
    "$@" >"$out" 2>"$err" &
    job=$!
    within 10 all_up || not_ok "the job is up: $*"
}
job_status() { status=0; wait "$job" 2>/dev/null || status=$?; }
agent_of() { env -u IPCRUN_TEST_MARK ps -o pid= --ppid "$1" | tr -d ' '; }
shm_before=$(ls -A /dev/shm)

begin "$IPCRUN" -n $ranks "$work/stubborn" "$work"
kill -KILL "$job"
nothing_left "after kill -9 of ipcrun"
job_status

begin "$IPCRUN" -n $ranks "$work/stubborn" "$work"
agent=$(agent_of "$job")
kill -KILL "$agent"
nothing_left "after kill -9 of the agent"
job_status
is "$status" 1 "which is a failure of ipcrun"
is "$(<"$err")" \
    "ipcrun: the agent (pid $agent) was killed by signal 9 (Killed); the job has been ended" \
    "and it says so"

begin "$IPCRUN" -n $ranks "$work/stubborn" "$work"
kill -KILL "$(env -u IPCRUN_TEST_MARK ps -o pid= --ppid "$(agent_of "$job")" | head -1)"
nothing_left "after kill -9 of a worker"
job_status
is "$status" 137 "whose exit status it has"

for signal in INT TERM HUP QUIT; do
    begin env --default-signal=INT,QUIT "$IPCRUN" -n $ranks "$work/stubborn" "$work"
    kill -s $signal "$job"
    nothing_left "after SIG$signal, with workers that ignore it"
    job_status
    is "$status" $((128 + $(kill -l $signal))) "SIG$signal: exit status 128 + signal"
    is "$(<"$err")" "" "SIG$signal: nothing needs to be said"
done

begin env --default-signal=INT "$IPCRUN" -n $ranks --grace 60 "$work/stubborn" "$work"
# Signals of one kind that come faster than they are handled are one.
is_killed() { ! kill -INT "$job" 2>/dev/null; }
within 2 is_killed
nothing_left "a second Ctrl-C kills at once"
job_status
is "$status" 130 "with the exit status of the first"

begin env --default-signal=INT "$IPCRUN" -n $ranks "$work/stubborn" "$work"
kill -STOP "$(agent_of "$job")"
within 6 is_killed
nothing_left "a second Ctrl-C does without an agent that does not answer"
job_status
is "$status" 1 "which is a failure of ipcrun"
like "$(<"$err")" '^ipcrun: the agent \(pid [0-9]+\) does not answer; the job has been ended$' \
    "that is told"

run "$IPCRUN" -n 2 sh -c 'sleep 60 & setsid sleep 60 & (setsid sh -c "sleep 60" &) & exit 0'
is "$status" 0 "a job that leaves processes behind ends all the same"
nothing_left "and they are swept"

run "$IPCRUN" -n 2 sh -c 'sleep 0.1 & wait; exit 4'
is "$status" 4 "sh -c 'x & wait' ends as it is"

begin timeout --signal=KILL 60 "$IPCRUN" -n $ranks "$work/stubborn" "$work"
kill -KILL -- "-$job" 2>/dev/null || kill -KILL "$job" "$(agent_of "$job")"
nothing_left "after kill -9 of ipcrun's whole process group"
job_status

is "$(ls -A /dev/shm)" "$shm_before" "nothing is left in /dev/shm"

# A shell starts process substitutions as children of the program that it then executes.
"$IPCRUN" -n 2 echo hi > >(sleep 0.2; cat >"$work/substituted")
within 5 test -s "$work/substituted"
is "$(wc -l <"$work/substituted")" 2 "children that ipcrun was born with are not swept"

done_testing
