-- SPDX-License-Identifier: Apache-2.0
-- torch.CmdLine: options and arguments of a script.
--   cmd:option("-rate", 0.1, "the step")  what the script gets as params.rate; the default's type
--   cmd:argument("data", "the folder")    what stands without a dash, in this order
local torch = ...

local CmdLine = torch.class("torch.CmdLine", {})

-- The field that stands for "-rate" or "--rate".
local function field_of(key) return (key:gsub("^%-+", "")) end

---The separators are those of string(): between options, and between a name and its value.
function CmdLine:__init(argseparator, keyseparator)
  self.argseparator = argseparator or ","
  self.keyseparator = keyseparator or "="
  self.options = {}    -- by key
  self.arguments = {}  -- in their order
  self.helplines = {}  -- texts, options and arguments
  self.silentio = false
end

---A line of the help.
function CmdLine:text(line)
  self.helplines[#self.helplines + 1] = tostring(line or "")
end

function CmdLine:argument(key, help, kind)
  local argument = { key = key, help = help, type = kind }
  self.arguments[#self.arguments + 1] = argument
  self.helplines[#self.helplines + 1] = argument
end

function CmdLine:option(key, default, help, kind)
  if default == nil then
    error(("torch.CmdLine: option %s needs a default value"):format(key), 2)
  end
  if kind and kind ~= type(default) then
    error(("torch.CmdLine: option %s is to be a %s, but its default value is a %s"):format(
      key, kind, type(default)), 2)
  end
  local option = { key = key, default = default, help = help, type = kind or type(default) }
  self.options[key] = option
  self.helplines[#self.helplines + 1] = option
end

---The parameters of a command line without options.
function CmdLine:default()
  local params = {}
  for key, option in pairs(self.options) do params[field_of(key)] = option.default end
  return params
end

---Says what is wrong with the command line, shows the help, and ends the program.
function CmdLine:error(message)
  io.stderr:write(message, "\n\n")
  self:help(nil, io.stderr)
  os.exit(1, true)
end

local function convert(self, kind, text, what)
  if kind == "number" then
    return tonumber(text) or self:error(("%s: expected a number, got '%s'"):format(what, text))
  elseif kind == "boolean" then
    if text == "true" or text == "false" then return text == "true" end
    return self:error(("%s: expected true or false, got '%s'"):format(what, text))
  elseif kind == nil or kind == "string" then
    return text
  end
  return self:error(("%s: a %s cannot be given in a command line"):format(what, kind))
end

---The parameters that the words of `words` say: {rate = 0.5, data = "..."}. An option that is true
---or false by default is turned over by its mere presence. -h, -help and --help print the help and
---end the program, as errors do.
function CmdLine:parse(words)
  local params, arguments, i = self:default(), 0, 1
  while i <= #words do
    local word = words[i]
    local option = self.options[word]
    if option and option.type == "boolean" then
      params[field_of(word)] = not option.default
    elseif option then
      i = i + 1
      if words[i] == nil then self:error(("option %s needs a value"):format(word)) end
      params[field_of(word)] = convert(self, option.type, words[i], "option " .. word)
    elseif word == "-h" or word == "-help" or word == "--help" then
      self:help(words)
      os.exit(0, true)
    else
      arguments = arguments + 1
      local argument = self.arguments[arguments]
      if not argument then self:error(("unknown option or argument '%s'"):format(word)) end
      local field = field_of(argument.key)
      params[field] = convert(self, argument.type, word, "argument " .. field)
    end
    i = i + 1
  end
  local missing = self.arguments[arguments + 1]
  if missing then self:error(("argument <%s> is missing"):format(field_of(missing.key))) end
  return params
end

-- How the help calls it.
local function shown(line)
  return line.default ~= nil and line.key or "<" .. field_of(line.key) .. ">"
end

---Prints the help; `words` is the table `arg`, for the name of the script.
function CmdLine:help(words, file)
  file = file or io.stdout
  local usage, width = { "Usage:", words and words[0] or nil }, 0
  usage[#usage + 1] = "[options]"
  for _, argument in ipairs(self.arguments) do usage[#usage + 1] = shown(argument) end
  file:write(table.concat(usage, " "), "\n")
  for _, line in ipairs(self.helplines) do
    if type(line) == "table" then width = math.max(width, #shown(line)) end
  end
  for _, line in ipairs(self.helplines) do
    if type(line) == "table" then
      local text = ("  %s%s %s"):format(shown(line), (" "):rep(width - #shown(line)),
        line.help or "")
      if line.default ~= nil then text = ("%s [%s]"):format(text, line.default) end
      line = text:gsub("%s+$", "")
    end
    file:write(line, "\n")
  end
end

---A name for a run, for instance of a folder: `prefix`, the arguments, and the options that are not
---at their default, less those that are true in `ignore` (those that are false there always count).
function CmdLine:string(prefix, params, ignore)
  ignore = ignore or {}
  local pieces = {}
  local function add(field, value)
    if type(value) == "boolean" then value = value and "t" or "f" end
    pieces[#pieces + 1] = field .. self.keyseparator .. tostring(value)
  end
  if prefix and prefix ~= "" then pieces[1] = prefix end
  for _, argument in ipairs(self.arguments) do
    local field = field_of(argument.key)
    if params[field] ~= nil and not ignore[field] then add(field, params[field]) end
  end
  local keys = {}
  for key in pairs(self.options) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local field = field_of(key)
    local value = params[field]
    local is_wanted = ignore[field] == false or value ~= self.options[key].default
    if value ~= nil and not ignore[field] and is_wanted then add(field, value) end
  end
  return table.concat(pieces, self.argseparator)
end

---From now on log() keeps what is printed from the terminal.
function CmdLine:silent() self.silentio = true end

---Lines of the log begin with the time, and the name if there is one.
function CmdLine:addTime(name, format)
  self.dateformat = (format or "%Y-%m-%d %H:%M:%S") .. (name and "[" .. name .. "]: " or "")
end

---From now on print writes to `file` as well, which begins with `params`.
function CmdLine:log(file, params)
  if type(file) == "string" then file = assert(io.open(file, "w")) end
  local print_before = print
  local function log(...)
    local words = table.pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    if self.dateformat then table.insert(words, 1, os.date(self.dateformat)) end
    file:write(table.concat(words, "\t"), "\n")
    file:flush()
  end
  rawset(_G, "print", function(...)
    if not self.silentio then print_before(...) end
    log(...)
  end)
  log(("[program started on %s]"):format(os.date()))
  log "[command line arguments]"
  local keys = {}
  for key in pairs(params or {}) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for _, key in ipairs(keys) do log(key, params[key]) end
  log "[----------------------]"
end

-- Last: where memory runs out before, the next use begins again.
torch.CmdLine = CmdLine
return CmdLine
