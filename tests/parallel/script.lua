-- SPDX-License-Identifier: Apache-2.0
--- Programs of their own for tests: run by the interpreter that runs the test.
local script = {}

--- Runs the text as a program. Gives what it wrote, to standard error too, and its exit status.
function script.run(text, before)
  local name = os.tmpname()
  local file <close> = assert(io.open(name, 'w'))
  file:write(text)
  file:flush()
  local pipe = io.popen(("%s '%s' '%s' 2>&1"):format(before or '', arg[-1], name))
  local output = pipe:read('a')
  local _, _, status = pipe:close()
  os.remove(name)
  return output, status
end

--- The name of a new fifo: who opens it to read waits for somebody who opens it to write.
function script.fifo()
  local name = os.tmpname()
  os.remove(name)
  assert(os.execute(("mkfifo '%s'"):format(name)))
  return name
end

return script
