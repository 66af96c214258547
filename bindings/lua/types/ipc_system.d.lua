-- SPDX-License-Identifier: Apache-2.0
---@meta ipc

-- Programs, locked files and processes; see ipc.d.lua.

---@class ipc
local ipc = {}

---Starts a program, without a shell, with pipes at its standard input and output. Raises when it
---cannot be started.
---@param program ipc.ProgramDescription
---@return ipc.Program
function ipc.spawn(program) end

---Opens a file, which is made (mode 0600) if need be, and waits until nobody else has it by
---flock(2). It is read and written from its start.
---@param path string
---@param no_block? boolean  gives nothing when the file is missing, not ours to open, or locked
---@return ipc.Flock?
function ipc.flock(path, no_block) end

---The number of this process.
---@return integer
function ipc.getpid() end

---The number of the process that started this one.
---@return integer
function ipc.getppid() end

---The number of this thread, which no other thread of the system has.
---@return integer
function ipc.gettid() end

---Copies this process by fork(2). The child is no rank: it may compute, in memory of its own.
---Raises while threads of `ipc.map` run, which the child would lack.
---@return integer pid  0 in the child
function ipc.fork() end

---Waits for the end of a child.
---@param pid integer
---@return integer? status  its exit status; nothing when a signal has ended it
function ipc.waitpid(pid) end

---Has somebody asked this process to end? From the first call on TERM ends it no longer, nor do the
---signals that are named: it is asked, and what asked (a batch system, `ipcrun`, a person) has a
---patience of its own before it sends KILL. Each rank hears for itself, at times of their own: let
---them agree before they act on it, `world:allreduce(ipc.stopping() and 1 or 0, "max")`.
---@param ... "TERM"|"INT"|"HUP"|"USR1"|"USR2"  signals that mean it, beside TERM
---@return "TERM"|"INT"|"HUP"|"USR1"|"USR2"|false  the first that came
function ipc.stopping(...) end

---True on macOS, where this does not run: nothing.
---@return true?
function ipc.isOSX() end

---Does CKOIA_DEVEL_MODE in the environment begin with 1?
---@return boolean
function ipc.isDevel() end

---@class ipc.ProgramDescription
---@field file string  a path, or a name that is searched for in PATH
---@field args? (string|number)[]
---@field env? string[]  "NAME=value": the whole environment; this process's when left out

---A program that was started. One that the collector takes, or that a `<close>` variable leaves, is
---ended by TERM and, a second later, by KILL; the collector says so on standard error.
---@class ipc.Program
local Program = {}

---@return integer pid  the number of its process
function Program:pid() end

---@return boolean is_running
function Program:running() end

---The descriptor that its output is read from: for waiting. What was read ahead is not there.
---@return integer
function Program:stdoutFileId() end

---Writes all of the text; what the program writes meanwhile is kept in memory. Without a text:
---closes its input. Raises when the program reads no more.
---@param text? string|number
function Program:stdin(text) end

---Reads a line, without its end ("*l", when left out); up to so many bytes, at least one; or all
---that comes (anything else, as "*a"). Nothing when the output has ended.
---@param what? string|integer
---@return string?
function Program:stdout(what) end

---Sends the signal, if one is named, closes the input, and waits for the program's end, reading and
---throwing away what it still writes. After that every call is an error.
---@param signal? "TERM"|"KILL"
---@return integer status  its exit status; 0 when a signal has ended it
---@return string? signal  the signal that has ended it
function Program:wait(signal) end

---A file that nobody else has by flock, as long as it is open; the collector and the end of the
---scope of a `<close>` variable close it, too.
---@class ipc.Flock
local Flock = {}

---As `read` of Lua's files; all that is left when called without a format.
---@param ... any
---@return any ...
function Flock:read(...) end

---As `write` of Lua's files: at the place in the file, over what is there.
---@param ... string|number
---@return ipc.Flock?
function Flock:write(...) end

---As `seek` of Lua's files.
---@param whence? "set"|"cur"|"end"
---@param offset? integer
---@return integer? place
function Flock:seek(whence, offset) end

---Cuts the file to this many bytes, none when left out; the place in it stays.
---@param size? integer
function Flock:truncate(size) end

---Writes what is buffered, and unlocks. Once more does nothing.
function Flock:close() end

return ipc
