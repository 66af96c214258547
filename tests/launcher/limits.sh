# SPDX-License-Identifier: Apache-2.0
# Proves: many ranks work with the usual limits, and what runs out is named.
source "${TAP:?is set by meson test}"

is "$(ulimit -Sn 1024 && "$IPCRUN" -n 200 true && echo fine)" fine "-n 200 with 1,024 descriptors"
is "$(ulimit -Sn 512 && "$IPCRUN" -n 1 sh -c 'ulimit -Sn')" 512 \
    "workers get the limit that ipcrun had"
is "$(ulimit -Sn 1024 && "$IPCRUN" -n 200 sh -c 'echo $IPCRUN_RANK' | sort -n | md5sum)" \
    "$(seq 0 199 | md5sum)" "and the output of all 200 arrives"
run bash -c "ulimit -n 64; exec $IPCRUN -n 200 sleep 60"
is "$status" 1 "too few descriptors end the job"
like "$(tail -1 "$err")" \
    '^ipcrun: start rank [0-9]+: .*Too many open files; raise .* open files \(ulimit -n\)$' \
    "and the message says which limit to raise"
nothing_left "and leave nothing"
run bash -c "ulimit -v 1000000; exec $IPCRUN -n 16777216 true"
is "$status" 2 "more ranks than a host can have are refused"
like "$(<"$err")" 'a host can have 4096 ranks at most' "before they take memory or time"

# ipcrun and its agent sleep while nothing happens.
"$IPCRUN" -n 2 sleep 60 &
job=$!
is_up() { [[ $(marked | wc -l) -ge 4 ]]; }
within 5 is_up
agent=$(ps -o pid= --ppid "$job" | tr -d ' ')
ticks() { awk '{print $14 + $15}' "/proc/$job/stat" "/proc/$agent/stat" | paste -sd' '; }
switches() { awk '/ctxt_switches/ {n += $2} END {print n}' "/proc/$job/status" \
    "/proc/$agent/status"; }
sleep 0.3
before="$(ticks) $(switches)"
sleep 0.5
is "$(ticks) $(switches)" "$before" "while nothing happens ipcrun and the agent do not run at all"
kill -TERM "$job"
wait "$job"

status=0
(ulimit -s 200 && exec "$IPCRUN" -n 2 true) >"$out" 2>"$err" || status=$?
is "$status" 0 "a small stack is enough"

done_testing
