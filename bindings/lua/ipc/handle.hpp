// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Objects that Lua states of one process share: channels, queues, mutexes and so on. In each state
/// a userdata stands for one; the marshaller hands them on by reference. One object has one
/// userdata a state, so that it equals itself after a journey.

#include <atomic>
#include <cstring>
#include <lua.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace ipcrun::lua {

class SharedObject {
  public:
    SharedObject() = default;
    SharedObject(const SharedObject&) = delete;
    virtual ~SharedObject() = default;

    /// The name of the metatable that its userdata have.
    virtual const char* type_name() const = 0;
    /// The text by which another process can find it (see ForeignKind); empty: none can. May throw.
    virtual std::string describe() const { return {}; }
    /// The Lua state `state` has let go of it: its userdata was closed or collected. Any thread
    /// that runs that state.
    virtual void on_release(const void* state) { (void)state; }
    /// One holder is left: whoever waits should look whether that makes sense.
    virtual void on_lonely() {}

    /// Userdata and items on their way that hold it.
    int holders() const { return holders_.load(); }

  private:
    friend class Holder;
    std::atomic<int> holders_ = 0;
};

/// Holds a shared object, and is counted. Objects that hold each other in a chain of any length end
/// one after the other, with no more stack than one needs.
class Holder {
  public:
    Holder() = default;
    explicit Holder(std::shared_ptr<SharedObject> object) : object_(std::move(object)) { count(); }
    Holder(const Holder& other) : object_(other.object_) { count(); }
    Holder(Holder&& other) noexcept : object_(std::move(other.object_)) {}
    Holder& operator=(Holder other) noexcept {
        object_.swap(other.object_);
        return *this;
    }
    ~Holder() {
        if (object_) let_go();
    }

    explicit operator bool() const { return object_ != nullptr; }
    SharedObject* get() const { return object_.get(); }
    const std::shared_ptr<SharedObject>& object() const { return object_; }

  private:
    void count() const {
        if (object_) object_->holders_.fetch_add(1);
    }
    void let_go() noexcept;
    std::shared_ptr<SharedObject> object_;
};

/// What a userdata holds; nothing when it was closed.
struct HandleObject {
    Holder holder;
    /// How often this state has opened it, where it is opened by name: so often it is closed.
    int opens = 1;
};

/// Makes the metatable `type_name` ("ipc.channel") with these methods and metamethods (either may
/// be null), unless this state has it. Its userdata let go of their object when Lua collects them.
/// May raise.
void register_handle_type(lua_State* lua, const char* type_name, const luaL_Reg* methods,
                          const luaL_Reg* metamethods = nullptr);

/// Pushes an empty userdata of this type: to be filled once the C++ work that makes the object is
/// done, and then remembered by intern_handle(). May raise.
HandleObject& push_new_handle(lua_State* lua, const char* type_name);
/// Remembers the userdata on top of the stack as this state's one for its object. May raise.
void intern_handle(lua_State* lua);

/// Pushes this state's userdata for the object, a new one when there is none yet. May raise.
HandleObject& push_handle(lua_State* lua, const Holder& holder);

/// The userdata on top of the stack was filled: it becomes this state's one for its object, unless
/// there is one already, which takes its place. May raise.
HandleObject& settle_handle(lua_State* lua);

/// Lets go of the object: the handle is closed from now on. May raise.
void release_handle(lua_State* lua, HandleObject& handle);

/// The handle at `index` when it is one of any type; null for other values. May have been closed.
HandleObject* test_handle(lua_State* lua, int index);
/// The object of the handle at `index`. Raises when it is something else, or was closed: "channel
/// is not open".
template <typename T>
T& check_handle(lua_State* lua, int index, const char* type_name) {
    auto* handle = static_cast<HandleObject*>(luaL_checkudata(lua, index, type_name));
    if (!handle->holder) luaL_error(lua, "%s is not open", type_name + std::strlen("ipc."));
    return static_cast<T&>(*handle->holder.get());
}

/// Opens what another process has described, given the text of SharedObject::describe. Throws, and
/// calls nothing of Lua that can raise.
using OpenForeign = Holder (*)(lua_State* lua, const std::string& text);
/// Kinds of objects that may come from other processes, by type name. May raise.
void register_foreign_kind(lua_State* lua, const char* type_name, OpenForeign open);
/// Pushes the handle of an object that another process has described. Raises, beginning with
/// `operation`, when it cannot be opened here.
void push_foreign(lua_State* lua, std::string_view type_name, std::string_view text,
                  const char* operation);

}  // namespace ipcrun::lua
