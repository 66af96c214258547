-- SPDX-License-Identifier: Apache-2.0
-- Tables of options, and the word 'noblock'.
local use <const> = ...
local errors = use "errors"
local options = {}

---Whether a table holds options, and no values to receive into: it has such a key.
function options.is_table(value)
  return type(value) == "table" and getmetatable(value) == nil and value.timeout ~= nil
end

---A number without a fraction as an integer; anything else is nil. Scripts of the original count in
---doubles, as `cores / 2`.
function options.integer(value)
  return type(value) == "number" and math.tointeger(value) or nil
end

---The timeout that `given` asks for: nil for none, 0 for a test.
function options.timeout(given, operation)
  if given == nil then return nil end
  if given == "noblock" then return 0 end
  if type(given) ~= "table" then
    errors.usage("%s: options are a table, or 'noblock'; this is a %s", operation, type(given))
  end
  for key in next, given do
    if key ~= "timeout" then
      errors.usage("%s: unknown option '%s' (there is: timeout)", operation, tostring(key))
    end
  end
  local timeout = given.timeout
  local is_good = timeout == nil or type(timeout) == "number" and timeout >= 0
  if not is_good then  -- so that a NaN is not either
    errors.usage("%s: the timeout must be a number of seconds, 0 or more", operation)
  end
  return timeout
end

return options
