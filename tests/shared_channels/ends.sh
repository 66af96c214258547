# SPDX-License-Identifier: Apache-2.0
# Proves what ranks see of a channel when one of them ends: in good order, killed at any step of
# using it, or with the whole job.
source "${TAP:?is set by meson test}"

# job RANKS [OPTIONS...] <SCRIPT: runs it with the channel that all ranks name, and `tell`.
job() {
    {
        echo 'local ipc, torch = require "ipc", require "torch"'
        echo 'local world = ipc.world()'
        echo 'local c = ipc.channel { shared = true, name = "c", capacity = nil }'
        echo 'local function tell(good, e)'
        echo '  print(world.rank, good, type(e) == "table" and e.code or e)'
        echo 'end'
        cat
    } >"$work/job.lua"
    # Ranks that tell what they heard are given the time for it.
    run "$IPCRUN" --grace 20 -n "$@" sh -c 'trap "" TERM; exec "$@"' sh \
        "$IPCRUN_LUA" "$work/job.lua"
}

job 2 <<'END'
if world.rank == 1 then c:write("early") return end
tell(true, select(2, c:read()))
END
is "$status $(<"$out")" $'0 0\ttrue\tearly' "what a rank wrote is read after its end"

job 2 <<'END'
if world.rank == 1 then
  for i = 1, 5 do c:write(i) end
  os.execute("kill -9 " .. io.open("/proc/self/stat"):read("n"))
end
for i = 1, 5 do tell(true, select(2, c:read())) end
tell(pcall(c.read, c))
END
is "$status $(cut -f3 "$out" | paste -sd' ')" "137 1 2 3 4 5 peer_lost" \
    "what a rank wrote that was killed is read, and then its loss is told"

job 3 <<'END'
if world.rank == 1 then
  c:write("last")
  os.execute("kill -9 " .. io.open("/proc/self/stat"):read("n"))
end
pcall(world.barrier, world)  -- ends with the loss of rank 1
if world.rank == 0 then
  for i = 1, 1000 do c:write(i) end
  c:close()
else
  local count = 0
  for _ in c:items() do count = count + 1 end
  tell(true, count)
end
END
is "$status $(<"$out")" $'137 2\ttrue\t1001' \
    "others that have it may go on when one was killed"

for point in queue_reserved queue_copied queue_locked queue_committed; do
    export IPCRUN_FAULT=$point:1:3
    job 3 <<'END'
if world.rank == 1 then for i = 1, 10 do c:write(i) end end
if world.rank == 2 then
  pcall(world.barrier, world)  -- ends with the loss of rank 1
  for i = 100, 200 do c:write(i) end
  c:close()
  return
end
pcall(world.barrier, world)
local count, early = 0, 0
for item in c:items() do
  if item < 100 then early = early + 1 else count = count + 1 end
end
print(early, count)
END
    unset IPCRUN_FAULT
    like "$status $(<"$out")" $'^137 [23]\t101$' "a rank killed at $point: others write and read on"
done

for point in queue_taken queue_locked; do
    export IPCRUN_FAULT=$point:1:3
    job 3 <<'END'
if world.rank == 1 then for _ in c:items() do world:barrier() end end
if world.rank == 0 then for i = 1, 10 do c:write(i) end end
repeat until not pcall(world.barrier, world)
c:close()
local count = 0
for _ in c:items() do count = count + 1 end
print(count)
END
    unset IPCRUN_FAULT
    like "$status $(awk '{ sum += $1 } END { print sum }' "$out")" '^137 [78]$' \
        "a rank killed at $point: at most the item that it was reading is lost"
done

job 3 --grace 1 --timeout 2 <<'END'
c:write()
c:read()
END
is "$status" 124 "the end of the job ends those who wait"

job 2 --grace 1 <<'END'
if world.rank == 1 then error("the reason") end
tell(pcall(c.read, c))
END
like "$status $(<"$err")" "^1 .*the reason" "a rank that fails is told of, and ends the job"

sed 's/^/& /' >"$work/alone.lua" <<'END'
local good, e = pcall(require("ipc").channel, { shared = true, name = "c" })
print(e.code, e)
END
run "$IPCRUN_LUA" "$work/alone.lua"
like "$(<"$out")" "^usage.*start it with ipcrun" "without a launcher there are no names"

nothing_left "no process of it is left"
done_testing
