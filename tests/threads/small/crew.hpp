// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Lua states of one household, each in a thread of its own, that share one value.

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/item.hpp"
#include "bindings/lua/threads/household.hpp"
#include "tests/lua/marshal_state.hpp"

namespace ipcrun::lua {

class Crew {
  public:
    /// Runs `setup` in the first state, which is this thread's; the value that it returns is
    /// shared.
    explicit Crew(const char* setup) : root_(open_state()) {
        run_script(root_, "ipc = require 'ipc'");
        household_ = context(root_.get()).household;
        const int status = luaL_dostring(root_.get(), setup);
        INFO(lua_tostring(root_.get(), -1));
        REQUIRE(status == LUA_OK);
        pack_item(root_.get(), -1, Closures::welcome, "test", item_);
        lua_setglobal(root_.get(), "shared");
    }
    ~Crew() {
        for (std::thread& thread : threads_)
            if (thread.joinable()) thread.join();
    }

    Household& household() { return *household_; }

    /// Runs `script` in `count` more threads, with the value and a number from 1 as arguments.
    void start(int count, const char* script) {
        errors_.resize(threads_.size() + static_cast<std::size_t>(count));
        for (int i = 0; i < count; ++i) {
            household_->begin_thread();
            std::string& error = errors_[threads_.size()];
            threads_.emplace_back(
                [this, script, item = item_, id = static_cast<int>(threads_.size()) + 1,
                 &error]() mutable { error = work(script, std::move(item), id); });
        }
    }
    /// Runs `script` in this thread; the value is its argument.
    void here(const char* script) {
        lua_State* lua = root_.get();
        REQUIRE(luaL_loadstring(lua, script) == LUA_OK);
        lua_getglobal(lua, "shared");
        const int status = lua_pcall(lua, 1, 0, 0);
        const std::string message = status == LUA_OK ? "" : luaL_tolstring(lua, -1, nullptr);
        INFO(message);
        CHECK(status == LUA_OK);
        lua_settop(lua, 0);
    }
    /// Lets go of the value, which threads may still have.
    void let_go() {
        item_ = Item();
        run_script(root_, "shared = nil; collectgarbage(); collectgarbage()");
    }
    /// Waits for the threads that were started: none may have raised.
    void join() {
        for (std::thread& thread : threads_) thread.join();
        for (const std::string& error : errors_) CHECK(error == "");
        threads_.clear();
        errors_.clear();
    }

  private:
    std::string work(const char* script, Item item, int id) {
        std::string error;
        {
            const State lua(luaL_newstate());
            luaL_openlibs(lua.get());
            preload_modules(lua.get());
            create_worker_context(lua.get(), household_);
            struct Arguments {
                const char* script;
                Item& item;
                int id;
            } arguments{script, item, id};
            lua_pushcfunction(lua.get(), [](lua_State* state) {
                auto& given = *static_cast<Arguments*>(lua_touserdata(state, 1));
                if (luaL_dostring(state, "torch, ipc = require 'torch', require 'ipc'") != LUA_OK ||
                    luaL_loadstring(state, given.script) != LUA_OK)
                    return lua_error(state);
                push_item(state, given.item, "test");
                given.item = Item();
                lua_pushinteger(state, given.id);
                lua_call(state, 2, 0);
                return 0;
            });
            lua_pushlightuserdata(lua.get(), &arguments);
            if (lua_pcall(lua.get(), 1, 0, 0) != LUA_OK)
                error = luaL_tolstring(lua.get(), -1, nullptr);
        }
        household_->end_thread();
        return error;
    }

    State root_;
    std::shared_ptr<Household> household_;
    Item item_;
    std::vector<std::thread> threads_;
    std::deque<std::string> errors_;  // threads refer to them
};

}  // namespace ipcrun::lua
