-- SPDX-License-Identifier: Apache-2.0
-- Errors: tables with a code that print as text. What is wrong with a call itself is a string, with
-- the line that called.
local use <const> = ...
local core = use "core"
local errors = {}

-- The line that called the module: "train.lua:12: ".
function errors.caller()
  local level = 2
  while true do
    local frame = debug.getinfo(level, "Sl")
    if frame == nil then return "" end
    if frame.currentline > 0 and frame.source:sub(1, 10) ~= "=parallel." then
      return ("%s:%d: "):format(frame.short_src, frame.currentline)
    end
    level = level + 1
  end
end

---Raises what is wrong with the arguments of a call.
function errors.usage(text, ...)
  error(errors.caller() .. text:format(...), 0)
end

---An error table. `fields` has what it is about: `child` or `rank`.
function errors.make(code, message, fields)
  local made = fields or {}
  made.code, made.message = code, message
  return setmetatable(made, core.error_metatable)
end

function errors.raise(code, message, fields)
  error(errors.make(code, message, fields), 0)
end

local function finish(good, first, ...)
  if good then return first, ... end
  if type(first) ~= "string" then error(first, 0) end
  error(errors.caller() .. first, 0)
end

---Calls a function of the core. What it raises as a string gets the line that called.
function errors.call(f, ...)
  return finish(pcall(f, ...))
end

---What an error says, whatever value it is.
function errors.text_of(value)
  if type(value) == "string" then return value end
  local described = type(value) == "number" or getmetatable(value) ~= nil
  return described and tostring(value) or ("(the error is a %s value)"):format(type(value))
end

---A message handler: the text with the traceback of where it was raised. Frames of the module
---below it say nothing to anybody.
function errors.traced(value)
  local trace = debug.traceback(errors.text_of(value), 2)
  local cut = trace:find("\n\tparallel%.serve:[^\n]*\n\t%[C%]: in function 'xpcall'")
  return cut and trace:sub(1, cut - 1) or trace
end

return errors
