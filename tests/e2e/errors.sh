# SPDX-License-Identifier: Apache-2.0
# Proves how errors of Lua end a job: the traceback comes first and once, everyone ends, and the
# exit status says what the first cause was.
source "${TAP:?is set by meson test}"

# script NAME <TEXT: writes it, with what all need.
script() { cat >"$work/$1.lua"; }
head_of() { head -n "$1" "$err" | paste -sd'|'; }

script boom <<'END'
local world = require "ipc".world()
world:barrier()
local function work() error("boom") end
if world.rank == 2 then work() end
world:barrier()
END
run "$IPCRUN" -n 4 "$work/boom.lua"
is "$status" 1 "error('boom') on one rank: exit status 1"
like "$(head_of 3)" '^ipcrun: rank 2 failed:\|[^|]*/boom.lua:3: boom\|stack traceback:' \
    "its traceback comes first, with file and line"
like "$(<"$err")" 'boom.lua:3: in .*boom.lua:4: in main chunk' "and goes on to the main chunk"
is "$(grep -c 'boom$' "$err") $(grep -c '^ipcrun:' "$err")" "1 1" \
    "nothing else is said: that others fell over it goes without saying"
nothing_left "all others end"

script all <<'END'
require "ipc".world():barrier()
error("boom")
END
run "$IPCRUN" -n 8 "$work/all.lua"
is "$status $(grep -c 'boom$' "$err")" "1 1" "the same error on all ranks is told once"
# Some may hear of the first one's end before they come to their own error.
same='^ipcrun: the same error on ranks? [0-7,-]+$'
is "$(grep '^ipcrun:' "$err" | sed 1d | grep -vE "$same")" "" \
    "and nothing is added but who had it too"

script compile <<'END'
local x = = 1
END
run "$IPCRUN" -n 8 "$work/compile.lua"
is "$status" 1 "a script that does not compile: exit status 1"
is "$(paste -sd'|' "$err")" \
    "ipcrun: the script cannot be loaded:|$work/compile.lua:1: unexpected symbol near '='" \
    "one message for all ranks"

script wrapped <<'END'
local world = require "ipc".world()
world:barrier()
if world.rank == 1 then
  coroutine.wrap(function() error("in a coroutine") end)()
end
coroutine.wrap(function() world:barrier() end)()
END
run "$IPCRUN" -n 3 "$work/wrapped.lua"
is "$status" 1 "an error in a coroutine: exit status 1"
like "$(head_of 2)" '^ipcrun: rank 1 failed:\|[^|]*/wrapped.lua:4: in a coroutine$' \
    "told as any other"
is "$(grep -c '^ipcrun:' "$err")" 1 "and once, though others wait in coroutines"

with_text='setmetatable({}, {__tostring = function() return "as text" end})'
for object in '{code = 7}' "$with_text" 'nil'; do
    script object <<END
local world = require "ipc".world()
world:barrier()
if world.rank == 0 then error($object) end
world:barrier()
END
    run "$IPCRUN" -n 2 "$work/object.lua"
    is "$status $(grep -c '^ipcrun:' "$err")" "1 1" "error($object): exit status 1, told once"
    like "$(head_of 3)" \
        '^ipcrun: rank 0 failed:\|(\(the error is a (table|nil) value\)|as text)\|stack' \
        "error($object): by its text or its type"
done

script exit <<'END'
local world = require "ipc".world()
world:barrier()
if world.rank == 1 then os.exit(3) end
world:barrier()
END
run "$IPCRUN" -n 3 "$work/exit.lua"
is "$status" 3 "os.exit(3) on one rank: exit status 3"
like "$(<"$err")" '^ipcrun: rank 1 \(pid [0-9]+\) ended with exit status 3$' "and one line says who"

script leaves <<'END'
local world = require "ipc".world()
world:barrier()
if world.rank == 0 then os.exit(0, true) end
world:barrier()
END
run "$IPCRUN" -n 2 "$work/leaves.lua"
is "$status" 1 "a rank that leaves while another needs it: the other fails"
like "$(head_of 2)" \
    '^ipcrun: rank 1 failed:\|barrier\(\) at .*leaves.lua:4: rank 0 .*without taking part' \
    "and says whom it missed, and where"

script output <<'END'
local world = require "ipc".world()
io.write("before\n")
world:barrier()
if world.rank == 0 then error("boom") end
world:barrier()
END
run "$IPCRUN" -n 4 "$work/output.lua"
is "$(sort "$out" | uniq -c | sed 's/^ *//')" "4 before" \
    "what was printed before an error is not lost"

script handled <<'END'
local world = require "ipc".world()
local good = xpcall(function() if world.rank == 1 then error("boom") end end, debug.traceback)
print(good, world:allreduce(1))
END
run "$IPCRUN" -n 2 "$work/handled.lua"
is "$status $(sort "$out" | paste -sd'|')" $'0 false\t2|true\t2' \
    "an error that is caught ends nothing"

done_testing
