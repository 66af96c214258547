-- SPDX-License-Identifier: Apache-2.0
---@meta parallel

-- The module `parallel` for language servers (LuaLS: add this folder to its libraries), and its
-- reference for people. A test holds it to the functions that the module has.

---Processes that this one starts, and what they and it tell each other: the interface of
---lua---parallel, in both of its generations. Requiring it sets the globals `parallel`, `torch` and
---`sys`, as the original does. Every call on a process is also one on a group of processes, and can
---be written as a method or as a function: `child:send(x)`, `parallel.send(children, x)`.
---@class parallel
---@field id integer  the number of this process: 0 without a parent; in a job its rank
---@field ip string  where children on other hosts reach this one: "127.0.0.1", the default, stands
---for the address that ssh comes from. In such a child: the name that its host was called by
---@field parent parallel.Process  who started this one; without a parent its id is -1
---@field children parallel.Group  those that were started and not yet synced, by id
---@field nchildren integer  how many these are
---@field processid integer  the id of the next child
---@field args table  in a child: the arguments of `fork` or `run`, and their number as `n`
---@field remotes table  what addremote() was told; `cores`: how many of theirs are free
---@field ranks parallel.Group  under `ipcrun` all ranks, by rank; else empty
local parallel = {}

---@alias parallel.ErrorCode
---| "child_ended"
---| "child_failed"
---| "task_failed"
---| "mismatch"
---| "peer_lost"
---| "timeout"
---| "system"
---| "usage"
---| "config"
---| "protocol"
---| "unsupported"
---| "internal"

---What operations raise when they fail; prints as its message. Wrong arguments raise strings.
---@class parallel.Error
---@field code parallel.ErrorCode
---@field message string
---@field child? integer  the id of the child it is about
---@field host? string  the host where a child could not be started
---@field rank? integer  the rank it is about
---@field task? integer  the number of the task it is about
---@field status? integer  the exit status of the child
---@field signal? integer  the signal that ended the child
---@field report? string  the error that ended the child, with its traceback

---@class parallel.Options
---Seconds to wait, 0 or more; then `timeout` is raised.
---@field timeout? number

---A child, the parent or a rank.
---@class parallel.Process
---@field id integer
---@field unixid string  its process id; of a child on another host that of what stands for it here
---@field ip? string  its host, when one was named
---@field speed number  that of its remote, 1 when there is none; see calibrate()
---@field running boolean  whether it was given code
---@field remote? table  the remote that it was dealt out to
local Process = {}

---A table of processes: `parallel.children`, what nfork() and sfork() give, or any table of yours,
---for the functions, and for the methods after `parallel._fill(table)`. Results have its keys.
---@class parallel.Group : parallel.Process
local Group = {}

---@class parallel.Pool
local Pool = {}

---@class parallel.Task
local Task = {}

---@class parallel.PoolOptions
---@field limit? integer  how many tasks may be unfinished before submit() waits; 4 a worker
---@field task? function  the function of all tasks: submit() gets its arguments alone
---@field lua? string  the interpreter of the workers

---Starts a child that runs the code, and ends. Its arguments are its `...`, and `parallel.args`.
---@param code string|function  what it closes over is sent along
---@param ... ipc.Sendable
---@return parallel.Process
function parallel.run(code, ...) end

---Starts a child, which waits for code. One on another host is as one on this: it has its number,
---parent and arguments, its errors and exit status are raised here, what it writes comes out here,
---and it ends when this process does, or when the connection breaks. There have to be the same
---ipcrun and Lua files there, at the same places; see parallel(3lua). Raises `system`, with host
---and the reason, where it cannot be started.
---@param host? string  this one, when it is nil
---@param protocol? string|fun(host: string, command: string): string[]  how a command is run there:
---the command line that takes the place of `ssh`, or a function that gives the words of a program
---that runs `command`, a line for a shell, there; ssh when it is nil
---@param lua? string  the interpreter, there; ipcrun-lua when it is nil
---@param ... ipc.Sendable  its arguments, when it is given code
---@return parallel.Process
function parallel.fork(host, protocol, lua, ...) end

---Starts n children, or such as tables {n, ip=, protocol=, lua=} describe.
---@param n integer|table
---@param ... table
---@return parallel.Group
function parallel.nfork(n, ...) end

---Starts n children, dealt out to the remotes that have cores left; as nfork() without remotes.
---@param n integer
---@return parallel.Group
function parallel.sfork(n) end

---Gives children code to run. A child takes one in its life.
---@param process parallel.Process|parallel.Group
---@param code string|function
function parallel.exec(process, code) end

---Returns when the children next yield, or end; raises the failure of one that ends by it. What it
---says is what their yield() gives.
---@param process parallel.Process|parallel.Group
---@param message? ipc.Sendable  "" when it is nil
---@param options? parallel.Options
function parallel.join(process, message, options) end

---In a child: waits for the parent's join, and gives what that says.
---@param options? parallel.Options
---@return any
function parallel.yield(options) end

---Waits for the end of children, and takes them out of `parallel.children`. Raises what failed,
---after that.
---@param process parallel.Process|parallel.Group
---@param options? parallel.Options
function parallel.sync(process, options) end

---Sends a value; to a group it is put together once. Waits for one that has not received more than
---getSharedSize() bytes. All members are tried before a failure is raised.
---@param process parallel.Process|parallel.Group
---@param value ipc.Sendable
---@param options? parallel.Options
function parallel.send(process, value, options) end

---Receives a value, and true; from a group a table of one from each.
---@param process parallel.Process|parallel.Group
---@param into? torch.Tensor|torch.Storage|table|parallel.Options|"noblock"  where it goes
---@param options? parallel.Options|"noblock"  "noblock": what is there, and no value if nothing is
---@return any value
---@return boolean?
function parallel.receive(process, into, options) end

---Receives from whichever process of the group has sent something.
---@param group parallel.Group
---@param options? parallel.Options|"noblock"
---@return any value
---@return parallel.Process sender
function parallel.receiveAny(group, options) end

---Whether a process has sent something that was not received; of a group, the first that has.
---@param process parallel.Process|parallel.Group
---@return boolean|parallel.Process|nil
function parallel.probe(process) end

---"running", "ended" or "failed", and what is known of the end: message, status, signal, report.
---@param process parallel.Process|parallel.Group
---@return string|table
---@return table?
function parallel.status(process) end

---Sends a signal to a child and the processes of its group.
---@param process parallel.Process|parallel.Group
---@param signal? integer|string  "TERM" when it is nil
function parallel.kill(process, signal) end

---Ends all children of this process, and what they started: TERM, and KILL half a second later.
---Returns when they are gone.
function parallel.close() end

---Forgets the children, which run on, and begins to number from 1.
function parallel.reset() end

---Declares hosts with cores: tables {ip=, cores=, lua=, protocol=}, or one list of them.
---@param ... table
function parallel.addremote(...) end

---Measures the remotes, and sets the `speed` of each: 1 for the fastest.
function parallel.calibrate() end

---Sets `parallel.ip` to the address of an interface, the first of a list, or any but the loopback.
---@param interfaces? string|string[]
function parallel.autoip(interfaces) end

---As `print`, with <parallel#ID> before it.
function parallel.print(...) end

---Sets how many bytes may be on their way to one that has not received them; 256 MiB at first.
---@param bytes integer
function parallel.setSharedSize(bytes) end

---@return integer bytes  as setSharedSize() set it
function parallel.getSharedSize() end

---Does nothing: no memory is left behind that would have to be removed.
function parallel.ipcrm() end

---f(value, index) for each value of the list, by n children; the results in the order of the list.
---@param n integer
---@param list table
---@param f fun(value: any, index: integer): any
---@return table
function parallel.map(n, list, f) end

---Starts n workers for tasks. Its end, by close() or `<close>`, is theirs.
---@param n integer
---@param options? parallel.PoolOptions
---@return parallel.Pool
function parallel.pool(n, options) end

---As parallel.exec.
function Process:exec(code) end
---As parallel.join.
function Process:join(message, options) end
---As parallel.kill.
function Process:kill(signal) end
---As parallel.probe.
function Process:probe() end
---As parallel.receive.
function Process:receive(into, options) end
---As parallel.send.
function Process:send(value, options) end
---As parallel.status.
function Process:status() end
---As parallel.sync.
function Process:sync(options) end

---As parallel.receiveAny.
function Group:receiveAny(options) end

---Adds a task: a function and its arguments. Waits while `limit` tasks are unfinished.
---@param f function  left out in a pool that has a `task`
---@param ... ipc.Sendable
---@return parallel.Task
function Pool:submit(f, ...) end

---The next task that is done and was not asked for its result, in the order in which they finish;
---nil when none is left.
---@param options? parallel.Options
---@return parallel.Task?
function Pool:next(options) end

---Waits until all tasks are done.
---@param options? parallel.Options
function Pool:wait(options) end

---Ends the workers, whatever they do.
function Pool:close() end

---Waits for the task, and gives what its function returned; raises what that raised.
---@param options? parallel.Options
---@return any ...
function Task:result(options) end

---Whether the task is done, well or not.
---@return boolean
function Task:done() end

return parallel
