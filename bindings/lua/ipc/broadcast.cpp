// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/broadcast.hpp"

#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/ipc/membership.hpp"
#include "runtime/values_mismatch.hpp"

namespace ipcrun::lua {

namespace {

// What the calls are about, for members that do not mean the same: hashes of values are others.
constexpr std::uint64_t layout_of_nothing = 0x6e6f'7468'696e'6701;
constexpr std::uint64_t layout_of_count = 0x636f'756e'7401;
constexpr std::uint64_t layout_of_length = 0x6c65'6e67'7468'01;
constexpr std::uint64_t layout_of_parcel = 0x7061'7263'656c'01;

// One broadcast, and what this member has to do with it.
struct Broadcast {
    lua_State* lua;
    int root;
    Deadline deadline;
    LuaSite site;

    bool is_root() const { return check_communicator(lua).rank() == root; }
    void run(Communicator& communicator, std::span<const Part> parts, std::uint64_t layout) const {
        Collective collective = Collective::broadcast(parts, root);
        collective.layout = layout;
        communicator.run(collective, deadline, site.get());
    }
    bool is_filled(Value* place) const;
    bool all_give_nothing(Communicator& communicator, bool gives_nothing) const;
    int send(int index) const;
    int take() const;
};

// True when the place has been filled; false when a parcel is to come.
bool Broadcast::is_filled(Value* place) const {
    Communicator& communicator = check_communicator(lua);
    bool filled = false;
    const Failure failure = attempt([&] {
        if (place != nullptr) place->pack(Op::sum, false);
        try {
            if (place != nullptr)
                communicator.run(broadcast_in_place(*place, root), deadline, site.get());
            else
                run(communicator, {}, layout_of_nothing);
            filled = place != nullptr;
        } catch (const ValuesMismatch&) {
            if (!all_give_nothing(communicator, place == nullptr)) throw;
        }
        if (filled) place->unpack();
    });
    if (failure) raise_table(lua, failure);
    return filled;
}

bool Broadcast::all_give_nothing(Communicator& communicator, bool gives_nothing) const {
    std::int64_t count = gives_nothing && communicator.rank() != root;
    const Part part{&count, 1, Dtype::i64};
    Collective collective = Collective::allreduce({&part, 1}, Op::sum);
    collective.layout = layout_of_count;
    communicator.run(collective, deadline, site.get());
    return count == communicator.size() - 1;
}

// The root's part: the value is what it has.
int Broadcast::send(int index) const {
    Outgoing& outgoing = push_outgoing(lua);
    marshal(lua, index, outgoing, "broadcast");
    const std::shared_ptr<Heap>& heap = context(lua).heap;
    Communicator& communicator = check_communicator(lua);
    const Failure failure = attempt([&] {
        outgoing.pack();
        const StoragePtr parcel = outgoing.assemble(heap);
        std::uint64_t bytes = parcel->bytes();
        const Part length{&bytes, 1, Dtype::i64};
        run(communicator, {&length, 1}, layout_of_length);
        const Part whole{parcel->data(), parcel->bytes(), Dtype::u8};
        run(communicator, {&whole, 1}, layout_of_parcel);
    });
    if (failure) raise_table(lua, failure);
    lua_pushvalue(lua, index);
    return 1;
}

int Broadcast::take() const {
    Incoming& incoming = push_incoming(lua);
    const std::shared_ptr<Heap>& heap = context(lua).heap;
    Communicator& communicator = check_communicator(lua);
    const Failure failure = attempt([&] {
        std::uint64_t bytes = 0;
        const Part length{&bytes, 1, Dtype::i64};
        run(communicator, {&length, 1}, layout_of_length);
        const StoragePtr parcel = Storage::create(heap, Dtype::u8, bytes);
        const Part whole{parcel->data(), bytes, Dtype::u8};
        run(communicator, {&whole, 1}, layout_of_parcel);
        incoming.open(parcel, 0, bytes, heap);
    });
    if (failure) raise_table(lua, failure);
    unmarshal(lua, incoming, "broadcast");
    return 1;
}

}  // namespace

Collective broadcast_in_place(const Value& packed, int root) {
    Collective collective = Collective::broadcast(packed.parts(), root);
    collective.layout = packed.layout();
    return collective;
}

int broadcast_value(lua_State* lua, Value* place, int root, const Options& options) {
    const Broadcast call{lua, root, options.deadline, calling_line(lua)};
    const int holders = lua_gettop(lua);
    if (place == nullptr && call.is_root()) {  // so that what cannot go is told before all begin
        Outgoing& outgoing = push_outgoing(lua);
        marshal(lua, 2, outgoing, "broadcast");
        lua_pop(lua, 1);
    }
    if (call.is_filled(place)) return place->store(lua, 2, holders);
    return call.is_root() ? call.send(2) : call.take();
}

}  // namespace ipcrun::lua
