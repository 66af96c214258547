// SPDX-License-Identifier: Apache-2.0
// Runs a script again and again in Lua states whose allocator fails at the k-th request, for every
// k until the script gets through: each failure must come out as a Lua error, with everything freed
// (the allocator counts; the sanitizers see the rest).
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <lua.hpp>
#include <new>
#include <thread>

#include "bindings/lua/modules.hpp"

namespace {

struct Allocator {
    long until_failure = 0;
    long bytes_alive = 0;                 ///< of Lua
    std::atomic<long> objects_alive = 0;  ///< of operator new in this thread, freed in any
    bool failed = false;

    /// Whether the next request is the one to fail.
    bool fails() {
        if (--until_failure >= 0) return false;
        failed = true;
        return true;
    }
};

/// What operator new asks; null outside the runs, and in other threads: connections have one, which
/// takes memory when it likes.
thread_local Allocator* current = nullptr;

/// Stands before each block: whose it is. As large as what must be aligned.
struct alignas(std::max_align_t) Header {
    Allocator* owner;
};

void* allocate(void* context, void* block, std::size_t old_size, std::size_t new_size) {
    auto& allocator = *static_cast<Allocator*>(context);
    if (block == nullptr) old_size = 0;  // a type tag then
    if (new_size > old_size && allocator.fails()) return nullptr;
    allocator.bytes_alive += long(new_size) - long(old_size);
    if (new_size == 0) {
        std::free(block);
        return nullptr;
    }
    return std::realloc(block, new_size);
}

int load_and_run(lua_State* lua) {
    // Lua gives up a finaliser that it cannot find memory to call: a step of the collector that
    // happens to finish in a coroutine, of which no call has been made, would lose them all.
    lua_gc(lua, LUA_GCSTOP);
    luaL_requiref(lua, "_G", luaopen_base, 1);
    luaL_requiref(lua, "table", luaopen_table, 1);
    luaL_requiref(lua, "string", luaopen_string, 1);
    luaL_requiref(lua, "coroutine", luaopen_coroutine, 1);
    luaL_requiref(lua, "math", luaopen_math, 1);
    luaL_requiref(lua, "debug", luaopen_debug, 1);
    luaL_requiref(lua, LUA_IOLIBNAME, luaopen_io, 1);
    luaL_requiref(lua, LUA_LOADLIBNAME, luaopen_package, 1);
    ipcrun::lua::preload_modules(lua);
    lua_settop(lua, 1);
    const char* path = static_cast<const char*>(lua_touserdata(lua, 1));
    if (luaL_loadfile(lua, path) != LUA_OK) return lua_error(lua);
    lua_call(lua, 0, 0);
    return 0;
}

/// False when something went wrong other than by memory.
bool run_once(const char* path, Allocator& allocator) {
    current = &allocator;
    lua_State* lua = lua_newstate(allocate, &allocator);
    if (lua == nullptr) {
        current = nullptr;
        return allocator.failed;
    }
    lua_pushcfunction(lua, load_and_run);
    lua_pushlightuserdata(lua, const_cast<char*>(path));
    const int status = lua_pcall(lua, 1, 0, 0);
    bool good = status == LUA_OK || allocator.failed;
    if (!good) std::fprintf(stderr, "%s\n", luaL_tolstring(lua, -1, nullptr));
    lua_close(lua);
    current = nullptr;
    // A thread counts as ended a moment before it lets go of what all threads of a program share.
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (allocator.objects_alive != 0 && std::chrono::steady_clock::now() < give_up)
        std::this_thread::yield();
    if (allocator.bytes_alive != 0 || allocator.objects_alive != 0) {
        std::fprintf(stderr, "%ld bytes of Lua and %ld objects not freed\n", allocator.bytes_alive,
                     allocator.objects_alive.load());
        good = false;
    }
    return good;
}

}  // namespace

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    if (current != nullptr && current->fails()) return nullptr;
    auto* header = static_cast<Header*>(std::malloc(sizeof(Header) + size));
    if (header == nullptr) return nullptr;
    header->owner = current;
    if (current != nullptr) ++current->objects_alive;
    return header + 1;
}
void* operator new(std::size_t size) {
    void* block = operator new(size, std::nothrow);
    if (block == nullptr) throw std::bad_alloc();
    return block;
}
void operator delete(void* block) noexcept {
    if (block == nullptr) return;
    Header* header = static_cast<Header*>(block) - 1;
    if (header->owner != nullptr) --header->owner->objects_alive;
    std::free(header);
}
void operator delete(void* block, std::size_t) noexcept {
    operator delete(block);
}

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: allocation_failure_test SCRIPT\n");
        return 2;
    }
    for (long k = 0;; ++k) {
        Allocator allocator;
        allocator.until_failure = k;
        if (!run_once(argv[1], allocator)) {
            std::fprintf(stderr, "when request %ld failed\n", k);
            return 1;
        }
        if (!allocator.failed) {
            std::printf("each of %ld requests failed once\n", k);
            return 0;
        }
    }
}
