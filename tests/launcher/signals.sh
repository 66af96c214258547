# SPDX-License-Identifier: Apache-2.0
# Proves what becomes of signals that ipcrun gets and that do not end the job.
source "${TAP:?is set by meson test}"

cat >"$work/listener" <<'END'
#!/bin/bash
trap 'echo "$IPCRUN_RANK USR1"' USR1
trap 'echo "$IPCRUN_RANK USR2"' USR2
trap 'echo "$IPCRUN_RANK TERM"; exit 0' TERM
echo "$IPCRUN_RANK ready"
while :; do sleep 60 & wait $!; kill $!; done
END
chmod +x "$work/listener"
begin() {
    : >"$out"  # what the last job said is not to be taken for this one's
    "$IPCRUN" -n 2 --grace 5 "$work/listener" >"$out" 2>"$err" &
    job=$!
    within 5 said 2 ready
}
said() { [[ $(grep -c " $2\$" "$out") == "$1" ]]; }
agent_of() { ps -o pid= --ppid "$1" | tr -d ' '; }
workers() { ps -o pid= --ppid "$(agent_of "$job")" | tr -d ' '; }
states() { ps -o stat= -p "$(workers | paste -sd,)" | cut -c1 | sort -u | paste -sd,; }
show_processes() { ps -eo pid,ppid,pgid,sid,stat,args | grep -E \
    "^ *($job|$(agent_of "$job")) | $(agent_of "$job") " | sed 's/^/# /'; }
is_state() { [[ $(states) == "$1" && $(ps -o stat= -p "$job" | cut -c1) == "$1" ]]; }

begin
kill -USR1 "$job"
ok "USR1 reaches all ranks" within 5 said 2 USR1
kill -USR2 "$job"
ok "USR2 too" within 5 said 2 USR2
kill -TSTP "$job"
ok "TSTP stops ipcrun and its workers" within 5 is_state T || show_processes
kill -CONT "$job"
ok "CONT continues them" within 5 is_state S || show_processes
kill -TERM "$job"
status=0
wait "$job" || status=$?
is "$status" 143 "TERM: 128 + 15"
ok "and ranks may use the grace to end in order" said 2 TERM

# bash starts background commands with INT ignored, as it should stay.
begin
kill -INT "$job"
kill -USR1 "$job"
ok "a signal that was ignored at the start is not acted on" within 5 said 2 USR1
kill -TERM "$job"
wait "$job"

begin
kill -TERM "$(agent_of "$job")"
kill -USR1 "$job"
ok "the agent does not go by TERM before its workers" within 5 said 2 USR1
kill -TERM "$job"
wait "$job"
nothing_left "in the end nothing is left"

if command -v script >/dev/null; then
    # What is typed reaches the terminal's foreground process group; `script` makes the terminal.
    mkfifo "$work/keys"
    : >"$out"
    env --default-signal=INT script -qec \
        "$IPCRUN -n 3 sh -c 'echo up; exec sleep 60'" /dev/null <"$work/keys" >"$out" &
    job=$!
    exec 7>"$work/keys"
    is_up() { [[ $(grep -c up "$out") == 3 ]]; }
    within 5 is_up
    printf '\003' >&7
    status=0
    wait "$job" || status=$?
    is "$status" 130 "Ctrl-C at the terminal ends the job with 130"
    exec 7>&-
    nothing_left "and leaves nothing"
fi

done_testing
