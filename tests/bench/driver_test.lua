-- SPDX-License-Identifier: Apache-2.0
-- Proves that the drivers of bench/ count and print right. What the programs measure is not
-- tested here.
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"

local cases <const> = {
  { "the median of an odd number of values is the middle one", function()
    return driver.median({ 9, 1, 5 }) == 5
  end },
  { "a quantile leaves the list in its order", function()
    local list = { 3, 1, 2 }
    return driver.quantile(list, 0.99) == 3 and list[1] == 3
  end },
  { "one value is its own 99th percentile", function()
    return driver.quantile({ 7 }, 0.99) == 7
  end },
  { "JSON lines are read between other output", function()
    local records = driver.records('warning: x\n{"who":"limit","bytes":8,"p50_us":1.5e+03}\n')
    return #records == 1 and records[1].who == "limit" and records[1].p50_us == 1500
  end },
  { "times are printed in the unit that suits them", function()
    return driver.format_us(0.07) == "0.07 us" and driver.format_us(31000) == "31.0 ms"
      and driver.format_us(2.5e6) == "2.50 s" and driver.format_us(nil) == "-"
  end },
  { "the output of a program that fails is not a result", function()
    return driver.capture("echo 5; exit 3") == nil and driver.capture("echo 5") == "5\n"
  end },
  { "rounds and the output file are options", function()
    local options = driver.options({ "--rounds", "3", "--output", "x" }, 15)
    return options.rounds == 3 and options.output == "x"
  end },
}

print("1.." .. #cases)
local all_right = true
for index, case in ipairs(cases) do
  local right = case[2]()
  all_right = all_right and right
  print(("%s %d - driver: %s"):format(right and "ok" or "not ok", index, case[1]))
end
os.exit(all_right)
