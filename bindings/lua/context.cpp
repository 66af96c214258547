// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/context.hpp"

#include "bindings/lua/bind.hpp"
#include "bindings/lua/parallel/programs.hpp"
#include "bindings/lua/threads/household.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* registry_key = "ipcrun.context";
constexpr const char* metatable_name = "ipcrun.context metatable";
// How long the end of the program waits for threads that were told of it.
constexpr Seconds threads_grace{1.0};

// An empty one, and already that of this state.
Context& push_context(lua_State* lua) {
    if (luaL_newmetatable(lua, metatable_name) != 0) {
        lua_pushcfunction(lua, collect<Context>);
        lua_setfield(lua, -2, "__gc");
    }
    lua_pop(lua, 1);
    return create_userdata<Context>(lua, metatable_name);
}

void create(lua_State* lua) {
    Context& created = push_context(lua);
    const Failure failure = attempt([&created] {
        created.generator.seed(std::random_device{}());
        created.job = Job::join([] { return find_program(launcher_places); });
        if (!created.job->is_alone()) created.heap = created.job->heap();
        created.household = std::make_shared<Household>(created.job, created.heap);
        created.waiter.emplace(created.household->make_waiter());
    });
    if (failure) raise_string(lua, failure);
    lua_setfield(lua, LUA_REGISTRYINDEX, registry_key);
}

}  // namespace

Context::~Context() {
    if (is_worker || household == nullptr) return;
    household->close();
    const auto is_alone = [this] { return household->threads() == 0; };
    // A thread that computes, or is in a call of the system, stays, and ends with the process.
    const Failure failure = attempt([&] {
        (void)waiter->wait(household->ended(), household->alert(), Deadline::after(threads_grace),
                           is_alone);
    });
    if (!failure && is_alone()) household->leave_job();
}

void create_worker_context(lua_State* lua, const std::shared_ptr<Household>& household) {
    Context& created = push_context(lua);
    const Failure failure = attempt([&] {
        created.generator.seed(std::random_device{}());
        created.household = household;
        created.number = household->number_state();
        created.is_worker = true;
        created.waiter.emplace(household->make_waiter());
        created.heap = household->heap();
    });
    if (failure) raise_string(lua, failure);
    // As torch-ipc had it: many threads that each multiply with many would get in each other's way.
    created.blas.use_threads(1);
    lua_setfield(lua, LUA_REGISTRYINDEX, registry_key);
}

Context& context(lua_State* lua) {
    if (lua_getfield(lua, LUA_REGISTRYINDEX, registry_key) == LUA_TNIL) {
        lua_pop(lua, 1);
        create(lua);
        lua_getfield(lua, LUA_REGISTRYINDEX, registry_key);
    }
    auto* result = static_cast<Context*>(lua_touserdata(lua, -1));
    lua_pop(lua, 1);
    return *result;
}

void note_good_end(lua_State* lua) {
    if (lua_getfield(lua, LUA_REGISTRYINDEX, registry_key) != LUA_TNIL) {
        const auto& job = static_cast<Context*>(lua_touserdata(lua, -1))->job;
        if (job != nullptr) job->serve_queues_to_the_end();
    }
    lua_pop(lua, 1);
}

const std::shared_ptr<Job>& check_job(lua_State* lua, const char* call) {
    const Context& shared = context(lua);
    if (shared.is_worker)
        luaL_error(lua, "%s: a thread of ipc.map is no rank: the main program must call it", call);
    if (shared.job == nullptr)
        luaL_error(lua, "%s: the job is left, as this Lua state is closed", call);
    return shared.job;
}

}  // namespace ipcrun::lua
