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

# Each host has a folder of its own, and one another interpreter.
on h3 sh -c 'mkdir /root/elsewhere; cp "$@" /root/elsewhere' sh "$IPCRUN" \
    "$BUILD/bindings/lua/interpreter/ipcrun-lua"
printf '%s\n' 'h1 slots=4' 'h2 slots=4 wdir=/run' 'h4 slots=4 wdir=/' \
    'h3 slots=4 wdir=/tmp ipcrun=/root/elsewhere/ipcrun' >"$work/hostfile"
train() {
    run_on h1 "$IPCRUN" "$@" "$SOURCES/examples/train.lua" --type double --epochs 4 --losses
}
losses() { sed -n 's/^epoch.*loss \([^ ]*\) .*/\1/p' "$out"; }
train -n 16
losses >"$work/one"
is "$status $(wc -l <"$work/one")" "0 4" "ranks: train.lua trains on one host"
train --hostfile "$work/hostfile"
losses >"$work/four"
is "$status $(<"$err")" "0 " "ranks: and on four, each with its own folder, one with its own ipcrun"
off=$(paste "$work/one" "$work/four" | awk '{ d = ($1 - $2) / $1; if (d < 0) d = -d
    if (d > most) most = d; if (NF != 2) most = 1 } END { print NR == 4 ? most + 0 : 1 }')
ok "ranks: the loss of every epoch is off by $off" awk -v off="$off" 'BEGIN { exit !(off <= 1e-9) }'

done_testing
