// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Lua states of one household, each in a thread: where ThreadSanitizer sees what they share. In
/// the scripts there are, beside `ipc`:
///   spawn(n, code, ...)  n threads that run this text with copies of the values, and their number
///   join()               until all of them have ended; raises the first of their errors

#include <doctest/doctest.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/item.hpp"
#include "bindings/lua/modules.hpp"
#include "bindings/lua/threads/household.hpp"

namespace ipcrun::lua {

class LuaThreads {
  public:
    LuaThreads() : root_(open()) {
        household_ = context(root_).household;
        prepare(root_);
        for (const luaL_Reg& function : {luaL_Reg{"spawn", spawn}, luaL_Reg{"join", join}}) {
            lua_pushlightuserdata(root_, this);
            lua_pushcclosure(root_, function.func, 1);
            lua_setglobal(root_, function.name);
        }
    }
    LuaThreads(const LuaThreads&) = delete;
    ~LuaThreads() {
        household_->close();
        join_all();
        lua_close(root_);
    }

    /// Runs it in the first state; what it raises fails the test.
    void run(const char* script) {
        const int status = luaL_dostring(root_, script);
        const std::string message = status == LUA_OK ? "" : text_of(root_);
        INFO(message);
        CHECK(status == LUA_OK);
        lua_settop(root_, 0);
    }

  private:
    static lua_State* open() {
        lua_State* lua = luaL_newstate();
        luaL_openlibs(lua);
        preload_modules(lua);
        return lua;
    }
    static void prepare(lua_State* lua) {
        REQUIRE(luaL_dostring(lua, "ipc, torch = require 'ipc', require 'torch'") == LUA_OK);
    }
    static std::string text_of(lua_State* lua) {
        const char* text = luaL_tolstring(lua, -1, nullptr);
        std::string result = text;
        lua_pop(lua, 2);
        return result;
    }
    static LuaThreads& self(lua_State* lua) {
        return *static_cast<LuaThreads*>(lua_touserdata(lua, lua_upvalueindex(1)));
    }

    static int spawn(lua_State* lua) {
        const auto count = static_cast<int>(luaL_checkinteger(lua, 1));
        const std::string code = luaL_checkstring(lua, 2);
        std::vector<Item> items(static_cast<std::size_t>(lua_gettop(lua) - 2));
        for (std::size_t i = 0; i < items.size(); ++i)
            pack_item(lua, static_cast<int>(i) + 3, Closures::welcome, "spawn", items[i]);
        for (int number = 1; number <= count; ++number) self(lua).start(code, items, number);
        return 0;
    }

    void start(const std::string& code, const std::vector<Item>& items, int number) {
        household_->begin_thread();
        threads_.emplace_back([this, code, held = items, number]() mutable {
            lua_State* lua = open();
            create_worker_context(lua, household_);
            prepare(lua);
            int status = luaL_loadstring(lua, code.c_str());
            if (status == LUA_OK) {
                for (const Item& item : held) push_item(lua, item, "spawn");
                lua_pushinteger(lua, number);
                status = lua_pcall(lua, static_cast<int>(held.size()) + 1, 0, 0);
            }
            held.clear();
            if (status != LUA_OK) {
                const std::lock_guard lock(mutex_);
                errors_.push_back(text_of(lua));
            }
            lua_close(lua);
            household_->end_thread();
        });
    }

    void join_all() {
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
    }
    static int join(lua_State* lua) {
        LuaThreads& threads = self(lua);
        threads.join_all();
        if (threads.errors_.empty()) return 0;
        lua_pushstring(lua, threads.errors_.front().c_str());
        threads.errors_.clear();
        return lua_error(lua);
    }

    lua_State* root_;
    std::shared_ptr<Household> household_;
    std::vector<std::thread> threads_;
    std::mutex mutex_;
    std::vector<std::string> errors_;
};

/// A test case of a script.
inline void run_threads(const char* script) {
    LuaThreads threads;
    threads.run(script);
}

}  // namespace ipcrun::lua
