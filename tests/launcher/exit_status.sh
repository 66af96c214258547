# SPDX-License-Identifier: Apache-2.0
# Proves: the exit status is that of the first worker that failed, or 128 + signal; what is said
# about it comes once; survivors are ended.
source "${TAP:?is set by meson test}"

run "$IPCRUN" -n 4 true
is "$status" 0 "a job in which nobody fails ends with 0"
is "$(<"$err")" "" "and says nothing"

run "$IPCRUN" -n 4 sh -c '[ $IPCRUN_RANK = 2 ] && exit 7; exec sleep 60'
is "$status" 7 "the exit status is that of the first worker that failed"
like "$(<"$err")" '^ipcrun: rank 2 \(pid [0-9]+\) ended with exit status 7$' "one line names it"
nothing_left "and the others are ended"

run "$IPCRUN" -n 3 sh -c '[ $IPCRUN_RANK = 1 ] && kill -SEGV $$; exec sleep 60'
is "$status" 139 "a worker killed by a signal gives 128 + signal"
like "$(<"$err")" '^ipcrun: rank 1 \(pid [0-9]+\) was killed by signal 11 \(Segmentation fault\)$' \
    "and the line names the signal"

run "$IPCRUN" -n 3 sh -c '[ $IPCRUN_RANK = 1 ] && kill -KILL $$; exec sleep 60'
is "$status" 137 "kill -9 of a worker gives 137"
nothing_left "and leaves nothing"

mkfifo "$work/fifo"
run "$IPCRUN" -n 2 sh -c 'if [ $IPCRUN_RANK = 1 ]; then read -r line <"$1"; echo $line; else
    sh -c "sleep 0.5; echo late >$1" & exit 0; fi' sh "$work/fifo"
is "$status $(<"$out")" "0 late" "a rank that ends with 0 does not end the job, nor its children"

run "$IPCRUN" -n 8 false
is "$status" 1 "eight failures at once are one exit status"
like "$(head -1 "$err")" '^ipcrun: rank [0-7] \(pid [0-9]+\) ended with exit status 1$' \
    "the first is named"
is "$(wc -l <"$err")" 2 "and the others are counted in one line"

start=$(now_ms)
run "$IPCRUN" -n 3 sh -c '[ $IPCRUN_RANK = 2 ] && exit 3; trap "" TERM; while :; do sleep 60; done'
is "$status" 3 "workers that ignore TERM do not hide the first cause"
ok "and are killed within a second" test $(($(now_ms) - start)) -lt 1300

start=$(now_ms)
run "$IPCRUN" -n 2 --grace 0 sh -c \
    '[ $IPCRUN_RANK = 1 ] && exit 3; trap "" TERM; while :; do sleep 60; done'
ok "--grace 0 kills them after the notice of a quarter second" test $(($(now_ms) - start)) -lt 800

run "$IPCRUN" -n 2 sh -c 'if [ $IPCRUN_RANK = 1 ]; then sleep 0.1; exit 3; fi; kill -STOP $$'
is "$status" 3 "a stopped worker is ended too"

run "$IPCRUN" -n 2 --timeout 0.3 sleep 60
is "$status" 124 "--timeout ends the job with 124"
is "$(<"$err")" "ipcrun: the job took longer than 0.3 s (--timeout)" "and says so"
nothing_left "and leaves nothing"

run "$IPCRUN" -n 2 --timeout 30 true
is "$status" 0 "--timeout does nothing to a job that ends in time"

printf 'echo hello\n' >"$work/no-first-line"
chmod +x "$work/no-first-line"
run "$IPCRUN" -n 2 "$work/no-first-line"
is "$status" 1 "a program that cannot be executed is a failure"
like "$(<"$err")" \
    "^ipcrun: start rank 0: execute '.*no-first-line': Exec format error; a script begins" \
    "that says why and what to do"

done_testing
