-- SPDX-License-Identifier: Apache-2.0
-- What the calls that make trees are given.
local use = ...
local native = use "core"
local checks = {}

local function shown(value)
  return type(value) == "string" and ("the text '%s'"):format(value) or tostring(value)
end

--- A number without a fraction, from `least` on; nil where `is_optional`.
function checks.integer(value, what, least, is_optional)
  if value == nil and is_optional then return nil end
  local number = type(value) == "number" and math.tointeger(value)
  if not number or number < least then
    error(("%s: expected a number without a fraction, %d or more, got %s")
      :format(what, least, shown(value)), 0)
  end
  return number
end

--- A port; nil where `is_optional`. `least` is 0 where that means one that is free.
function checks.port(value, what, least, is_optional)
  if value == nil and is_optional then return nil end
  local number = math.tointeger(tonumber(value))  -- as text, too, which ipc.server takes
  if not number or number < least or number > 65535 then
    error(("%s: expected a port, a number from %d to 65535%s, got %s"):format(what, least,
      is_optional and ", or nil for one that is free" or "", shown(value)), 0)
  end
  return number
end

--- A host; nil where `is_optional`.
function checks.host(value, what, is_optional)
  if value == nil and is_optional then return nil end
  if type(value) ~= "string" or value == "" then
    error(("%s: expected the name of a host, or an address, got %s"):format(what, shown(value)), 0)
  end
  return value
end

function checks.callable(value, what)
  if type(value) ~= "function" then
    error(("%s: expected a function, got %s"):format(what, type(value)), 0)
  end
end

-- More make no sense, and a mistyped number would take all memory.
local nodes_max <const> = 65536

--- nodeIndex and numNodes.
function checks.place(index, count)
  count = checks.integer(count, "numNodes", 1)
  if count > nodes_max then
    error(("numNodes: expected %d or less, got %d"):format(nodes_max, count), 0)
  end
  index = checks.integer(index, "nodeIndex", 1, true)
  if index and index > count then
    error(("nodeIndex is %d, of %d nodes"):format(index, count), 0)
  end
  return index, count
end

local ways <const> = { fastest = true, memory = true, socket = true }
local known <const> = { key = "string", key_file = "string", encrypt = "boolean",
                        timeout = "number", link = "string" }

--- The arguments of a call, of which the last one may be a table of options: a copy of that, with
--- a deadline, and the others.
function checks.take_options(...)
  local given, count = { ... }, select("#", ...)
  local options = {}
  if count > 0 and type(given[count]) == "table" then
    for name, value in pairs(given[count]) do
      if not known[name] then
        error(("unknown option '%s' (there are: encrypt, key, key_file, link, timeout)")
          :format(tostring(name)), 0)
      elseif type(value) ~= known[name] then
        error(("the option '%s' is a %s, got a %s"):format(name, known[name], type(value)), 0)
      end
      options[name] = value
    end
    given[count] = nil
    count = count - 1
  end
  if options.link and not ways[options.link] then
    error(("no such link: '%s' (there are: fastest, memory, socket)"):format(options.link), 0)
  end
  local clock = require("ipc").clock
  local timeout = options.timeout or 300
  if timeout < 0 then error("the timeout is a number of seconds, 0 or more", 0) end
  local deadline = clock() + timeout
  local taken = { connection = {
    key = options.key, key_file = options.key_file, encrypt = options.encrypt, link = options.link,
  }, timeout = timeout, link = options.link }
  --- Seconds that are left.
  function taken.left() return math.max(deadline - clock(), 0) end
  --- Options for ipc.server and ipc.client.
  function taken.for_connection(with_timeout)
    local copy = { timeout = with_timeout and taken.left() or nil }
    for name, value in pairs(taken.connection) do copy[name] = value end
    return copy
  end
  return taken, table.unpack(given, 1, count)
end

--- Calls `f`; errors of ours, which are text without a place, get that of who called `level` above,
--- after the name of the call.
function checks.named(call, level, f, ...)
  local results = table.pack(pcall(f, ...))
  if results[1] then return table.unpack(results, 2, results.n) end
  local what = results[2]
  if type(what) == "string" then error(call .. ": " .. what, level + 1) end
  error(what, 0)
end

--- Raises an error of ours, with a code.
function checks.fail(code, text, ...) native.raise(code, nil, text:format(...)) end

return checks
