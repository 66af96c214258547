-- SPDX-License-Identifier: Apache-2.0
-- The examples of servers and clients do what they say.
--   examples_test.lua FOLDER INTERPRETER...
local t = require 'tap'
local folder <const> = arg[1]

local expected <const> = {
  client_server = ('a child computed 50.5; its messages go by memory\n'):rep(3)
    .. '3 clients agree: true\n',
  parameter_server = '600 gradients of 3 workers\nparameters 2.00 -1.00 0.50\n',
}

for i = 2, #arg do
  for name, text in pairs(expected) do
    t.test(('examples: %s.lua in %s'):format(name, arg[i]:match '[^/]*$'), function()
      local pipe = io.popen(("'%s' '%s/%s.lua' 2>&1"):format(arg[i], folder, name))
      local output = pipe:read 'a'
      t.equal(output, text)
      assert(pipe:close())
    end)
  end
end

t.done()
