// SPDX-License-Identifier: Apache-2.0
// ipc.mutex, ipc.marshal, ipc.sharedtable and others between threads.
#include <doctest/doctest.h>

#include "tests/threads/small/crew.hpp"

using namespace ipcrun;
using namespace ipcrun::lua;

TEST_CASE("mutex: one thread at a time holds it") {
    Crew crew("return {mutex = ipc.mutex(), sum = torch.zeros(1)}");
    crew.start(4, R"(
        local shared = ...
        for i = 1, 500 do
            if i % 2 == 0 then
                shared.mutex:lock()
                shared.mutex:lock()
                shared.sum[1] = shared.sum[1] + 1
                shared.mutex:unlock()
                shared.mutex:unlock()
            else
                local guard <close> = shared.mutex:guard(60)
                shared.sum[1] = shared.sum[1] + 1
            end
        end
    )");
    crew.join();
    crew.here("assert((...).sum[1] == 2000)");
}

TEST_CASE("mutex: another thread cannot unlock it, nor lock it in time") {
    Crew crew("return ipc.mutex()");
    crew.here("shared:lock()");
    crew.start(1, R"(
        local mutex = ...
        local good, message = pcall(mutex.unlock, mutex)
        assert(not good and message:find('operation not permitted'))
        for _, seconds in ipairs {0, 0.01} do
            local good, failure = pcall(mutex.lock, mutex, seconds)
            assert(not good and failure.code == 'timeout', tostring(failure))
        end
    )");
    crew.join();
    crew.here("shared:unlock()");
}

TEST_CASE("mutex: a barrier is met by all its threads, the first one too, again and again") {
    Crew crew("return {a = ipc.mutex(), b = ipc.mutex(), round = torch.zeros(4)}");
    const char* rounds = R"(
        local shared, id = ...
        id = id or 4
        for round = 1, 200 do
            shared.round[id] = round
            shared.a:barrier(4)
            for other = 1, 4 do assert(shared.round[other] == round, other) end
            shared.b:barrier(4, 60)
        end
    )";
    crew.start(3, rounds);
    crew.here(rounds);
    crew.join();
}

TEST_CASE("mutex: who comes to a barrier for another number hears of it alone") {
    Crew crew("return {mutex = ipc.mutex(), said = ipc.sharedtable()}");
    crew.start(1,
               "local s = ... s.said.waits = true repeat until pcall(s.mutex.barrier, s.mutex, 2)");
    crew.here(R"(
        repeat until shared.said.waits
        local good, message
        repeat  -- until the other one has come
            good, message = pcall(shared.mutex.barrier, shared.mutex, 3, 0)
        until not (type(message) == 'table')
        assert(message:find('for 3 threads here, and others wait for 2', 1, true), message)
        shared.mutex:barrier(2)
    )");
    crew.join();
}

TEST_CASE("mutex: a thread that ends with the lock is told of once, and the mutex is free then") {
    Crew crew("return ipc.mutex()");
    crew.start(1, "local mutex = ... mutex:lock() mutex:lock()");
    crew.join();
    crew.here(R"(
        local good, failure = pcall(shared.lock, shared)
        assert(not good and failure.code == 'peer_lost', tostring(failure))
        assert(tostring(failure):find('ended without unlocking it'))
        assert(not pcall(shared.unlock, shared))
        shared:lock()
        shared:unlock()
    )");
}

TEST_CASE("mutex: who waits for a lock is woken by the end of the thread that holds it") {
    Crew crew("return {mutex = ipc.mutex(), said = ipc.sharedtable()}");
    crew.start(1, "local s = ... s.mutex:lock() s.said.locked = true repeat until s.said.done");
    crew.start(1, R"(
        local s = ...
        repeat until s.said.locked
        s.said.done = true
        local good, failure = pcall(s.mutex.lock, s.mutex)
        assert(not good and failure.code == 'peer_lost', tostring(failure))
    )");
    crew.join();
}

TEST_CASE("mutex: a barrier ends when no other thread has the mutex any more") {
    Crew crew("return {mutex = ipc.mutex(), said = ipc.sharedtable()}");
    crew.start(1, R"(
        local s = ...
        local good, failure
        repeat  -- the other one may have come first
            good, failure = pcall(s.mutex.barrier, s.mutex, 2)
        until type(failure) ~= 'string'
        assert(not good and failure.code == 'peer_lost', tostring(failure))
        assert(tostring(failure):find('none but this one'))
    )");
    // Until the other one has come: then the numbers differ.
    crew.here(R"(
        local good, message
        repeat
            good, message = pcall(shared.mutex.barrier, shared.mutex, 3, 0)
        until type(message) == 'string'
    )");
    crew.let_go();
    crew.join();
}

TEST_CASE("mutex: waiting ends with the program") {
    Crew crew("return {mutex = ipc.mutex(), said = ipc.sharedtable()}");
    crew.here("shared.mutex:lock()");
    crew.start(1, R"(
        local s = ...
        local good, failure = pcall(s.mutex.lock, s.mutex)
        assert(not good and tostring(failure):find('is ending'), tostring(failure))
    )");
    crew.start(1, R"(
        local s = ...
        local good, failure = pcall(s.mutex.barrier, s.mutex, 5)
        assert(not good and tostring(failure):find('is ending'), tostring(failure))
    )");
    crew.household().close();
    crew.join();
}

TEST_CASE("marshal: threads read their own copies, and the same tensors") {
    Crew crew("return ipc.marshal {list = {1, 2, 3}, sum = torch.zeros(4)}");
    crew.start(4, R"(
        local m, id = ...
        for i = 1, 200 do
            local value = m:read()
            assert(#value.list == 3)
            value.list[4] = 4
            value.sum[id] = value.sum[id] + 1
        end
    )");
    crew.join();
    crew.here("assert((...):read().sum:sum() == 800)");
}

TEST_CASE("sharedtable: swap makes counters that lose nothing") {
    Crew crew("return ipc.sharedtable {n = 0}");
    crew.start(4, R"(
        local t = ...
        for i = 1, 300 do
            local n = t.n
            local done
            repeat
                done, n = ipc.sharedtable_swap(t, 'n', n, (n or t.n) + 1)
            until done
        end
    )");
    crew.join();
    crew.here("assert(shared.n == 1200, shared.n)");
}

TEST_CASE("sharedtable: threads read, write and walk at the same time") {
    Crew crew("return ipc.sharedtable({list = {1, 2}}, {nested = true})");
    crew.start(4, R"(
        local t, id = ...
        for i = 1, 200 do
            t[id] = {i, text = ('x'):rep(i)}
            assert(t[id][1] == i and #t[id].text == i)
            t.list[id] = i
            for key, value in pairs(t) do assert(type(value) == 'userdata') end
            assert(#t <= 5 and ipc.sharedtable_size(t) > 0)
            if i % 10 == 0 then t[id] = nil end
        end
    )");
    crew.join();
    crew.here("assert(#shared == 1 and #shared.list == 4)");
}

TEST_CASE("sharedtable: a mutex in it guards it for all") {
    Crew crew("return ipc.sharedtable {mutex = ipc.mutex(), n = 0}");
    crew.start(3, R"(
        local t = ...
        for i = 1, 200 do
            t.mutex:lock()
            t.n = t.n + 1
            t.mutex:unlock()
            if i % 50 == 0 then collectgarbage() end
        end
    )");
    crew.join();
    crew.here("assert(shared.n == 600)");
}

TEST_CASE("processes: threads have numbers of their own in one process") {
    Crew crew("return ipc.sharedtable()");
    crew.start(3, "local t, id = ... t[ipc.gettid()] = ipc.getpid()");
    crew.join();
    crew.here(R"(
        assert(#shared == 3 and shared[ipc.gettid()] == nil)
        for _, pid in pairs(shared) do assert(pid == ipc.getpid()) end
    )");
}

TEST_CASE("processes: fork is refused while there are threads") {
    Crew crew("return ipc.sharedtable()");
    crew.start(1, R"(
        local t = ...
        local good, message = pcall(ipc.fork)
        assert(not good and message:find('threads of ipc.map run'))
        t.tried = true
        repeat until t.done
    )");
    crew.here(R"(
        repeat until shared.tried
        local good, message = pcall(ipc.fork)
        assert(not good and message:find('threads of ipc.map run'))
        shared.done = true
    )");
    crew.join();
}

TEST_CASE("spawn: a thread that waits for a program ends with its own") {
    Crew crew("return ipc.sharedtable()");
    crew.start(1, R"(
        local t = ...
        local p <close> = ipc.spawn {file = 'sleep', args = {100}}
        t.started = true
        for _, call in ipairs {p.stdout, p.wait} do
            local good, message = pcall(call, p)
            assert(not good and message:find('is ending'), message)
        end
    )");
    crew.here("repeat until shared.started");
    crew.household().close();
    crew.join();
}

TEST_CASE("flock: threads wait for each other") {
    Crew crew("return {path = os.tmpname(), sum = torch.zeros(1)}");
    crew.start(3, R"(
        local shared = ...
        for i = 1, 20 do
            local lock <close> = ipc.flock(shared.path)
            local n = tonumber(lock:read()) or 0
            lock:seek('set')
            lock:write(n + 1)
        end
    )");
    crew.join();
    crew.here("assert(ipc.flock(shared.path):read('n') == 60) os.remove(shared.path)");
}

TEST_CASE("flock: a thread that waits for a file ends with its program") {
    Crew crew("return {path = os.tmpname()}");
    crew.here("lock = ipc.flock(shared.path)");
    crew.start(1, R"(
        local shared = ...
        local good, message = pcall(ipc.flock, shared.path)
        assert(not good and message:find('is ending'), message)
    )");
    crew.household().close();
    crew.join();
    crew.here("lock:close() os.remove(shared.path)");
}
