-- SPDX-License-Identifier: Apache-2.0
-- Values whose parcels are good seeds: together they have every kind of token in them. Used by
-- tests/lua/marshal_test.cpp and tests/fuzz/parcels.cpp.
local torch = require "torch"
local floor = math.floor

local count = 0
local function increment() count = count + 1; return count end
local function factorial(n) return n < 2 and 1 or n * factorial(n - 1) end
local object = { name = "o" }
function object.itself() return object, torch, type(object) end
local stripped = load(string.dump(function(...) return select("#", ...), print end, true))

local Point = torch.class("Point", {})

return {
  { 1, "two", { 3.5, x = torch.ones(3, 2), [true] = torch.range(1, 6):view(2, 3):t() } },
  { "a\0b", -0.0, math.mininteger, false, { [2.5] = torch.ByteStorage():string("ping") } },
  factorial,
  { increment, function() return count end, [increment] = function(x) return floor(x) end },
  object,
  { Point(), { inner = Point() } },
  { _G, torch, math.floor, stripped, print },
  function() return function() return factorial(count) + floor(2.5) end end,
}
