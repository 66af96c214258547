# SPDX-License-Identifier: Apache-2.0
# Proves who is a rank: ipcrun-lua or a plain lua5.4, as the program or under a shell; who is not: a
# second process of the same rank, programs that a rank starts, programs that ignore us.
source "${TAP:?is set by meson test}"
lua=$(command -v lua5.4)

cat >"$work/sum.lua" <<'END'
local ipc, torch = require "ipc", require "torch"
local world = ipc.world()
local t = torch.FloatTensor(5000):fill(world.rank + 1)
world:allreduce(t)
print(world.rank, world.size, t:min(), t:max(), torch.type(t))
END
expected=$(for rank in 0 1 2 3; do printf '%s\t4\t10.0\t10.0\ttorch.FloatTensor\n' "$rank"; done)
sums() { sort "$out"; }

run "$IPCRUN" -n 4 "$work/sum.lua"
is "$status $(sums)" "0 $expected" "a script"
cp "$work/sum.lua" "$work/-e.lua"
run "$IPCRUN" -n 4 --wdir "$work" -- -e.lua
is "$status $(sums)" "0 $expected" "a script whose name looks like an option"
run "$IPCRUN" -n 4 sh -c 'exec "$@"' sh "$IPCRUN_LUA" "$work/sum.lua"
is "$status $(sums)" "0 $expected" "a shell that executes the interpreter"
run "$IPCRUN" -n 4 sh -c '"$@"; exit $?' sh "$IPCRUN_LUA" "$work/sum.lua"
is "$status $(sums)" "0 $expected" "a shell that starts the interpreter as its child"
run "$IPCRUN" -n 4 env "LUA_PATH=$SOURCES/bindings/lua/lua/?.lua" "LUA_CPATH=$LUA_MODULES/?.so" \
    "$lua" "$work/sum.lua"
is "$status $(sums)" "0 $expected" "a plain lua5.4 with our modules on its path"
run "$IPCRUN" -n 4 env "LUA_PATH=$SOURCES/bindings/lua/lua/?.lua" "LUA_CPATH=$LUA_MODULES/?.so" \
    sh -c '[ $((IPCRUN_RANK % 2)) = 0 ] && exec "$1" "$3"; exec "$2" "$3"' sh "$lua" "$IPCRUN_LUA" \
    "$work/sum.lua"
is "$status $(sums)" "0 $expected" "both in one job"

run "$IPCRUN" -n 3 sh -c '[ $IPCRUN_RANK = 2 ] && exit 0; exec "$@"' sh \
    "$IPCRUN_LUA" "$work/sum.lua"
is "$status" 1 "a program that ignores us and ends is missed by those who join"
like "$(<"$err")" 'allreduce\(5000 f32, sum\) at .*sum.lua:4: rank 2 ended without taking part' \
    "which say so"
run "$IPCRUN" -n 2 sh -c '[ $IPCRUN_RANK = 1 ] && exec sleep 0.1; exec "$@"' sh "$IPCRUN_LUA" -e \
    'print(require "ipc".world().size)'
is "$status $(<"$out")" "0 2" "and by nobody who needs nothing of it"

run "$IPCRUN" -n 2 sh -c '"$@" && "$@"' sh "$IPCRUN_LUA" -e 'require "ipc".world()'
is "$status" 1 "a second process of the same rank is an error"
like "$(<"$err")" \
    'join the job: rank [01] has been joined by process [0-9]+: only one process can be' \
    "that says who was first"

# Programs that a rank starts have its environment, but not its control socket.
child="require 'torch'; local w = require 'ipc'.world(); print(w.rank, w.size, w:allreduce(5))"
for interpreter in "$lua" "$IPCRUN_LUA"; do
    cat >"$work/parent.lua" <<END
local world = require "ipc".world()
local child = io.popen([[$interpreter -e "$child"]])
local text = child:read "a"
print(text, child:close())
print(world:allreduce(1))
END
    run env "LUA_PATH=$SOURCES/bindings/lua/lua/?.lua" "LUA_CPATH=$LUA_MODULES/?.so" \
        "$IPCRUN" -n 2 "$work/parent.lua"
    is "$status $(sort "$out" | tr '\t' ' ' | paste -sd'|')" \
        '0  true exit 0| true exit 0|0 1 5|0 1 5|2|2' \
        "a child of a rank, ${interpreter##*/}, is a world of its own"
done

# The number of the control socket may be anything in a program that did not inherit it.
for what in '3</dev/null' '3<&-'; do
    run sh -c "IPCRUN_RANK=1 IPCRUN_SIZE=2 IPCRUN_NODE=0 IPCRUN_LOCAL_RANK=1 IPCRUN_LOCAL_SIZE=2 \
        IPCRUN_CONTROL_FD=3 exec $IPCRUN_LUA -e \"print(require 'ipc'.world().size)\" $what"
    is "$status $(<"$out") $(<"$err")" "0 1 " "no job behind descriptor 3 ($what): a world of one"
done
run sh -c "IPCRUN_RANK=x exec $IPCRUN_LUA -e \"require 'ipc'.world()\" 3<&-"
is "$status" 1 "an environment that makes no sense stays an error"

done_testing
