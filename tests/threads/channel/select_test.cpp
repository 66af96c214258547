// SPDX-License-Identifier: Apache-2.0
// ipc.select between Lua states in threads of one process.
#include "tests/threads/channel/lua_threads.hpp"

using ipcrun::lua::run_threads;

TEST_CASE("select: one that sleeps is woken by any of its sources") {
    run_threads(R"(
        local a, b, q, back = ipc.channel(), ipc.channel(), ipc.workqueue(), ipc.channel()
        spawn(1, [[
            local a, b, q, back = ...
            back:write "here"
            for _ = 1, 3 do
                local index, status, item = ipc.select { a, b, q }
                back:write { index, status, item }
            end
        ]], a, b, q, back)
        back:read()
        for index, source in ipairs { a, b, q } do
            back:read { timeout = 0.005 }
            source:write("to " .. index)
            local _, got = back:read()
            assert(got[1] == index and got[2] == 0 and got[3] == "to " .. index)
        end
        join()
    )");
}

TEST_CASE("select: a wake-up for a channel that was not taken from goes to another reader") {
    run_threads(R"(
        local a, b, out = ipc.channel(), ipc.channel(), ipc.channel()
        spawn(3, [[
            local a, b, out = ...
            local count = 0
            while true do
                local _, _, item = ipc.select { a, b }
                if item == "end" then break end
                count = count + 1
            end
            out:write(count)
        ]], a, b, out)
        spawn(3, [[
            local a, b, out = ...
            local count = 0
            while true do
                local _, item = a:read()
                if item == "end of a" then break end
                count = count + 1
            end
            out:write(count)
        ]], a, b, out)
        for i = 1, 500 do
            a:write(i) b:write(i)
            if i % 10 == 0 then out:read { timeout = 0.0003 } end
        end
        while a:num_items() > 0 do out:read { timeout = 0.001 } end
        b:write("end", "end", "end")
        local sum = 0
        for _ = 1, 3 do sum = sum + select(2, out:read()) end
        a:write("end of a", "end of a", "end of a")
        for _ = 1, 3 do sum = sum + select(2, out:read()) end
        assert(sum == 1000)
        join()
    )");
}

TEST_CASE("select: the owner of a queue gets answers, workers get questions") {
    run_threads(R"(
        local q, c = ipc.workqueue(), ipc.channel()
        spawn(1, [[
            local q, c = ...
            local index, _, question = ipc.select { c, q }
            assert(index == 2)
            q:write(question + 1)
            q:read(false)
        ]], q, c)
        q:write(1)
        local index, status, answer = ipc.select { c, q }
        assert(index == 2 and status == 0 and answer == 2)
        q:close()
        pcall(join)
    )");
}

TEST_CASE("select: a queue whose owner has closed it counts as drained") {
    run_threads(R"(
        local q, c = ipc.workqueue(), ipc.channel()
        c:close()
        spawn(2, [[
            local q, c = ...
            local index, status = ipc.select { c, q }
            assert(index == nil and status == ipc.channel.DRAINED)
        ]], q, c)
        q:close()
        join()
    )");
}

TEST_CASE("select: it hears when nobody else has any of its channels") {
    run_threads(R"(
        local a, b = ipc.channel(), ipc.channel()
        spawn(1, [[local a = ... a:write(1)]], a)
        assert(ipc.select { a, b } == 1)
        local ok, message = pcall(ipc.select, { a, b })
        assert(not ok and message.code == "usage")
        join()
    )");
}
