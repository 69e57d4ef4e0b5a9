-- Environment of scripts: the globals of Redis 7, with tables that cannot be modified. `host` holds
-- functions of the embedding program, `libraries` what Lua does not have, and `loading` the table
-- `redis` of a library of functions while it is loaded. Returns the table of globals, the one that
-- scripts see, and a function that calls a function of a script.

local host, libraries, is_strict, loading = ...

local READONLY = "Attempt to modify a readonly table"
local error, type, tostring, select, unpack = error, type, tostring, select, unpack
local rawget, rawset, pairs, next = rawget, rawset, pairs, next
local getmetatable, setmetatable = getmetatable, setmetatable
local pcall, xpcall, loadstring, concat, sub = pcall, xpcall, loadstring, table.concat, string.sub

local globals = {}

-- Returns a function that ends a protected call. `seen` turns an error into what the caller sees.
-- A script that is killed ends, whatever it catches.
local function settler(seen)
  return function(ok, ...)
    if ok then
      return true, ...
    end
    if host.is_killed() then
      error((...), 0)
    end
    return false, seen((...))
  end
end

-- An error of a command is a table for an error handler, and its text after `pcall`.
local settle = settler(host.text)
function globals.pcall(...)
  if select("#", ...) == 0 then
    -- Redis calls the first result.
    return settle(pcall(true))
  end
  return settle(pcall(...))
end

local function settle_handled(ok, ...)
  if not ok and host.is_killed() then
    error(host.killed(), 0)
  end
  return ok, ...
end

function globals.xpcall(...)
  local run, handler = ...
  if select("#", ...) < 2 then
    error("bad argument #2 to 'xpcall' (value expected)", 2)
  end
  return settle_handled(xpcall(run, function(failure)
    return handler(host.value(failure))
  end))
end

-- Precompiled code could break out of the interpreter.
function globals.loadstring(text, name)
  if type(text) == "string" and sub(text, 1, 1) == "\27" then
    return nil, "attempt to load chunk with wrong mode"
  end
  return loadstring(text, name)
end

function globals.load(read, name)
  if type(read) ~= "function" then
    error("bad argument #1 to 'load' (function expected, got " .. type(read) .. ")", 2)
  end
  local parts = {}
  while true do
    local part = read()
    if part == nil or part == "" then
      return globals.loadstring(concat(parts), name or "=(load)")
    end
    if type(part) ~= "string" then
      return nil, "reader function must return a string"
    end
    parts[#parts + 1] = part
  end
end

local names = "_VERSION assert collectgarbage error gcinfo getmetatable ipairs rawequal rawget select "
  .. "tonumber tostring type unpack coroutine string table math"
for name in string.gmatch(names, "%S+") do
  globals[name] = _G[name]
end
for name, library in pairs(libraries) do
  if type(globals[name]) == "table" then
    for member, value in pairs(library) do
      globals[name][member] = value
    end
  else
    globals[name] = library
  end
end

local resume = coroutine.resume
local settle_coroutine = settler(host.value)
function globals.coroutine.resume(...)
  return settle_coroutine(resume(...))
end

-- The tables behind those that cannot be modified.
local behind = setmetatable({}, { __mode = "k" })

local function readonly(hidden, get)
  local visible = setmetatable({}, {
    __index = get or hidden,
    __newindex = function()
      error(READONLY, 2)
    end,
    __metatable = false,
  })
  behind[visible] = hidden
  return visible
end

function globals.setmetatable(of, to)
  if behind[of] then
    error(READONLY, 0)
  end
  return setmetatable(of, to)
end

function globals.rawset(of, name, value)
  if behind[of] then
    error(READONLY, 0)
  end
  return rawset(of, name, value)
end

function globals.getmetatable(of)
  if behind[of] then
    return readonly({})
  end
  return getmetatable(of)
end

function globals.rawget(of, name)
  return rawget(behind[of] or of, name)
end

function globals.next(of, name)
  return next(behind[of] or of, name)
end

function globals.pairs(of)
  local hidden = behind[of]
  if not hidden then
    return pairs(of)
  end
  return function(_, name)
    return next(hidden, name)
  end, of, nil
end

-- Returns a function that looks a name up in a table, and fails if it is not there.
local function finder(find)
  return function(_, name)
    local value = find()[name]
    if value == nil then
      error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
    end
    return value
  end
end

if is_strict then
  for name, value in pairs(globals) do
    if type(value) == "table" then
      globals[name] = readonly(value)
    end
  end
  getmetatable("").__index = globals.string
  local while_loading = {
    redis = readonly(loading, finder(function()
      return loading
    end)),
  }
  globals._G = readonly(globals, finder(function()
    return host.is_loading() and while_loading or globals
  end))
else
  globals._G = globals
end

local function run(call, ...)
  local args, count = { ... }, select("#", ...)
  return xpcall(function()
    return call(unpack(args, 1, count))
  end, host.failed)
end

return globals, globals._G, run
