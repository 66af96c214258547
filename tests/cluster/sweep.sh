# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC1090,SC1091,SC2016,SC2154
# Proves: every collective operation gives the right elements of every dtype, from none to 64 MiB,
# on 1 to 4 hosts with equal and unequal numbers of ranks; where every host has another path of the
# interpreter and another working directory.
source "${TAP:?is set by meson test}"
source "$CLUSTER/support.sh"
start_hosts 4

# On each host ipcrun, and with it the interpreter, lie elsewhere, and ranks work elsewhere. What
# they run has a name there, too.
hostfile() {
    local count host=0
    for count; do
        ((++host))
        echo "h$host slots=$count wdir=/root/work-$host ipcrun=/root/build-$host/launcher/ipcrun"
    done >"$work/hostfile"
}
for host in 1 2 3 4; do
    on "h$host" sh -euc 'mkdir "$1" "$2"; mount --bind "$3" "$1"; ln -s "$4" "$2/sweep"' \
        sh "/root/build-$host" "/root/work-$host" "$BUILD" "$SWEEP"
done
run_there() {
    run_on h1 env LUA_PATH="$SOURCES/tests/e2e/?.lua;$SOURCES/tests/lua/?.lua" \
        /root/build-1/launcher/ipcrun --hostfile "$work/hostfile" --timeout 100 "$@"
}

hostfile 1 1 1 1
printf '%s\n' 'local file = io.popen("readlink /proc/$PPID/exe; pwd")' \
    'print((file:read "a":gsub("\n", " ")))' >"$work/where.lua"
run_there "$work/where.lua"
is "$status $(sort "$out" | paste -sd,)" "0 $(for i in 1 2 3 4; do
    echo "/root/build-$i/bindings/lua/interpreter/ipcrun-lua /root/work-$i "
done | paste -sd,)" "sweep: each host has its own interpreter and folder"

# sweeps WHAT COUNT RANKS...: so many on each host.
sweeps() {
    local what=$1 count=$2 start
    shift 2
    hostfile "$@"
    start=$(now_ms)
    run_there ./sweep "$what"
    is "$status $(cat "$out" "$err")" "0 $count operations are right" \
        "sweep: $what, $# hosts with $* ranks"
    echo "# $(($(now_ms) - start)) ms"
}
sweeps short 378 4 4 4 4
sweeps long 252 4 4 4 4
sweeps large 14 4 4 4 4
sweeps some 210 1 3 4 2
sweeps some 210 4
sweeps some 210 2 2
sweeps some 210 1 2 2

# And from Lua, with tables, numbers and tensors of all shapes.
hostfile 1 3 4 2
for script in values exchange; do
    run_there "$SOURCES/tests/e2e/$script.lua"
    is "$status $(grep -vc '^ok' "$out")" "0 1" "sweep: $script.lua"
done

done_testing
