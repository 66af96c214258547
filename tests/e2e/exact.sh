# SPDX-License-Identifier: Apache-2.0
# Proves: in jobs of 1 to 17 ranks every operation gives exactly what a reference of wide integers
# and of the canonical order of floats gives, wherever the elements lie; and private memory is
# copied through the heap where the kernel lets nobody at it.
source "${TAP:?is set by meson test}"
exact=$EXACT

proves() {
    run "$IPCRUN" -n "$1" --timeout 25 "$exact" "$2"
    is "$status $(cat "$out" "$err")" "0 all $2 are right" "$1 ranks: $2"
}

for ranks in {1..17}; do
    proves "$ranks" reductions
    proves "$ranks" moves
    proves "$ranks" large
done

for error in EPERM:1 ENOSYS:38; do
    run "$IPCRUN" -n 3 --timeout 25 "$exact" private forbid "${error#*:}"
    is "$status $(cat "$out" "$err")" "0 copied" \
        "private memory is copied where a filter answers ${error%:*}"
done
run "$IPCRUN" -n 3 --timeout 25 sh -c '[ $IPCRUN_RANK = 1 ] && exec "$1" private forbid 1
    exec "$1" private' sh "$exact"
is "$status $(cat "$out" "$err")" "0 copied" "also when only one of the ranks is refused"

export IPCRUN_PEER_ACCESS=0
run "$IPCRUN" -n 3 --timeout 25 "$exact" private
is "$status $(cat "$out" "$err")" "0 copied" "and where IPCRUN_PEER_ACCESS=0 asks for it"

done_testing
