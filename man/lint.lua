-- SPDX-License-Identifier: Apache-2.0
-- Lets mandoc check manual pages: `ipcrun-lua lint.lua mandoc PAGE...`. Exit status 1 when it finds
-- more than scdoc's habits, which are paragraphs without text, long lines and lower-case titles.

local mandoc = arg[1]
local found = 0
for i = 2, #arg do
  local pipe = assert(io.popen(("'%s' -T lint '%s' 2>&1"):format(mandoc, arg[i])))
  for line in pipe:lines() do
    local habit = line:find(': STYLE: ', 1, true)
      or line:find('WARNING: skipping paragraph macro', 1, true)
    if not habit then
      print(line)
      found = found + 1
    end
  end
  pipe:close()
  -- A page that mandoc could not read has no findings either.
  assert(io.open(arg[i])):close()
end
os.exit(found == 0, true)
