// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How C++ meets Lua here. Lua raises by longjmp, which skips destructors, so every bound function
/// has three phases: check the arguments into trivially destructible locals (may raise); do the C++
/// work inside attempt() (may throw, calls nothing of Lua that can raise); push results (may raise,
/// no C++ object with a destructor is alive). A userdata for a result is created before the work.

#include <cstring>
#include <exception>
#include <lua.hpp>
#include <new>
#include <type_traits>

#include "base/error.hpp"

namespace ipcrun::lua {

/// The outcome of attempt(): trivially destructible, so that it may be alive when Lua raises.
struct Failure {
    bool failed = false;
    ErrorCode code = ErrorCode::internal;
    int rank = -1;  ///< the rank it is about; -1: none
    char message[1024] = "";

    explicit operator bool() const { return failed; }
    void set(ErrorCode error_code, const char* text, int about_rank = -1) {
        failed = true;
        code = error_code;
        rank = about_rank;
        std::strncpy(message, text, sizeof message - 1);
    }
};
static_assert(std::is_trivially_destructible_v<Failure>);

/// Runs `work`, catching whatever it throws.
template <typename Work>
Failure attempt(Work&& work) {
    Failure failure;
    try {
        work();
    } catch (const Error& error) {
        failure.set(error.code, error.what(), error.rank.value_or(-1));
    } catch (const std::bad_alloc&) {
        failure.set(ErrorCode::system, "not enough memory");
    } catch (const std::exception& error) {
        failure.set(ErrorCode::internal, error.what());
    }
    return failure;
}

/// The same; once more when the system refuses, without what Lua no longer uses: its collector
/// knows nothing of descriptors and mappings. Runs finalisers.
template <typename Work>
Failure attempt_with_collector(lua_State* lua, Work&& work) {
    const Failure failure = attempt(work);
    if (!failure || failure.code != ErrorCode::system) return failure;
    lua_gc(lua, LUA_GCCOLLECT);
    return attempt(work);
}

/// Raises `failure` as a Lua string with the position of the caller: the style of torch and of the
/// compatibility layers.
[[noreturn]] inline void raise_string(lua_State* lua, const Failure& failure) {
    luaL_error(lua, "%s", failure.message);
    __builtin_unreachable();
}

/// Creates a userdata of `T` in its default ("closed") state with the metatable `type_name`, which
/// must exist; its __gc is collect<T>.
template <typename T>
T& create_userdata(lua_State* lua, const char* type_name) {
    void* memory = lua_newuserdatauv(lua, sizeof(T), 0);
    T* object = new (memory) T();  // default construction of what we put here cannot throw
    luaL_setmetatable(lua, type_name);
    return *object;
}

template <typename T>
T& check_userdata(lua_State* lua, int index, const char* type_name) {
    return *static_cast<T*>(luaL_checkudata(lua, index, type_name));
}

/// __gc: leaves the object in its default state, so that a resurrected userdata is harmless.
template <typename T>
int collect(lua_State* lua) {
    T* object = static_cast<T*>(lua_touserdata(lua, 1));
    // Not by assignment: a string that is assigned an empty one keeps its memory.
    object->~T();
    new (object) T();
    return 0;
}

}  // namespace ipcrun::lua
