# SPDX-License-Identifier: Apache-2.0
# Proves: a rank killed at any step of an operation is named to every survivor within a second,
# nobody writes to memory that a survivor has dropped since, and ipcrun ends with the rank's status.
# One that is stopped is missed when a deadline passes, and ended when it holds on to their memory.
source "${TAP:?is set by meson test}"
survivor=${BASH_SOURCE[0]%/*}/survivor.lua

# loses POINT RANKS ELEMENTS: the last rank is killed at POINT, in operation 3 or later.
loses() {
    local point=$1 ranks=$2 elements=$3 victim=$(($2 - 1)) what="$1, $2 ranks, $3 elements"
    # Survivors are given the time to look around.
    IPCRUN_FAULT=$point:$victim:3 run "$IPCRUN" --grace 20 -n "$ranks" \
        sh -c 'trap "" TERM; exec "$@"' sh "$IPCRUN_LUA" "$survivor" "$elements"
    local expected
    expected=$(for ((i = 0; i < victim; ++i)); do echo "$i peer_lost $victim clean"; done)
    is "$(sort -n "$out" | awk '{ $4 = ""; print }' | tr -s ' ')" "$expected" \
        "$what: all survivors name the victim, and keep what is theirs"
    is "$(awk '$4 >= 1 { print }' "$out")" "" "$what: within a second"
    is "$status" 137 "$what: exit status 137"
    like "$(<"$err")" "^ipcrun: rank $victim \(pid [0-9]+\) was killed by signal 9 \(Killed\)\$" \
        "$what: told once"
}

for ranks in 2 3 8; do
    for point in after_publish after_arrive; do
        loses "$point" "$ranks" 10
    done
    for point in after_publish after_arrive after_claim mid_chunk after_done; do
        loses "$point" "$ranks" 300000
    done
done
nothing_left "nothing is left"

# kind POINT RANKS FORM...: the same of an operation of every kind, in C++ (loss.cpp).
kind() {
    local point=$1 ranks=$2 victim=$(($2 - 1))
    shift 2
    IPCRUN_FAULT=$point:$victim:7 run "$IPCRUN" --grace 20 -n "$ranks" \
        sh -c 'trap "" TERM; exec "$@"' sh "$LOSS" "$@"
    local expected
    expected=$(for ((i = 0; i < victim; ++i)); do echo "$i peer_lost $victim clean"; done)
    is "$status $(sort -n "$out" | awk '{ $4 = $4 < 1 ? "" : "late"; print }' | tr -s ' ')" \
        "137 $expected" "$point, $ranks ranks, $*: within a second all name the victim, unharmed"
}

for form in allreduce broadcast reduce reduce_scatter allgather gather scatter alltoall; do
    kind after_arrive 3 "$form" inline
    kind mid_chunk 3 "$form" large
    kind mid_chunk 3 "$form" private
done
for form in reduce_scatterv allgatherv gatherv scatterv alltoallv; do
    kind after_claim 3 "$form" large
    kind mid_chunk 8 "$form" private
done
kind after_publish 8 barrier inline
kind mid_chunk 8 allreduce large started
kind before_unload 3 alltoall copies
kind in_split 3 split

# stopped POINT RANKS FORM...: the last rank is stopped; operations have a deadline of 0.3 s.
stopped() {
    local point=$1 ranks=$2 victim=$(($2 - 1))
    shift 2
    IPCRUN_FAULT=$point:$victim:7:stop run "$IPCRUN" --grace 5 -n "$ranks" \
        sh -c 'trap "" TERM; exec "$@"' sh "$LOSS" "$@" 0.3
    local all expected
    all=$(sort -n "$out" |
        awk -v v="$victim" '$1 != v { print $1, $2, $4 < 1.3 ? "in time" : "late", $5 }')
    expected=$(for ((i = 0; i < victim; ++i)); do echo "$i timeout in time clean"; done)
    is "$all" "$expected" \
        "$point of a stopped rank, $ranks ranks, $*: a timeout for all others, unharmed"
}

told='^ipcrun: rank 2 \(pid [0-9]+\) was killed: it had stopped in the middle of work on the memory'
for form in 'allreduce large' 'allgatherv large' 'alltoall private'; do
    # shellcheck disable=SC2086
    stopped mid_chunk 3 $form
    is "$status" 137 "$form: the one that holds on to their memory is killed"
    like "$(<"$err")" "$told" "$form: which is told"
    is "$(grep -c 'was killed' "$err")" 1 "$form: once"
done
stopped after_arrive 3 allreduce inline
is "$status" 3 "one that holds nothing is left alone"
nothing_left "nothing is left of stopped ranks"

run env IPCRUN_FAULT=after_lunch:0:1 "$IPCRUN" -n 1 "$survivor" 1
is "$status" 1 "a fault that is not there is an error"
like "$(<"$err")" "IPCRUN_FAULT 'after_lunch:0:1': it must be POINT:RANK:OPERATION" \
    "that says what is"
run env IPCRUN_FAULT=after_arrive:0:1:pause "$IPCRUN" -n 1 "$survivor" 1
is "$status" 1 "so is an action that is not there"

done_testing
