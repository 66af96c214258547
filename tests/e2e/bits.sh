# SPDX-License-Identifier: Apache-2.0
# Proves: results are bit-identical on all ranks and from run to run, for 1 to 17 ranks, with ranks
# bound, unbound, and some of them slow.
source "${TAP:?is set by meson test}"
script=${BASH_SOURCE[0]%/*}/bits.lua

sums() { sort "$out" | uniq -c | sed 's/^ *//'; }

for ranks in {1..17}; do
    run "$IPCRUN" -n "$ranks" --bind-to core "$script"
    bound=$(sums)
    like "$status $bound" "^0 $ranks [0-9a-f]{16}\$" "$ranks ranks, bound: the same bits on all"
    run "$IPCRUN" -n "$ranks" --bind-to none "$script"
    is "$(sums)" "$bound" "$ranks ranks, unbound: the same"
    run "$IPCRUN" -n "$ranks" --bind-to none "$script" slow
    is "$(sums)" "$bound" "$ranks ranks, some of them slow: the same"
done

done_testing
