-- SPDX-License-Identifier: Apache-2.0
-- What drivers share that measure how long commands take: groups of contestants, run in turn, round
-- after round, so that the machine's moods hit all. A group: `bench` and `title` of its results,
-- `ranks`, `bytes`, and `contestants`, each a name, a program that must be there, and a command
-- that prints how many microseconds it took; the first is ours. `goal`: our median over that of
-- contestant `beside`, or of the best where that is a list; `goal_more_us`: how much longer ours
-- may take. `slow`: a third of the rounds.
local driver = require "driver"
local M = {}

---Times of every contestant, by name; a contestant that fails once is left out from then on.
local function measure(group, options)
  local times, rounds = {}, group.slow and math.ceil(options.rounds / 3) or options.rounds
  for _, contestant in ipairs(group.contestants) do
    local name, program = table.unpack(contestant)
    if driver.has_program(program) then times[name] = {} else print(name .. ": not here") end
  end
  for round = 0, rounds do  -- round 0 warms the caches up and is not counted
    for turn = 1, #group.contestants do
      -- Each round begins with another one, so that nobody always follows the same neighbour.
      local contestant = group.contestants[(turn + round) % #group.contestants + 1]
      local name, _, command = table.unpack(contestant)
      if times[name] then
        local us = tonumber(driver.capture(command))
        if not us then
          print(name .. ": failed: " .. command)
          times[name] = nil
        elseif round > 0 then
          table.insert(times[name], us)
        end
      end
    end
  end
  return times
end

---The name and median of the best of `names` (a list, or one); nil when none of them took part.
local function best_of(names, times)
  local best, best_median
  for _, name in ipairs(type(names) == "table" and names or { names }) do
    local median = times[name] and driver.median(times[name])
    if median and (not best or median < best_median) then best, best_median = name, median end
  end
  return best, best_median
end

local function report(group, times, results)
  local rows = { { group.title, "median", "min", "max", "to ipcrun" } }
  local ours = times.ipcrun and driver.median(times.ipcrun)
  for _, contestant in ipairs(group.contestants) do
    local name = contestant[1]
    local list = times[name]
    if list then
      local median, low, high = driver.median(list), math.min(table.unpack(list)),
        math.max(table.unpack(list))
      rows[#rows + 1] = { name, driver.format_us(median), driver.format_us(low),
        driver.format_us(high), ours and ("%.2f"):format(median / ours) or "-" }
      results[#results + 1] = { bench = group.bench, what = group.title .. ": " .. name,
        ranks = group.ranks, bytes = group.bytes, p50_us = median,
        p99_us = driver.quantile(list, 0.99), min_us = low, max_us = high, samples = #list }
    end
  end
  driver.print_table(rows)
  local other_name, other = best_of(group.beside, times)
  if group.goal and ours and other then
    print(("ipcrun takes %.2f times as long as %s; the goal is at most %.2f"):format(ours / other,
      other_name, group.goal))
  end
  if group.goal_more_us and ours and other then
    print(("ipcrun takes %s longer than %s; the goal is at most %s"):format(
      driver.format_us(ours - other), other_name, driver.format_us(group.goal_more_us)))
  end
  print()
end

---Measures all groups and appends their results to the file that the options name.
function M.run(groups, options)
  local results = {}
  for _, group in ipairs(groups) do report(group, measure(group, options), results) end
  driver.append(options.output, results, driver.circumstances())
end

return M
