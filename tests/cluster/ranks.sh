# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: ranks that join are one world over several hosts: every script that runs on one host runs
# there unchanged, and gives the same; and the end of any rank is known to all.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 4
uneven=h1:1,h2:3,h3:4,h4:2

# The scripts of tests/e2e report in TAP, by rank 0.
for script in values arguments disagreement exchange broadcasts started communicators messages \
    trees; do
    for where in h1:1,h2:1 "$uneven"; do
        run_on h1 env LUA_PATH="$SOURCES/tests/e2e/?.lua;$SOURCES/tests/lua/?.lua" \
            OPENBLAS_NUM_THREADS=1 "$IPCRUN" --hosts "$where" --timeout 100 \
            "$SOURCES/tests/e2e/$script.lua"
        is "$status $(grep -c '^ok' "$out") $(grep -v '^ok' "$out" | head -5)" \
            "0 $(grep -c '^ok' "$out") 1..$(grep -c '^ok' "$out")" \
            "ranks: $script.lua over $where" || head -20 "$err" | sed 's/^/# /'
    done
done

done_testing
