-- SPDX-License-Identifier: Apache-2.0
-- `sys`: the part of torch's module of that name that scripts of lua---parallel use.
local native = ...

local sys = { clock = native.clock, sleep = native.sleep, OS = "linux" }

function sys.usleep(microseconds) native.sleep(microseconds / 1e6) end

local started = native.clock()

---Starts the clock of toc().
function sys.tic() started = native.clock() end

---Seconds since the last tic(); prints them, too, if asked to.
function sys.toc(show)
  local seconds = native.clock() - started
  if show then print(seconds) end
  return seconds
end

---What the command wrote to its standard output, without the last end of line; then its status.
function sys.execute(command)
  local pipe = assert(io.popen(command, "r"))
  local text = pipe:read("a")
  local _, _, status = pipe:close()
  return (text:gsub("[\r\n]+$", "")), status
end
sys.fexecute = sys.execute

function sys.pwd() return sys.execute "pwd" end

function sys.isNaN(number) return number ~= number end

---The absolute path of the file that calls, and its name.
function sys.fpath(level)
  local source = debug.getinfo(level or 2, "S").source
  if source:sub(1, 1) ~= "@" then return nil end
  local path = source:sub(2)
  if path:sub(1, 1) ~= "/" then path = sys.pwd() .. "/" .. path end
  return path:match("^(.*)/([^/]*)$")
end

rawset(_G, "sys", sys)  -- as the original does, and scripts expect
return sys
