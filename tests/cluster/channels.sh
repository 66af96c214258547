# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: channels by name are the same on ranks of several hosts as on those of one, whoever of
# them ends.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 4

# part NAME HOSTS: ranks that tell what they heard of another's end are given the time for it.
part() {
    run_on h1 "$IPCRUN" --hosts "$2" --timeout 60 --grace 10 sh -c 'trap "" TERM; exec "$@"' sh \
        "$BUILD/bindings/lua/interpreter/ipcrun-lua" "$SOURCES/tests/cluster/channels.lua" "$1"
}
told() { sort "$out" | tr '\t' ' ' | paste -sd'|'; }

for where in h1:1,h2:3 h1:2,h2:2,h3:1,h4:2 h1:1,h2:1,h3:1,h4:1; do
    part work "$where"
    is "$status $(told)" "0 rank 2: 9045050 0" "work by name is done once each over $where"
done

part large h1:1,h2:1,h3:1
is "$status $(told)" "0 rank 1: true" "a tensor of 64 MB comes whole from one host to another"

part times h1:1,h2:1,h3:1
expected="rank 0: 0|rank 1: 0|rank 1: one|rank 1: true|rank 1: true 0"
expected+="|rank 2: 0|rank 2: 0|rank 2: 0 0"
is "$status $(told)" "0 $expected" \
    "times pass, and no item is taken by who has given up"

part select h1:1,h2:1,h3:1
is "$status $(told)" "0 rank 1: far 1 far 2 near" "a select finds items of other hosts"

part sent h1:1,h2:1,h3:1
is "$status $(told)" "0 rank 1: from the last rank" "a channel goes to other hosts in messages"

run_on h1 env LUA_PATH="$SOURCES/tests/e2e/?.lua;$SOURCES/tests/lua/?.lua" "$IPCRUN" \
    --hosts h1:2,h2:1,h3:2 --timeout 100 "$SOURCES/tests/shared_channels/ranks.lua" hosts
like "$status $(grep -c '^not ok' "$out")" '^0 0$' "what holds on one host holds over three" ||
    sed 's/^/# /' "$out" "$err"

part early h1:1,h2:1,h3:1
is "$status $(told)" "0 rank 1: left behind" "the rank that serves stays until the others end"

part error h1:1,h2:1,h3:1
like "$status $(<"$err")" '^1 .*a mistake of this rank' "but not when it has failed"
is "$(grep -cE "^rank [12]:.*peer_lost.*'never': rank 0 on host h1" "$out")" 2 \
    "and those who wait are told of it" || sed 's/^/# /' "$out" "$err"

part kill h1:1,h2:2
is "$status" 137 "the end of the rank that serves is the job's"
is "$(grep -cE "^rank [12]:.*peer_lost.*'never': rank 0 on host h1.* signal 9" "$out")" 2 \
    "and those who wait are told how" || sed 's/^/# /' "$out" "$err"

part taker h1:1,h2:1,h3:1
is "$status $(told)" "137 rank 2: 20" "a rank that is killed while it waits takes no item along"

hosts_are_clean "and nothing is left"
done_testing
