// SPDX-License-Identifier: Apache-2.0
// Communicators of nodes that met by connections, and share memory.
#include <vector>

#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/communicator.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/membership.hpp"
#include "bindings/lua/threads/household.hpp"
#include "bindings/lua/threads/seconds.hpp"
#include "bindings/lua/trees/end.hpp"
#include "bindings/lua/trees/functions.hpp"
#include "runtime/connection/shared_group.hpp"

namespace ipcrun::lua {

namespace {

// What the program ends with it, for threads wait in its operations.
class GroupOfProgram final : public EndsWithProgram {
  public:
    explicit GroupOfProgram(std::unique_ptr<SharedGroup> made) : group(std::move(made)) {}
    void begin_end() noexcept override { group->interrupt(); }
    void end() noexcept override {}
    const std::unique_ptr<SharedGroup> group;
};

// New tensors of a state that has no heap live in the group's from now on: they are reduced where
// they lie. A heap outlives its group for as long as somebody holds it.
void settle(lua_State* lua, CommunicatorObject& object, std::unique_ptr<SharedGroup> group) {
    Context& shared = context(lua);
    auto membership = std::make_shared<Membership>();
    if (shared.heap == nullptr) shared.heap = group->heap();
    const auto owner = std::make_shared<GroupOfProgram>(std::move(group));
    shared.household->end_with_program(owner);
    membership->group = {owner, owner->group.get()};
    object.membership = std::move(membership);
}

// found_group(ends, seconds): the communicator; this node is member 0
int found_group(lua_State* lua) {
    luaL_checktype(lua, 1, LUA_TTABLE);
    const Deadline deadline = check_seconds(lua, 2);
    const auto count = static_cast<int>(lua_rawlen(lua, 1));
    luaL_checkstack(lua, count, "too many nodes");
    CommunicatorObject& object = push_new_communicator(lua);
    const int result = lua_gettop(lua);
    for (int i = 1; i <= count; ++i) {
        lua_rawgeti(lua, 1, i);
        (void)check_shared_end(lua, -1);
    }
    const Failure failure = attempt([&] {
        std::vector<std::shared_ptr<Connection>> others;
        for (int i = 1; i <= count; ++i) others.push_back(test_end(lua, result + i)->connection);
        settle(lua, object, SharedGroup::found(others, deadline));
    });
    if (failure) raise_table(lua, failure);
    lua_settop(lua, result);
    return 1;
}

// join_group(end, seconds)
int join_group(lua_State* lua) {
    const Deadline deadline = check_seconds(lua, 2);
    CommunicatorObject& object = push_new_communicator(lua);
    const std::shared_ptr<Connection>& founder = check_shared_end(lua, 1);
    const Failure failure =
        attempt([&] { settle(lua, object, SharedGroup::join(founder, deadline)); });
    if (failure) raise_table(lua, failure);
    return 1;
}

}  // namespace

const luaL_Reg group_functions[] = {
    {"found_group", found_group}, {"join_group", join_group}, {nullptr, nullptr}};

}  // namespace ipcrun::lua
