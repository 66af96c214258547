# SPDX-License-Identifier: Apache-2.0
# Proves what ranks hear that wait for one that does not come: it left, it is late, it died. Every
# wait ends with an error that names it.
source "${TAP:?is set by meson test}"

# job RANKS [OPTIONS...] <SCRIPT: runs it with all of these known.
job() {
    {
        echo 'local ipc, torch = require "ipc", require "torch"'
        echo 'local world = ipc.world()'
        cat
    } >"$work/job.lua"
    # Ranks that tell what they heard are given the time for it.
    run "$IPCRUN" --grace 20 -n "$@" sh -c 'trap "" TERM; exec "$@"' sh \
        "$IPCRUN_LUA" "$work/job.lua"
}
sorted() { sort "$out"; }

# Until another rank has done something: what is not an operation of the world can take any time.
await='function await(name) repeat local file = io.open("'$work'/" .. name) until file end
function done(name) assert(io.open("'$work'/" .. name, "w")):close() end'
# Ranks say what their error was: code, rank, message.
tell='function tell(good, e) print(world.rank, good, type(e) == "table" and e.code, e.rank, e) end'

job 3 <<END
$tell
world:barrier()
if world.rank == 1 then return end
tell(pcall(world.barrier, world))
tell(pcall(world.allreduce, world, torch.ones(4)))
END
is "$status" 0 "a rank may leave early: those who can do without it end well"
is "$(cut -f1-4 "$out" | sort | uniq -c | sed 's/^ *//')" \
    $'2 0\tfalse\tpeer_lost\t1\n2 2\tfalse\tpeer_lost\t1' \
    "and those who wait for it get an error that names it, now and later"
like "$(sorted | head -1)" 'barrier\(\) at .*job\.lua:[0-9]+: rank 1 .* without taking part' \
    "which says where they waited, and that it ended"

job 4 <<END
$tell $await
if world.rank % 2 == 0 then
  tell(pcall(world.barrier, world, {timeout = world.rank == 0 and 0.2 or 30}))
  done "first"
else
  await "first"
  tell(pcall(world.barrier, world))
end
END
is "$status" 0 "a timeout is an error that scripts can catch"
is "$(cut -f3 "$out" | uniq -c | sed 's/^ *//')" "4 timeout" \
    "all who wait get it, and those who come too late"
like "$(grep ^0 "$out")" 'timed out waiting for ranks 1,3$' \
    "the one whose time is up names the missing"
like "$(grep ^2 "$out")" 'rank 0 gave up waiting' "the others name the one whose time was up"

job 3 <<END
$tell $await
local t = torch.FloatTensor(300000):fill(1)
if world.rank == 2 then await "second" end
tell(pcall(world.allreduce, world, t, "sum", {timeout = world.rank == 1 and 0.2 or nil}))
done "second"
END
is "$(cut -f1-3 "$out" | sort)" $'0\tfalse\ttimeout\n1\tfalse\ttimeout\n2\tfalse\ttimeout' \
    "allreduce too, of a large tensor"
like "$(grep ^1 "$out")" 'allreduce\(300000 f32, sum\) at .*timed out waiting for rank 2$' \
    "naming what and whom"

cat >"$work/uncaught.lua" <<END
local world = require "ipc".world()
if world.rank == 0 then world:barrier{timeout = 0.2} end
while true do end
END
run "$IPCRUN" -n 2 "$work/uncaught.lua"
is "$status" 1 "a timeout that nobody catches ends the job"
like "$(<"$err")" 'barrier\(\) at .*uncaught.lua:2: timed out waiting for rank 1' "and is told"

# kill -9 from outside: rank 1 waits to be killed, rank 0 in a barrier, rank 2 in a loop of Lua.
cat >"$work/killed.lua" <<END
local ipc = require "ipc"
local world = ipc.world()
$tell $await
world:barrier()
if world.rank == 1 then
  local file = assert(io.open("$work/pid", "w"))
  file:write(assert(io.open("/proc/self/stat")):read("n"))
  file:close()
  done "victim"
  while true do end
elseif world.rank == 2 then
  await "dead"
end
tell(pcall(world.barrier, world))
done("heard." .. world.rank)
END
"$IPCRUN" --grace 20 -n 3 sh -c 'trap "" TERM; exec "$@"' sh "$IPCRUN_LUA" "$work/killed.lua" \
    >"$out" 2>"$err" &
job=$!
within 10 test -e "$work/victim"
start=$(now_ms)
kill -KILL "$(<"$work/pid")"
within 5 test -e "$work/heard.0"
elapsed=$(($(now_ms) - start))
touch "$work/dead"
status=0
wait "$job" || status=$?
ok "a waiting rank hears of a kill -9 within a second" test "$elapsed" -lt 1000
is "$status" 137 "kill -9 of a rank: exit status 137"
is "$(cut -f1-4 "$out" | sort)" $'0\tfalse\tpeer_lost\t1\n2\tfalse\tpeer_lost\t1' \
    "the one that waited and the one that computed both hear who it was"
like "$(<"$err")" '^ipcrun: rank 1 \(pid [0-9]+\) was killed by signal 9 \(Killed\)$' \
    "it is told once"
nothing_left "and nothing is left"

done_testing
