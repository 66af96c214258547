// SPDX-License-Identifier: Apache-2.0
// Channels between Lua states in threads of one process.
#include "tests/threads/channel/lua_threads.hpp"

using ipcrun::lua::run_threads;

TEST_CASE("channel: what one thread writes another reads, in order") {
    run_threads(R"(
        local c = ipc.channel()
        spawn(1, [[local c = ... for i = 1, 1000 do assert(c:write(i) == 0) end c:close() ]], c)
        for i = 1, 1000 do
            local status, item = c:read()
            assert(status <= 1 and item == i)
        end
        assert(c:read() == ipc.channel.DRAINED)
        join()
    )");
}

TEST_CASE("channel: many writers and readers lose and double nothing") {
    run_threads(R"(
        local work, done, sums = ipc.channel(), ipc.channel(), ipc.channel()
        spawn(4, [[
            local work, done = ...
            for i = 1, 300 do work:write(i, { i }, ("long"):rep(20) .. i) end
            done:write(true)
        ]], work, done)
        spawn(4, [[
            local work, sums = ...
            local count, sum = 0, 0
            for item in work:items() do
                if type(item) == "table" then item = item[1] end
                if type(item) == "string" then item = tonumber((item:gsub("long", ""))) end
                count, sum = count + 1, sum + item
            end
            sums:write { count, sum }
        ]], work, sums)
        for _ = 1, 4 do done:read() end
        work:close()
        local count, sum = 0, 0
        for _ = 1, 4 do
            local _, part = sums:read()
            count, sum = count + part[1], sum + part[2]
        end
        assert(count == 3600 and sum == 4 * 3 * 300 * 301 / 2)
        join()
    )");
}

TEST_CASE("channel: a reader that sleeps is woken by a write, and by the closing") {
    run_threads(R"(
        local c, ready = ipc.channel(), ipc.channel()
        spawn(2, [[
            local c, ready = ...
            ready:write(true)
            local status, item = c:read()
            assert(status <= 1 and item == "first" or status == 2 and item == nil)
        ]], c, ready)
        ready:read() ready:read()
        ready:read { timeout = 0.01 }
        c:write "first"
        c:close()
        join()
    )");
}

TEST_CASE("channel: a write of several items wakes as many readers") {
    run_threads(R"(
        local c, seen = ipc.channel(), ipc.channel()
        spawn(6, [[
            local c, seen = ...
            seen:write "here"
            seen:write(select(2, c:read()))
        ]], c, seen)
        for _ = 1, 6 do assert(select(2, seen:read()) == "here") end
        seen:read { timeout = 0.01 }
        c:write(1, 2, 3, 4, 5, 6)
        local sum = 0
        for _ = 1, 6 do sum = sum + select(2, seen:read()) end
        assert(sum == 21)
        join()
    )");
}

TEST_CASE("channel: a writer waits for room, and a reader makes it") {
    run_threads(R"(
        local c = ipc.channel { capacity = 2 }
        spawn(3, [[local c = ... for i = 1, 200 do c:write(i, i) end]], c)
        local sum = 0
        for _ = 1, 1200 do
            assert(c:num_items() <= 2)
            sum = sum + select(2, c:read())
        end
        assert(sum == 3 * 200 * 201)
        join()
    )");
}

TEST_CASE("channel: closing ends the wait of a writer, which is told") {
    run_threads(R"(
        local c, told = ipc.channel { capacity = 1 }, ipc.channel()
        spawn(1, [[local c, told = ... c:write(1) told:write(0) told:write(c:write(2)) ]], c, told)
        told:read()
        told:read { timeout = 0.01 }
        c:close()
        assert(select(2, told:read()) == ipc.channel.CLOSED)
        assert(c:num_items() == 1)
        join()
    )");
}

TEST_CASE("channel: a reader hears when the last other holder has gone") {
    run_threads(R"(
        local c = ipc.channel()
        spawn(1, [[local c = ... c:write "last"]], c)
        assert(select(2, c:read()) == "last")
        local ok, message = pcall(c.read, c)
        assert(not ok and message.code == "usage")
        assert(tostring(message):find("read: nobody else has this channel", 1, true))
        join()
    )");
}

TEST_CASE("channel: a writer hears when nobody is left to make room") {
    run_threads(R"(
        local c = ipc.channel { capacity = 1 }
        spawn(1, [[local c = ... c:read() ]], c)
        c:write(1) c:write(2)
        local ok, message = pcall(c.write, c, 3)
        assert(not ok and message.code == "usage")
        join()
    )");
}

TEST_CASE("channel: a channel that is on its way has somebody") {
    run_threads(R"(
        local outer, inner = ipc.channel(), ipc.channel()
        spawn(1, [[
            local outer = ...
            local _, inner = outer:read()
            inner:write(42)
        ]], outer)
        outer:write(inner)
        assert(select(2, inner:read()) == 42)
        join()
    )");
}

TEST_CASE("channel: a tensor goes by reference") {
    run_threads(R"(
        local c, done, t = ipc.channel(), ipc.channel(), torch.zeros(3)
        spawn(1, [[local c, done = ... local _, t = c:read() t:fill(7) done:write(true)]], c, done)
        c:write(t)
        done:read()
        assert(t:sum() == 21)
        join()
    )");
}

TEST_CASE("channel: a thread that waits ends with the program") {
    ipcrun::lua::LuaThreads threads;
    threads.run(R"(
        kept, ready = ipc.channel(), ipc.channel()
        spawn(2, [[
            local c, ready = ...
            ready:write(true)
            local ok, message = pcall(c.read, c)
            assert(not ok and message.code == "peer_lost")
        ]], kept, ready)
        ready:read() ready:read()
    )");
}

TEST_CASE("channel: a reader that gives up passes the wake-up on") {
    run_threads(R"(
        local c, out = ipc.channel(), ipc.channel()
        spawn(4, [[
            local c, out = ...
            local count = 0
            while true do
                local status, item = c:read { timeout = 0.0003 }
                if item == "end" then break end
                if item then count = count + 1 end
            end
            out:write(count)
        ]], c, out)
        spawn(2, [[
            local c, out = ...
            local count = 0
            while true do
                local status, item = c:read()
                if item == "end" then break end
                count = count + 1
            end
            out:write(count)
        ]], c, out)
        for i = 1, 400 do
            c:write(i)
            if i % 8 == 0 then out:read { timeout = 0.0003 } end
        end
        for _ = 1, 6 do c:write "end" end
        local sum = 0
        for _ = 1, 6 do sum = sum + select(2, out:read()) end
        assert(sum == 400)
        join()
    )");
}
