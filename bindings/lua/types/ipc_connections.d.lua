-- SPDX-License-Identifier: Apache-2.0
---@meta ipc

-- Servers and clients: messages of processes that were not started together; see ipc.d.lua.

---@class ipc
local ipc = {}

---@class ipc.ServerSettings
---@field key? string  the secret that both ends must have: a text of 16 bytes or more
---@field key_file? string  or the file that it is in, which nobody else may read
---@field encrypt? boolean  what goes over a network is encrypted; one end that wishes it is enough
---@field link? "fastest"|"memory"|"socket"  the links that may be taken; the fastest by default

---@class ipc.ClientSettings: ipc.ServerSettings
---@field timeout? number  seconds to wait for a server to listen there; 300 when left out

---@class ipc.WaitSettings
---@field timeout? number  seconds to wait; for ever when left out

---Takes connections at this host (a name, an address of IPv4 or IPv6, "unix:/path", or
---"unix:@name" without a file) from now on, in the background. All that know the key are let in:
---without the options `key` and `key_file` that is IPC_KEY, the file that IPC_KEY_FILE names, the
---secret of the job, or the user's own key file, which is made at its first use.
---@param host? string|ipc.ServerSettings  "127.0.0.1" when left out
---@param port? integer|ipc.ServerSettings  one that is free when it is 0 or left out
---@param options? ipc.ServerSettings
---@return ipc.Server
---@return integer? port  where it listens; nothing for a Unix socket
function ipc.server(host, port, options) end

---Connects to a server, and waits until one listens there.
---@param host string|integer  a port alone is one of this host
---@param port? integer|ipc.ClientSettings
---@param options? ipc.ClientSettings
---@return ipc.Client
function ipc.client(host, port, options) end

---What processes, or threads, connect to. It goes from thread to thread by reference, and is for
---one of them at a time.
---@class ipc.Server
local Server = {}

---Waits until as many clients are connected (five minutes, if no timeout is given), and calls the
---function with each of all that there are: by id, those with equal ids in the order in which they
---came. Or, without a count: calls it with those that there are, with that tag if one is given, in
---the opposite order if `is_inverted`. A client is good until the function returns. One that has
---closed or died is there until all that it had sent has been received.
---@param count integer|fun(client: ipc.ServerClient)
---@param body? fun(client: ipc.ServerClient)|string
---@param options? ipc.WaitSettings|boolean|integer
---@return integer count  of the calls
function Server:clients(count, body, options) end

---Sends the value to all clients, or to those with that tag, but for who has closed or died. Who
---goes meanwhile does not keep the others from it; then an error says so, once.
---@param value any
---@param tag? string|ipc.WaitSettings
---@param options? ipc.WaitSettings
---@return integer count  how many got it
function Server:broadcast(value, tag, options) end

---The next message of any client, or of those with that tag; they take turns. Who comes meanwhile
---is heard, too, who has closed or died is passed over. While nobody is there it waits for who may
---come, if there is a timeout; else it raises. Costs the same among ten clients and thousands.
---@param tag? string|ipc.WaitSettings
---@param options? ipc.WaitSettings
---@return any message
---@return ipc.ServerClient client  good until the next call of recvAny, poll or clients
function Server:recvAny(tag, options) end

---Waits until one of the clients, or of those with that tag, has sent a message.
---@param timeout? number  seconds; for ever when left out, and then it raises when nobody is there
---@param tag? string
---@return ipc.ServerClient[] clients  all whose message is there, by id; good as that of recvAny
function Server:poll(timeout, tag) end

---Where it listens, as ipc.client wants it.
---@return string host  or "unix:/path"
---@return integer? port
function Server:address() end

---What went to all clients that there are and were, and came from them: tables `tx` and `rx`.
---@return table
function Server:netStats() end

---Takes no more connections, and closes those that there are.
function Server:close() end

---One end of a connection. It goes from thread to thread by reference, and is for one of them at a
---time. At the end of the scope of a `<close>` variable it is closed.
---
---Values are copied, as into messages of ranks; functions may have no upvalues but _ENV. A tensor
---or storage that is sent by itself goes without copies on the way, and can be received in place.
---
---A peer that has died, closed, or vanished ends every wait with an `ipc.Error` of code `peer_lost`
---("remote peer disconnected"), once what it had sent is received.
---@class ipc.Client
local Client = {}

---The end of a connection that a server has: good within the function that it was given to, or
---until the server's next call.
---@class ipc.ServerClient: ipc.Client

---Sends a value. Returns as soon as that may be changed; waits while more is not received than is
---held for the peer: up to 256 MiB in memory, a few megabytes on a socket. What cannot be sent
---leaves nothing behind.
---@param value any
---@param options? ipc.WaitSettings
function Client:send(value, options) end

---Receives the next message: its value; or, with a tensor or storage, into that. Raises `mismatch`
---when the message is not one of that type and size; the message stays.
---@param into? torch.Tensor|torch.Storage|ipc.WaitSettings
---@param options? ipc.WaitSettings
---@return any value  `into`, where that is given
function Client:recv(into, options) end

---As recv() when a message is there, else nothing.
---@return any value
function Client:recvAsync() end

---Gives it a tag, by which servers choose clients; or tells which it has.
---@param tag? string
---@return string? tag
function Client:tag(tag) end

---Gives it an id, by which servers sort their clients; or tells which it has: 0 at first.
---@param id? integer
---@return integer? id
function Client:id(id) end

---The address of the other end's host.
---@return string
function Client:address() end

---The other end for people: "10.0.0.2:41000 (pid 812 on node7)".
---@return string
function Client:peer() end

---How messages go: "process" (both ends are in one), "memory" (both map it) or "socket".
---@return string link
---@return string reason  why it is this one
function Client:link() end

---What was sent and received: tables `tx` and `rx`, with `num_calls`, `num_bytes` and
---`total_seconds` each; `link` and `reason`.
---@return table
function Client:netStats() end

---Says goodbye. The peer gets what was sent before. More calls of this do nothing; others raise.
function Client:close() end

return ipc
