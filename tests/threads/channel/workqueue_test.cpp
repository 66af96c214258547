// SPDX-License-Identifier: Apache-2.0
// Workqueues between Lua states in threads of one process.
#include "tests/threads/channel/lua_threads.hpp"

using ipcrun::lua::run_threads;

TEST_CASE("workqueue: a worker answers what the owner asks, in order") {
    run_threads(R"(
        local q, creator = ipc.workqueue("echo", 16384, 1024)
        assert(creator == 1)
        spawn(1, [[
            local q, creator = ipc.workqueue "echo"
            assert(creator == 0)
            for question in q:items() do q:write(question) end
        ]])
        for i = 1, 100 do q:write(i, -i) end
        for i = 1, 100 do assert(q:read() == i and q:read() == -i) end
        q:write(nil)
        join()
    )");
}

TEST_CASE("workqueue: one without a name goes as a value") {
    run_threads(R"(
        local q = ipc.workqueue()
        spawn(3, [[local q = ... for item in q:items() do q:write(item * 2) end]], q)
        for i = 1, 300 do q:write(i) end
        local sum = 0
        for answer in q:items() do sum = sum + answer end
        assert(sum == 300 * 301)
        q:write(nil, nil, nil)
        join()
    )");
}

TEST_CASE("workqueue: after drain all answers are there, in order") {
    run_threads(R"(
        local q = ipc.workqueue("drained")
        spawn(1, [[
            local q = ipc.workqueue "drained"
            for item in q:items() do q:write(item) end
        ]])
        for round = 1, 50 do
            for i = 1, 13 do q:write(i) end
            assert(q:drain() == true)
            for i = 1, 13 do assert(q:read(true) == i) end
            assert(q:read(true) == nil)
        end
        q:write(nil)
        join()
    )");
}

TEST_CASE("workqueue: drain waits for the question that is in a worker's hands") {
    run_threads(R"(
        local q, gate = ipc.workqueue(), ipc.channel()
        spawn(1, [[
            local q, gate = ...
            local question = q:read()
            gate:write "taken"
            gate:write "taken"
            while gate:num_items() > 0 do end
            q:write(question)
        ]], q, gate)
        q:write "?"
        gate:read()
        assert(q:drain(0.02) == false)
        gate:read()
        assert(q:drain() == true)
        assert(q:read(true) == "?")
        join()
    )");
}

TEST_CASE("workqueue: a worker that asks for the next question has nothing in its hands") {
    run_threads(R"(
        local q = ipc.workqueue()
        spawn(1, [[local q = ... while q:read() do end]], q)
        q:write(1, 2, 3)
        assert(q:drain() == true)
        q:write(nil)
        join()
    )");
}

TEST_CASE("workqueue: a worker that closes it, ends or drops it has nothing in its hands") {
    run_threads(R"(
        local q, keep = ipc.workqueue "held", ipc.channel()
        spawn(1, [[local q = ... q:read() q:close()]], q)
        spawn(1, [[local q = ... q:read()]], q)
        spawn(1, [[
            local keep, q = ..., ipc.workqueue "held"
            q:read()
            q = nil
            collectgarbage()
            keep:read()
        ]], keep)
        q:write(1, 2, 3)
        assert(q:drain() == true)
        keep:write(1)
        join()
    )");
}

TEST_CASE("workqueue: drain is for the owner") {
    run_threads(R"(
        local q = ipc.workqueue()
        spawn(1, [[
            local q = ...
            local ok, message = pcall(q.drain, q)
            assert(not ok and message:find "workqueue drain is only available on the owner thread")
        ]], q)
        join()
    )");
}

TEST_CASE("workqueue: workers that wait hear that the owner has closed it") {
    run_threads(R"(
        local q, ready = ipc.workqueue(), ipc.channel()
        spawn(2, [[
            local q, ready = ...
            ready:write(true)
            local ok, message = pcall(q.read, q)
            if ok then
                assert(message == "left over")
                ok, message = pcall(q.read, q)
            end
            assert(not ok and message.code == "peer_lost", tostring(message))
            assert(tostring(message):find("owner has closed it", 1, true))
            assert(q:read(true) == nil)
        ]], q, ready)
        ready:read() ready:read()
        ready:read { timeout = 0.01 }
        q:write "left over"
        q:close()
        join()
    )");
}

TEST_CASE("workqueue: workers hear that the owner's thread has ended") {
    run_threads(R"(
        local c = ipc.channel()
        spawn(1, [[local c = ... local q = ipc.workqueue() q:write(1) c:write(q)]], c)
        local _, q = c:read()
        assert(q:read() == 1)
        local ok, message = pcall(q.read, q)
        assert(not ok and message.code == "peer_lost")
        join()
    )");
}

TEST_CASE("workqueue: items of a worker end when the owner has closed it") {
    run_threads(R"(
        local q, out = ipc.workqueue(), ipc.channel()
        spawn(1, [[
            local q, out = ...
            local count = 0
            for _ in q:items() do count = count + 1 end
            out:write(count)
        ]], q, out)
        q:write(1, 2, 3)
        q:close()
        assert(select(2, out:read()) == 3)
        join()
    )");
}

TEST_CASE("workqueue: the owner hears that nobody is left to answer") {
    run_threads(R"(
        local q = ipc.workqueue()
        spawn(1, [[local q = ... q:write(q:read())]], q)
        q:write "?"
        assert(q:read() == "?")
        local ok, message = pcall(q.read, q)
        assert(not ok and message.code == "usage")
        assert(tostring(message):find("nobody else has this workqueue", 1, true))
        join()
    )");
}

TEST_CASE("workqueue: while threads live, one with a name may be found by them") {
    run_threads(R"(
        local q, gate = ipc.workqueue "later", ipc.channel()
        spawn(1, [[
            local gate = ...
            gate:read()
            ipc.workqueue("later"):write "found"
        ]], gate)
        gate:write(1)
        assert(q:read() == "found")
        local ok, message = pcall(q.read, q)
        assert(not ok and message.code == "usage")
        join()
    )");
}

TEST_CASE("workqueue: a full one makes both sides wait") {
    run_threads(R"(
        local q = ipc.workqueue { capacity = 2 }
        spawn(2, [[local q = ... for item in q:items() do q:write(item) end]], q)
        local sum = 0
        for i = 1, 200 do
            q:write(i)
            if i > 2 then sum = sum + q:read() end
        end
        sum = sum + q:read() + q:read()
        assert(sum == 200 * 201 / 2)
        q:close()
        join()
    )");
}

TEST_CASE("workqueue: closures go by writeup, also back") {
    run_threads(R"(
        local q = ipc.workqueue()
        spawn(1, [[local q = ... local f = q:read() q:writeup(function() return f() + 1 end)]], q)
        local bias = 41
        q:writeup(function() return bias end)
        assert(q:read()() == 42)
        join()
    )");
}

TEST_CASE("workqueue: poll tells nil and nothing apart") {
    run_threads(R"(
        local q, gate = ipc.workqueue(), ipc.channel()
        spawn(1, [[local q, gate = ... q:write(nil) gate:write(1) q:read()]], q, gate)
        gate:read()
        local found = table.pack(q:poll(1))
        assert(found.n == 2 and found[1] == true and found[2] == nil)
        local none = table.pack(q:poll())
        assert(none.n == 1 and none[1] == false)
        q:close()
        pcall(join)
    )");
}
