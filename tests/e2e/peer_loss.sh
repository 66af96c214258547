# SPDX-License-Identifier: Apache-2.0
# Proves: a rank killed at any step of an operation is named to every survivor within a second,
# nobody writes to memory that a survivor has dropped since, and ipcrun ends with the rank's status.
source "$TAP"

# loses POINT RANKS ELEMENTS: the last rank is killed at POINT, in operation 3 or later.
loses() {
    local point=$1 ranks=$2 elements=$3 victim=$(($2 - 1)) what="$1, $2 ranks, $3 elements"
    # Survivors are given the time to look around.
    IPCRUN_FAULT=$point:$victim:3 run "$IPCRUN" --grace 20 -n "$ranks" \
        sh -c 'trap "" TERM; exec "$@"' sh "$IPCRUN_LUA" "${BASH_SOURCE[0]%/*}/survivor.lua" \
            "$elements"
    local expected
    expected=$(for ((i = 0; i < victim; ++i)); do echo "$i peer_lost $victim clean"; done)
    is "$(sort -n "$out" | awk '{ print $1, $2, $3, $5, $6, $7, $8 }' | sed 's/ *$//')" \
        "$expected" \
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

run env IPCRUN_FAULT=after_lunch:0:1 "$IPCRUN" -n 1 "${BASH_SOURCE[0]%/*}/survivor.lua" 1
is "$status" 1 "a fault that is not there is an error"
like "$(<"$err")" "IPCRUN_FAULT 'after_lunch:0:1': it must be POINT:RANK:OPERATION" \
    "that says what is"

done_testing
