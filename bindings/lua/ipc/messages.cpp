// SPDX-License-Identifier: Apache-2.0
// send, receive, receive_into and probe.
#include <fmt/format.h>

#include <array>

#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/blocks.hpp"
#include "bindings/lua/ipc/communicator.hpp"
#include "bindings/lua/ipc/marshal.hpp"

namespace ipcrun::lua {

namespace {

int finish_send(lua_State* lua, Work&, int) {
    lua_pushboolean(lua, 1);
    return 1;
}

void refuse_both(lua_State* lua, const Options& options, const char* operation) {
    if (options.is_async && options.timeout >= 0)
        luaL_error(lua, "%s: with async the timeout is one of wait()", operation);
}

// send(value, to [, options])
int send(lua_State* lua) {
    const int size = check_communicator(lua).size();
    luaL_checkany(lua, 2);
    const int to = check_rank(lua, 3, "the receiver", size);
    const Options options = check_options(lua, 4, option_tag | option_timeout | option_async, size);
    refuse_both(lua, options, "send");
    const int tag = options.tag == any_tag ? 0 : options.tag;
    const LuaSite site = calling_line(lua);
    Outgoing& outgoing = push_outgoing(lua);
    marshal(lua, 2, outgoing, "send");
    Work* work = nullptr;
    if (options.is_async) {
        lua_newtable(lua);
        work = &push_work(lua, finish_send);
    }
    CommunicatorObject& object = check_object(lua, 1);
    Communicator& communicator = *object.membership->get();
    const Failure failure = attempt([&] {
        if (work == nullptr) {
            outgoing.pack();
            return communicator.send(outgoing.parts(), to, tag, options.deadline, site.get());
        }
        start_work(*work, object.membership, std::move(outgoing), [&](Outgoing& held) {
            held.pack();
            return communicator.start_send(held.parts(), to, tag, site.get());
        });
    });
    if (failure) raise_table(lua, failure);
    return work != nullptr ? 1 : 0;
}

// Pushes the value of a message that came, its source and its tag.
int push_message(lua_State* lua, const Message& message) {
    Incoming& incoming = push_incoming(lua);
    const std::shared_ptr<Heap>& heap = context(lua).heap;
    const Envelope envelope = message.envelope;
    const Failure failure =
        attempt([&] { incoming.open(message.storage, 0, envelope.bytes, heap); });
    if (failure) raise_table(lua, failure);
    unmarshal(lua, incoming, "receive");
    lua_pushinteger(lua, envelope.source);
    lua_pushinteger(lua, envelope.tag);
    return 3;
}

// A message in a userdata, so that Lua frees it.
constexpr const char* message_metatable = "ipcrun.message";

Message& create_message(lua_State* lua) {
    if (luaL_newmetatable(lua, message_metatable) != 0) {
        lua_pushcfunction(lua, collect<Message>);
        lua_setfield(lua, -2, "__gc");
    }
    lua_pop(lua, 1);
    return create_userdata<Message>(lua, message_metatable);
}

// A receive of what is not known yet: it takes the first message that is there when it is asked.
class PendingReceive : public Pending {
  public:
    PendingReceive(Membership& membership, const Options& options, const LuaSite& site)
        : membership_(membership), from_(options.from), tag_(options.tag), site_(site) {}

    bool test() override {
        if (!has_come_ && membership_.get()->test_message(from_, tag_)) receive(Deadline::never());
        return has_come_;
    }
    bool wait(Deadline deadline) override {
        try {
            if (!has_come_) receive(deadline);
        } catch (const Error& error) {
            if (error.code != ErrorCode::timeout || !deadline.has_passed()) throw;
        }
        return has_come_;
    }
    const Message& message() const { return message_; }

  private:
    void receive(Deadline deadline) {
        message_ = membership_.get()->receive_message(from_, tag_, deadline, site_.get());
        has_come_ = true;
    }

    Membership& membership_;
    int from_;
    int tag_;
    LuaSite site_;
    Message message_;
    bool has_come_ = false;
};

int finish_receive(lua_State* lua, Work& work, int table) {
    const int results = push_message(lua, static_cast<PendingReceive&>(*work.pending).message());
    lua_rotate(lua, table + 1, results);
    lua_settop(lua, table + results);
    return results;
}

// receive([options])
int receive(lua_State* lua) {
    const int size = check_communicator(lua).size();
    const Options options =
        check_options(lua, 2, option_from | option_tag | option_timeout | option_async, size);
    refuse_both(lua, options, "receive");
    const LuaSite site = calling_line(lua);
    if (options.is_async) {
        lua_newtable(lua);
        Work& work = push_work(lua, finish_receive);
        CommunicatorObject& object = check_object(lua, 1);
        const Failure failure = attempt([&] {
            work.pending = std::make_shared<PendingReceive>(*object.membership, options, site);
            work.membership = object.membership;
        });
        if (failure) raise_table(lua, failure);
        return 1;
    }
    Message& message = create_message(lua);
    Communicator& communicator = check_communicator(lua);
    const Failure failure = attempt([&] {
        message =
            communicator.receive_message(options.from, options.tag, options.deadline, site.get());
    });
    if (failure) raise_table(lua, failure);
    return push_message(lua, message);
}

// One tensor that is received where it is.
struct Into {
    Tensor tensor;
    std::array<std::uint8_t, parcel_trailer_bytes> trailer = {};
    std::array<Part, 2> parts = {};

    std::span<const Part> prepare() {
        const Dtype dtype = tensor.dtype();
        parts[0] = part_of(tensor);
        parts[1] = {trailer.data(), trailer.size() / size_of(dtype), dtype};
        return parts;
    }
    void check() const {
        check_trailer(trailer, tensor.dtype(), static_cast<std::size_t>(tensor.count()));
    }
};

// The engine counts the bytes of a parcel, which nobody has asked for: this says it in elements.
Envelope receive_tensor(Communicator& communicator, Into& into, const Options& options,
                        const LuaSite& site) {
    try {
        return communicator.receive(into.prepare(), options.from, options.tag, options.deadline,
                                    site.get());
    } catch (const Error& error) {
        const auto found = error.code != ErrorCode::mismatch
                               ? std::nullopt
                               : communicator.test_message(options.from, options.tag);
        if (!found) throw;
        throw Error(ErrorCode::mismatch,
                    fmt::format("receive_into() at {}:{}: the message of rank {}, tag {}, is not "
                                "one tensor of {} elements of {}; receive() takes any",
                                site.file, site.line, found->source, found->tag,
                                into.tensor.count(), name_of(into.tensor.dtype())),
                    0, found->source);
    }
}

int finish_receive_into(lua_State* lua, Work& work, int table) {
    const Into& into = static_cast<PendingRequest<Into>&>(*work.pending).held;
    if (const Failure failure = attempt([&] { into.check(); })) raise_table(lua, failure);
    return finish_with_first(lua, work, table);
}

// receive_into(tensor [, options])
int receive_into(lua_State* lua) {
    const int size = check_communicator(lua).size();
    check_blocks_argument(lua, 2);
    const Options options =
        check_options(lua, 3, option_from | option_tag | option_timeout | option_async, size);
    refuse_both(lua, options, "receive_into");
    const LuaSite site = calling_line(lua);
    Work* work = nullptr;
    if (options.is_async) {
        lua_createtable(lua, 1, 0);
        lua_pushvalue(lua, 2);
        lua_rawseti(lua, -2, 1);
        work = &push_work(lua, finish_receive_into);
    }
    const TensorArgument argument(lua, 2);
    CommunicatorObject& object = check_object(lua, 1);
    Communicator& communicator = *object.membership->get();
    Envelope envelope;
    const Failure failure = attempt([&] {
        Into into;
        into.tensor = argument.get();
        check_writable(view_of(into.tensor), "receive_into");
        if (work == nullptr) {
            envelope = receive_tensor(communicator, into, options, site);
            return into.check();
        }
        start_work(*work, object.membership, std::move(into), [&](Into& held) {
            return communicator.start_receive(held.prepare(), options.from, options.tag,
                                              site.get());
        });
    });
    if (failure) raise_table(lua, failure);
    if (work != nullptr) return 1;
    lua_pushvalue(lua, 2);
    lua_pushinteger(lua, envelope.source);
    lua_pushinteger(lua, envelope.tag);
    return 3;
}

// probe([options])
int probe(lua_State* lua) {
    const int size = check_communicator(lua).size();
    const Options options = check_options(lua, 2, option_from | option_tag | option_timeout, size);
    const LuaSite site = calling_line(lua);
    Communicator& communicator = check_communicator(lua);
    Envelope envelope;
    bool is_there = false;
    const Failure failure = attempt([&] {
        if (options.timeout == 0) {
            const auto found = communicator.test_message(options.from, options.tag);
            is_there = found.has_value();
            if (found) envelope = *found;
            return;
        }
        try {
            envelope = communicator.probe(options.from, options.tag, options.deadline, site.get());
            is_there = true;
        } catch (const Error& error) {
            if (error.code != ErrorCode::timeout || !options.deadline.has_passed()) throw;
        }
    });
    if (failure) raise_table(lua, failure);
    if (!is_there) {
        lua_pushnil(lua);
        return 1;
    }
    lua_pushinteger(lua, envelope.source);
    lua_pushinteger(lua, envelope.tag);
    return 2;
}

}  // namespace

const luaL_Reg message_methods[] = {{"send", send},
                                    {"receive", receive},
                                    {"receive_into", receive_into},
                                    {"probe", probe},
                                    {nullptr, nullptr}};

}  // namespace ipcrun::lua
