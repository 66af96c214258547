-- SPDX-License-Identifier: Apache-2.0
-- Children on other hosts. What this process starts is a relay, here, which has an agent start the
-- child there, and ends as that does (relay/ in the sources): for all others it is the child.
local use <const> = ...
local core, state, errors, life = use "core", use "state", use "errors", use "life"
local parallel, tags = state.parallel, state.tags
local far = {}

---Whether a host is another one than this.
function far.is_far(host)
  return host ~= nil and host ~= "localhost" and host ~= "127.0.0.1" and host ~= parallel.ip
    and host ~= core.host_name()
end

-- One word for sh, csh and fish alike.
local function quote(path)
  if path:find("%c") then
    errors.usage("IPCRUN_AGENT_PATH: a path with a line break or another control character")
  end
  return "'" .. path:gsub("['\\!]", "'\\%0'") .. "'"
end

-- Of ipcrun on other hosts.
local function agent_path()
  local path = os.getenv("IPCRUN_AGENT_PATH")
  return path and path ~= "" and path or core.find_program("launcher")
end

-- What the protocol is to the relay, as words.
local function way_to(host, protocol)
  if protocol == nil then return { "ssh" } end
  if type(protocol) == "string" then return { "line", protocol } end
  local words = protocol(host, ("exec %s --agent"):format(quote(agent_path())))
  if type(words) ~= "table" or #words == 0 then
    errors.usage("fork: the protocol is to give a list of words, a program and its arguments, and "
      .. "gave a %s", type(words) == "table" and "list of none" or type(words))
  end
  local way = { "program", tostring(#words) }
  for i, word in ipairs(words) do
    if type(word) ~= "string" then
      errors.usage("fork: word %d that the protocol gave is a %s", i, type(word))
    end
    way[#way + 1] = word
  end
  return way
end

---Raises unless this can be a protocol.
function far.check_protocol(protocol, operation)
  if protocol ~= nil and type(protocol) ~= "string" and type(protocol) ~= "function" then
    errors.usage("%s: a protocol is a command or a function, and this is a %s", operation,
      type(protocol))
  end
end

---The program, and its arguments, that stand for a child on this host.
function far.command(host, protocol, interpreter, arguments)
  local words = { "ipcrun-relay", "--near", host, parallel.ip, agent_path() }
  local way = way_to(host, protocol)
  table.move(way, 1, #way, #words + 1, words)
  words[#words + 1] = interpreter or ""
  table.move(arguments, 1, #arguments, #words + 1, words)
  return core.find_program("relay"), words
end

---Returns when the child runs; raises why it does not.
function far.await(record)
  core.wait_any({ record.link }, tags.started, 1)
  if record.link:is_ready(tags.started) then return end
  local how = life.ended(record)
  record.seen = true
  errors.raise("system", ("parallel: start %s: %s"):format(record.name,
    how.report or "what was to start it ended " .. (how.signal and "by " or "with ")
      .. how.description), { child = record.handle.id, host = record.handle.ip })
end

return far
