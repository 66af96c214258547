# SPDX-License-Identifier: Apache-2.0
# Proves what the agent does for programs that join the job, and how their errors are told.
source "${TAP:?is set by meson test}"
rank=$PROGRAMS/rank

is "$("$IPCRUN" -n 2 "$rank" join leave)" $'joined, 2 descriptors\njoined, 2 descriptors' \
    "a rank joins and gets the segment and the heap"
secrets() { "$IPCRUN" -n 3 "$rank" join secret leave | grep -E '^[0-9a-f]{64}$' | sort | uniq -c; }
first=$(secrets)
like "$first" '^ *3 [0-9a-f]{64}$' "all ranks of a job have one secret"
ok "and those of another job another" test "$(secrets)" != "$first"
like "$("$IPCRUN" -n 1 "$rank" join join)" 'refused: rank 0 has been joined by process [0-9]+' \
    "a second one is refused, and told who was first"
like "$("$IPCRUN" -n 1 "$rank" version)" \
    'refused: this ipcrun speaks version [0-9]+ .* the program version 77' \
    "another version is refused"
is "$("$IPCRUN" -n 1 "$rank" garbage exit 5; echo $?)" 5 \
    "garbage on the control socket harms nobody"

run "$IPCRUN" -n 2 sh -c '[ $IPCRUN_RANK = 0 ] && exec "$1" join peers; exec "$1" join kill' sh \
    "$rank"
is "$status" 137 "a rank that is killed is the first cause"
like "$(<"$out")" 'rank 1 is in state 4, signal 9 \(Killed\)' "its peers are told at once, and how"

run "$IPCRUN" -n 2 sh -c \
    '[ $IPCRUN_RANK = 0 ] && exec "$1" join peers; exec "$1" join leave exit 0' sh "$rank"
like "$status $(<"$out")" '^0 .*rank 1 is in state [23], exit status 0' \
    "a rank that leaves is told of too"

run "$IPCRUN" -n 2 sh -c 'if [ $IPCRUN_RANK = 0 ]; then exec "$1" join peers; fi
    "$1" join kill; echo survived; exit 0' sh "$rank"
like "$(<"$out")" 'rank 1 is in state 4' "a rank under a shell that dies without leaving has failed"

run "$IPCRUN" -n 2 sh -c 'if [ $IPCRUN_RANK = 0 ]; then exec "$1" join peers; fi
    "$1" join pause & sleep 0.2; exit 3' sh "$rank"
like "$status $(<"$out")" '^3 .*rank 1 is in state 4, exit status 3' \
    "a rank ends with the worker that it runs under"

# The socket is inherited by what a worker leaves behind; its rank has ended for all others.
run "$IPCRUN" -n 2 sh -c '[ $IPCRUN_RANK = 0 ] && { sleep 1; exit 0; }
    (sleep 0.3; "$1" join pause) & exit 0' sh "$rank"
is "$(<"$out")" 'refused: rank 1 has ended' "what is left of a worker cannot join as its rank"

run "$IPCRUN" -n 4 \
    "$rank" join runtime_error $'train.lua:3: boom\nstack traceback:\n\t[C]: in error' exit 1
is "$status" 1 "a reported error: exit status 1"
is "$(grep -c boom "$err")" 1 "the traceback comes once"
like "$(head -2 "$err" | paste -sd'|')" '^ipcrun: rank [0-3] failed:\|train.lua:3: boom$' \
    "and first"
like "$(tail -1 "$err")" '^ipcrun: the same error on ranks? [0-3,-]+$' "the others are counted"

for ((i = 0; i < 20; ++i)); do
    "$IPCRUN" -n 1 sh -c 'echo said before >&2; exec "$1" join runtime_error boom exit 1' sh \
        "$rank" 2>&1 |
        head -1
done >"$out"
is "$(sort -u "$out")" "said before" "what a rank wrote before it failed comes before its report"

run "$IPCRUN" -n 4 "$rank" load_error "train.lua:1: syntax error near 'x'" exit 1
is "$status $(<"$err")" \
    $'1 ipcrun: the script cannot be loaded:\ntrain.lua:1: syntax error near \'x\'' \
    "a script that cannot be loaded is one message for all ranks"

run "$IPCRUN" -n 3 sh -c 'if [ $IPCRUN_RANK = 1 ]; then exec "$1" join runtime_error boom exit 1; fi
    exec "$1" join peers peer_error "rank 1 is gone" exit 1' sh "$rank"
is "$status $(<"$err")" $'1 ipcrun: rank 1 failed:\nboom' \
    "errors that follow from another rank's are not told"

run "$IPCRUN" -n 2 sh -c 'if [ $IPCRUN_RANK = 1 ]; then exec "$1" join leave exit 0; fi
    exec "$1" join peers peer_error "rank 1 has left" exit 6' sh "$rank"
is "$status $(<"$err")" $'6 ipcrun: rank 0 failed:\nrank 1 has left' \
    "unless nothing else explains the failure"

# Rank 0 asks for the end of rank 1.
run "$IPCRUN" -n 2 sh -c '[ $IPCRUN_RANK = 0 ] && exec "$1" join settle fence 1 peers
    exec "$1" join stop' sh "$rank"
is "$status" 137 "a rank that stopped is killed when another asks for it"
like "$(<"$out")" 'rank 1 is in state 4, signal 9 \(Killed\)' "which its peers are told"
like "$(<"$err")" '^ipcrun: rank 1 \(pid [0-9]+\) was killed: it had stopped in the middle' \
    "and the user"
run "$IPCRUN" -n 2 sh -c 'if [ $IPCRUN_RANK = 0 ]; then exec "$1" join settle fence 1 peers; fi
    "$1" join stop; exit 7' sh "$rank"
like "$(<"$out")" 'rank 1 is in state 4' "so is one under a shell"
nothing_left "and nothing is left of either"
run "$IPCRUN" -n 2 sh -c '[ $IPCRUN_RANK = 0 ] || exit 0
    exec "$1" fence 1 answer join fence 0 answer fence -1 answer fence 2 answer fence 1 answer' sh \
    "$rank"
is "$status $(sort "$out" | sed -n 's/refused: //p' | paste -sd'|')" "0 $(
    printf 'rank 0 cannot ask for the end of rank %d\n' -1 0 1 1 2 | sort | paste -sd'|')" \
    "who asks before joining, or for itself, nobody, or one that has not joined, is refused"

like "$("$IPCRUN" -n 2 --bind-to core "$rank" join locality | grep -c 'numa [1-9]')" 2 \
    "a rank that is bound to a core is told of its NUMA node"
like "$("$IPCRUN" -n 1 --bind-to none "$rank" join locality)" 'numa 0, cache 0' \
    "one that is not bound has none"

touch "$work/script.lua"
is "$(IPCRUN_LUA=/bin/echo "$IPCRUN" -n 1 "$work/script.lua" a 'b c')" \
    "$work/script.lua a b c" "a .lua program is given to the interpreter, with its arguments"

done_testing
