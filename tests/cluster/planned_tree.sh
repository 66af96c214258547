# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2154
# Proves: over several hosts, too, the tree of the world is the one that --dry-run shows, and values
# go along it.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 4

# is_planned RANKS ARGS...
is_planned() {
    run_on h1 "$IPCRUN" --json --hosts "${@:2}"
    local planned
    planned=$(tr -d ' \n' <"$out" | sed 's/.*"parents":\[\([-0-9,]*\)\].*/\1/')
    run_on h1 "$IPCRUN" --hosts "${@:2}" "$SOURCES/tests/cluster/parents.lua"
    is "$status $(head -1 "$out")" "0 $planned" "planned tree: ranks over ${*:2} have it" ||
        sed 's/^/# /' "$err"
    is "$(tail -n +2 "$out")" "$(seq -s ' ' 0 $(($1 - 1)))" "planned tree: values go along it"
}

is_planned 4 h1:1,h2:3
is_planned 6 h1:4,h2:2
is_planned 10 h1:1,h2:3,h3:4,h4:2
is_planned 10 h1:1,h2:3,h3:4,h4:2 --tree-degree auto
is_planned 7 h3:1,h1:1,h2:1,h4:4 --map-by node
is_planned 9 h2:5,h3:4 --rank-by node

done_testing
