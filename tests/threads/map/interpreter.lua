-- SPDX-License-Identifier: Apache-2.0
--- Scripts in an interpreter of their own, the one that runs the test.
local interpreter = {}

--- Runs `code`, after `setup` in the shell: what it prints, stderr too, and how it ended. Ends it
--- after 20 s.
function interpreter.run(code, setup)
  local name = os.tmpname()
  local file = assert(io.open(name, 'w'))
  file:write("local ipc = require 'ipc'\n", code)
  file:close()
  local pipe = assert(io.popen(("%s timeout -s KILL 20 '%s' %s 2>&1")
    :format(setup or '', arg[-1], name)))
  local text = pipe:read 'a'
  local good, how, code_or_signal = pipe:close()
  os.remove(name)
  return text, good, how, code_or_signal
end

return interpreter
