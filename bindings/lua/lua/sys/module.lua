-- SPDX-License-Identifier: Apache-2.0
-- `sys`: the part of torch's module of that name that scripts of torch-ipc and lua---parallel use.
local native = ...

-- Every string has it in scripts for torch; one that is there already stays.
if not rawget(string, "split") then rawset(string, "split", native.split) end

local sys = { clock = native.clock, sleep = native.sleep }

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

---What the command wrote to its standard output and error, less the white space around it.
function sys.execute(command)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1", "r"))
  local text = pipe:read("a")
  pipe:close()
  return text:match("^%s*(.-)%s*$")
end
sys.fexecute = sys.execute

local names <const> = { Linux = "linux", Darwin = "macos" }

---"linux" here.
function sys.uname() return names[native.system_name()] or "?" end
sys.OS = sys.uname()

function sys.pwd() return sys.execute "pwd" end

---The path without its last part: "." for a bare name.
function sys.dirname(path)
  local folder = path:gsub("/+$", ""):match("^(.*)/[^/]*$")
  if not folder then return path:sub(1, 1) == "/" and "/" or "." end
  return folder:find("[^/]") and folder:gsub("/+$", "") or "/"
end

---The last part of the path, less the ending `suffix` if it has that.
function sys.basename(path, suffix)
  local name = path:gsub("/+$", ""):match("[^/]*$")
  if suffix and #name > #suffix and name:sub(-#suffix) == suffix then
    name = name:sub(1, -#suffix - 1)
  end
  return name
end

---The parts as one path; an absolute one begins it anew.
function sys.concat(...)
  local path = ""
  for _, part in ipairs { ... } do
    if part:sub(1, 1) == "/" or path == "" then path = part
    else path = path:gsub("/+$", "") .. "/" .. part end
  end
  return path
end

---What ls says of a folder, the current one at first.
function sys.ls(folder) return sys.execute("ls " .. (folder or "")) end

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
