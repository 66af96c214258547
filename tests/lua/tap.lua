-- SPDX-License-Identifier: Apache-2.0
--- A small producer of the Test Anything Protocol.
-- `t.test('sentence', function)` runs one test; the checks below raise inside it.
-- `t.skip('sentence', 'reason')` tells of one that cannot run here. `t.done()` prints the plan and
-- ends the process, with status 1 after a failure.
local t = {}

local count, failures = 0, 0

function t.test(sentence, body)
  count = count + 1
  local ok, message = xpcall(body, debug.traceback)
  collectgarbage()
  if ok then
    print(('ok %d - %s'):format(count, sentence))
  else
    failures = failures + 1
    print(('not ok %d - %s'):format(count, sentence))
    print('# ' .. tostring(message):gsub('\n', '\n# '))
  end
end

--- Reports a test that cannot run here, with the reason.
function t.skip(sentence, reason)
  count = count + 1
  print(('ok %d - %s # SKIP %s'):format(count, sentence, reason))
end

--- Raises unless `got` is `expected`, of the same type of number too.
function t.equal(got, expected, what)
  if got ~= expected or math.type(got) ~= math.type(expected) then
    error(('%s: expected %s, got %s'):format(what or 'value', tostring(expected), tostring(got)), 2)
  end
end

--- Raises unless `got` is within `tolerance` (relative above 1) of `expected`; NaN equals NaN.
function t.near(got, expected, tolerance, what)
  if got ~= got and expected ~= expected or got == expected then return end
  local distance = math.abs(got - expected)
  local near = distance <= (tolerance or 1e-9) * math.max(1, math.abs(expected))
  if not near then  -- so that a NaN is not near either
    error(('%s: expected %.17g, got %.17g'):format(what or 'value', expected, got), 2)
  end
end

--- Raises unless `body(...)` raises a message that contains `fragment`, taken literally.
function t.raises(fragment, body, ...)
  local ok, message = pcall(body, ...)
  if ok then error(('nothing was raised; expected "%s"'):format(fragment), 2) end
  if not tostring(message):find(fragment, 1, true) then
    error(('expected "%s" in the message, got "%s"'):format(fragment, tostring(message)), 2)
  end
end

function t.done()
  print('1..' .. count)
  os.exit(failures == 0 and 0 or 1, true)
end

return t
