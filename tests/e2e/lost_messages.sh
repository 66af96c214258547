# SPDX-License-Identifier: Apache-2.0
# Proves: whoever waits for a message, or for an operation that was started, hears of a rank that
# died; communicators without that rank work on.
source "${TAP:?is set by meson test}"

# loses WHAT <SCRIPT: rank 1 of 3 dies; the others print what they caught.
loses() {
    cat - >"$work/lost.lua"
    run "$IPCRUN" --grace 20 -n 3 sh -c 'trap "" TERM; exec "$@"' sh "$IPCRUN_LUA" "$work/lost.lua"
    is "$(sort -n "$out")" $'0 peer_lost 1\n2 peer_lost 1' "$1: both survivors name it"
    is "$status" 137 "$1: exit status 137"
}

head='local ipc, torch = require "ipc", require "torch"
local world = ipc.world()
local function die()
  if world.rank == 1 then os.execute("kill -9 $PPID") end
end
local function report(f, ...)
  local good, failure = pcall(f, ...)
  print(world.rank .. " " .. (good and "fine" or failure.code .. " " .. tostring(failure.rank)))
end
'

# What comes before the death may already fail on ranks that were not through with it: so all of it
# is within what reports.
loses "receive from the dead" <<END
$head
report(function()
  world:barrier()
  die()
  world:receive {from = 1}
end)
END

loses "receive from anybody" <<END
$head
report(function()
  world:barrier()
  die()
  world:receive()
end)
END

loses "a started sum" <<END
$head
local work = world.rank ~= 1 and world:allreduce(torch.FloatTensor(100000), {async = true})
die()
report(work.wait, work)
END

loses "a gathered list" <<END
$head
report(function()
  world:allgather("first")
  die()
  world:allgather(world.rank)
end)
END

loses "a tree by a function" <<END
$head
local tree = ipc.tree()
local f = function(a, b) return a + b + 0 end
report(function()
  tree.allReduce(1, f)
  die()
  tree.allReduce(1, f)
end)
END

loses "a split" <<END
$head
report(function()
  world:split(0)
  die()
  world:split(0)
end)
END

cat >"$work/others.lua" <<END
$head
local others = world:split(world.rank == 1 and 1 or 0)
pcall(world.barrier, world)
die()
pcall(world.barrier, world)
print(world.rank .. " " .. others:allreduce(1) .. " " .. others:allgather("x")[2])
END
run "$IPCRUN" --grace 20 -n 3 sh -c 'trap "" TERM; exec "$@"' sh "$IPCRUN_LUA" "$work/others.lua"
is "$(sort -n "$out")" $'0 2 x\n2 2 x' "a communicator without the dead rank works on"

nothing_left "nothing is left"
done_testing
