# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: with --deterministic four ranks have the same bits on one host and on several, however
# they are split: those of a reference, in the order of ranks.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 3
splits=("h1:4" "h1:1,h2:3" "h1:2,h2:1,h3:1")

# results ARGS...: what the ranks of a job print.
results() {
    run_on h1 "$IPCRUN" "$@"
    echo "$status $(sort -u "$out" | paste -sd,) $(<"$err")"
}

one_host=$(results --deterministic --hosts h1:4 "$SOURCES/tests/e2e/bits.lua")
like "$one_host" '^0 [0-9a-f]{16} $' "deterministic: all ranks of one host have the same bits"
folded=$(results --deterministic --hosts h1:4 "$SOURCES/tests/cluster/fold.lua")
like "$folded" '^0 .*\(\(01\)\(23\)\).* $' "deterministic: functions of Lua see values in order"
for where in "${splits[@]:1}"; do
    is "$(results --deterministic --hosts "$where" "$SOURCES/tests/e2e/bits.lua")" "$one_host" \
        "deterministic: they are the same over $where"
    is "$(results --deterministic --hosts "$where" "$SOURCES/tests/cluster/fold.lua")" "$folded" \
        "deterministic: so are those of functions of Lua"
done
for where in "${splits[@]}"; do
    for what in ordered large; do
        is "$(results --deterministic --hosts "$where" "$EXACT" $what)" "0 all $what are right " \
            "deterministic: $what over $where are those of the reference, to the bit"
    done
done

is "$(IPCRUN_DETERMINISTIC=1 results --hosts h1:1,h2:3 "$SOURCES/tests/e2e/bits.lua")" "$one_host" \
    "deterministic: as IPCRUN_DETERMINISTIC=1 has it"
plain=$(results --hosts h1:1,h2:3 "$SOURCES/tests/e2e/bits.lua")
like "$plain" '^0 [0-9a-f]{16} $' "deterministic: without it all ranks have the same bits, too"
ok "deterministic: but other ones than on one host" test "$plain" != "$one_host"

run_on h1 "$IPCRUN" --hosts h1:1,h2:1 sh -c 'IPCRUN_DETERMINISTIC=$IPCRUN_RANK exec "$0" "$1"' \
    "$BUILD/bindings/lua/interpreter/ipcrun-lua" "$SOURCES/tests/e2e/bits.lua"
is "$status" 1 "deterministic: ranks that do not agree on it fail"
like "$(<"$err")" 'ranks disagree: .*rank 1 calls .* with IPCRUN_DETERMINISTIC=1' \
    "deterministic: and are told"
run_on h1 env IPCRUN_DETERMINISTIC=yes "$IPCRUN" -n 1 "$SOURCES/tests/e2e/bits.lua"
like "$status $(<"$err")" "^1 .*IPCRUN_DETERMINISTIC 'yes': it must be 0 or 1" \
    "deterministic: a wish that makes no sense is told"

done_testing
