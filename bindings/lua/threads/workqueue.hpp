// SPDX-License-Identifier: Apache-2.0
#pragma once
/// ipc.workqueue: from the thread that made it to any others go questions, back go answers.

#include <atomic>
#include <lua.hpp>
#include <memory>
#include <string>

#include "bindings/lua/ipc/handle.hpp"
#include "bindings/lua/threads/hands.hpp"
#include "bindings/lua/threads/item_source.hpp"

namespace ipcrun::lua {

constexpr const char* workqueue_type = "ipc.workqueue";

class Workqueue final : public SharedObject, public ItemSource {
  public:
    /// `name`: empty: none. `capacity`: of each direction; 0: any number.
    Workqueue(const Courier& owner, std::string name, std::uint64_t capacity);

    const char* type_name() const override { return workqueue_type; }
    void on_release(const void* state) override;
    void on_lonely() override { ring_all(); }

    /// Did this state's thread make it?
    bool is_owner(const Courier& state) const { return identity_ == state.identity; }
    /// To be called when a state begins to do something with it: the owner may come back.
    void enter(const Courier& state) {
        if (!has_owner_.load() && is_owner(state)) has_owner_ = true;
    }
    bool has_owner() const { return has_owner_.load(); }
    const std::string& name() const { return name_; }
    std::uint64_t capacity() const { return questions_.capacity(); }

    /// Questions for workers, answers for the owner.
    ItemQueue& inlet(const Courier& reader) override {
        return is_owner(reader) ? answers_ : questions_;
    }
    ItemQueue& outlet(const Courier& writer) { return is_owner(writer) ? questions_ : answers_; }

    QueueOutcome try_take(const Courier& reader, Item& item, QueueStatus& after) override;
    void before_waiting(const Courier& reader) override;
    void add_bells(const Courier& reader, std::vector<Bell*>& bells) override;
    bool is_hopeless(const Courier& reader) override;
    [[noreturn]] void give_up(const char* operation) override;

    /// Writes all of `items`, however long that takes. Throws as take_item() does.
    void write(const Courier& writer, std::span<Item> items, const char* operation);
    /// Is no question waiting, and none in a worker's hands?
    bool is_idle() const { return questions_.items() == 0 && hands_.total() == 0; }
    /// Waits until that is so; false when the time passes first.
    bool drain(const Courier& owner, Deadline deadline);
    /// What the owner reads, as long as answers may come: refused when it is idle and none is left.
    QueueOutcome take_answer(Courier& owner, const char* operation);

  private:
    // Is there nobody else, and can nobody find it by its name?
    bool is_alone(const Courier& state) const;
    // Has the owner gone, and is none of its questions left?
    bool is_finished() const;
    void ring_all();
    void became_idle() { idle_.ring_all(); }

    const std::string name_;
    // Compared alone: no other state has it, also when one is at the same place later.
    const std::shared_ptr<const char> identity_;
    const Context* const owner_;
    std::atomic<bool> has_owner_ = true;
    LocalQueue questions_;
    LocalQueue answers_;
    Hands hands_;
    Bell idle_ = {};
};

/// Puts `workqueue` into the table at `ipc`. May raise.
void register_workqueue(lua_State* lua, int ipc);

}  // namespace ipcrun::lua
