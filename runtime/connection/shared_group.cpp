// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/shared_group.hpp"

#include <fcntl.h>

#include <bit>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/own_machine.hpp"
#include "runtime/connection/connection_impl.hpp"
#include "runtime/connection/group_messages.hpp"
#include "runtime/connection/group_shape.hpp"
#include "runtime/connection/group_watch.hpp"
#include "runtime/heap.hpp"
#include "runtime/node_communicator.hpp"

namespace ipcrun {

namespace {

constexpr int members_max = 1000;
constexpr int setup_tag = 1;
// To say to all that there will be no group, where somebody else has used up the time.
constexpr Seconds refusal_patience{1.0};

enum class Side { founder, member };

// As the founder, or in answer to him, of the last attempt.
void send(Connection& connection, Side own, GroupWord word, Deadline deadline) {
    const bool is_founders = own == Side::founder;
    const auto& attempt =
        is_founders ? connection.impl().groups_attempted : connection.impl().groups_heard;
    Bytes bytes = encode(GroupMessage{is_founders, attempt, std::move(word)});
    const Part part{bytes.data(), bytes.size(), Dtype::u8};
    connection.send({}, {&part, 1}, setup_tag, deadline);
}

// What the founder, or a member, says of this attempt or a later one: words of earlier ones, which
// have failed, are dropped.
GroupMessage receive(Connection& connection, Side from, std::uint32_t attempt, Deadline deadline) {
    for (;;) {
        const Message message = connection.receive(setup_tag, deadline);
        GroupMessage said =
            decode_group_message({reinterpret_cast<const std::uint8_t*>(message.storage->data()),
                                  message.envelope.bytes});
        if (said.is_founders == (from == Side::founder) && said.attempt >= attempt) return said;
    }
}

void refuse(Connection& connection, Side own, const Error& error, Deadline deadline) {
    try {
        send(connection, own, GroupRefused{error.code, error.what()}, deadline);
    } catch (const Error&) {
        // It is lost, and waits for nothing.
    }
}

void check_ready(const Connection& connection, const GroupWord& answer) {
    if (const auto* refused = std::get_if<GroupRefused>(&answer))
        fail(refused->code, "{}", refused->reason);
    if (!std::holds_alternative<GroupReady>(answer))
        fail(ErrorCode::protocol, "{} gave an answer that makes no sense", connection.peer());
}

}  // namespace

struct SharedGroup::Impl {
    Impl(std::shared_ptr<NodeMemory> shared, int own_rank)
        : memory(std::move(shared)), rank(own_rank) {}
    Impl(const Impl&) = delete;
    ~Impl();

    /// A member's part of the founder's offer, once it is told.
    static std::unique_ptr<Impl> accept(const std::shared_ptr<Connection>& founder,
                                        const GroupWord& said, Deadline deadline);
    void begin();
    void invite(std::span<const std::shared_ptr<Connection>> others, int control_fd,
                Deadline deadline);

    std::shared_ptr<NodeMemory> memory;
    int rank;
    GroupWatch watch{memory};
    std::shared_ptr<Heap> heap = std::make_shared<Heap>(memory, rank);
    std::optional<Communicator> communicator;
};

SharedGroup::Impl::~Impl() {
    const bool is_ours = heap->is_open();
    communicator.reset();
    if (is_ours) mark_left(memory->control(), rank);
}

void SharedGroup::Impl::begin() {
    Identity identity;
    identity.members.resize(static_cast<std::size_t>(memory->control().ranks()));
    std::iota(identity.members.begin(), identity.members.end(), 0);
    identity.rank = rank;
    identity.block_offset = memory->control().header().world_offset;
    Faults faults;
    if (const auto text = environment_variable("IPCRUN_FAULT")) faults = Faults(*text, rank);
    communicator.emplace(
        std::make_unique<NodeCommunicator>(heap, std::move(identity), std::move(faults)));
}

// All steps of one kind at all members: they take theirs at the same time.
void SharedGroup::Impl::invite(std::span<const std::shared_ptr<Connection>> others, int control_fd,
                               Deadline deadline) {
    const auto size = static_cast<std::int32_t>(others.size() + 1);
    GroupOffer offer{.size = size};
    for (std::int32_t other = 1; other < size; ++other)
        if (others[static_cast<std::size_t>(other - 1)]->link() == LinkKind::process)
            offer.fellows.push_back(other);
    const auto for_each = [&](auto step) {
        for (std::int32_t other = 1; other < size; ++other) {
            const auto& connection = others[static_cast<std::size_t>(other - 1)];
            try {
                step(other, connection);
            } catch (const Error& error) {
                throw Error(
                    error.code,
                    fmt::format("set up a group of {}: member {}: {}", size, other, error.what()),
                    error.system_errno, other);
            }
        }
    };
    for_each([&](std::int32_t other, const std::shared_ptr<Connection>& connection) {
        watch.add(connection, other);
        offer.memory = connection->impl().send_memory(memory, control_fd, deadline);
        offer.rank = other;
        send(*connection, Side::founder, offer, deadline);
    });
    for_each([&](std::int32_t other, const std::shared_ptr<Connection>& connection) {
        const std::uint32_t attempt = connection->impl().groups_attempted;
        check_ready(*connection, receive(*connection, Side::member, attempt, deadline).word);
        auto absent = RankState::absent;
        memory->control().rank(other).state.compare_exchange_strong(absent, RankState::joined);
    });
    begin();
    for_each([&](std::int32_t, const std::shared_ptr<Connection>& connection) {
        send(*connection, Side::founder, GroupReady{}, deadline);
    });
}

std::unique_ptr<SharedGroup::Impl> SharedGroup::Impl::accept(
    const std::shared_ptr<Connection>& founder, const GroupWord& said, Deadline deadline) {
    if (const auto* refused = std::get_if<GroupRefused>(&said))
        fail(refused->code, "{}", refused->reason);
    const auto* offer = std::get_if<GroupOffer>(&said);
    if (offer == nullptr) fail(ErrorCode::protocol, "{} offers none", founder->peer());
    try {
        auto memory = founder->impl().receive_memory(deadline, offer->memory);
        if (memory->control().ranks() != offer->size)
            fail(ErrorCode::protocol, "the memory of {} is not that of a group of {}",
                 founder->peer(), offer->size);
        auto impl = std::make_unique<Impl>(std::move(memory), offer->rank);
        impl->watch.add(founder, 0, offer->fellows);
        impl->begin();
        return impl;
    } catch (const Error& error) {
        refuse(*founder, Side::member, error, Deadline::after(refusal_patience));
        throw;
    }
}

bool SharedGroup::is_possible(const Connection& connection) {
    return connection.link() != LinkKind::socket;
}

std::unique_ptr<SharedGroup> SharedGroup::found(std::span<const std::shared_ptr<Connection>> others,
                                                Deadline deadline) {
    if (others.size() >= members_max)
        fail(ErrorCode::usage, "set up a group of {}: it can have {} members", others.size() + 1,
             members_max);
    for (const auto& connection : others)
        if (!is_possible(*connection))
            fail(ErrorCode::usage, "set up a group: no memory can be shared with {}: {}",
                 connection->peer(), connection->link_reason());
    const int size = static_cast<int>(others.size()) + 1;
    const std::uint64_t arena_bytes = group_arena_bytes(machine_memory_bytes(), size);
    const UniqueFd control = ControlSegment::create(size, count_allowed_cpus(), arena_bytes);
    auto memory = std::make_shared<NodeMemory>(
        UniqueFd(
            check_syscall(::fcntl(control.get(), F_DUPFD_CLOEXEC, 0), "share a group's memory")),
        create_memfd("ipcrun-heap", arena_bytes * static_cast<std::uint64_t>(size)));
    memory->control().rank(0).state.store(RankState::joined);
    auto impl = std::make_unique<Impl>(std::move(memory), 0);
    for (const auto& connection : others) ++connection->impl().groups_attempted;
    try {
        impl->invite(others, control.get(), deadline);
    } catch (const Error& error) {
        const Deadline soon = Deadline::after(refusal_patience);
        for (const auto& connection : others) refuse(*connection, Side::founder, error, soon);
        throw;
    }
    return std::unique_ptr<SharedGroup>(new SharedGroup(std::move(impl)));
}

std::unique_ptr<SharedGroup> SharedGroup::join(const std::shared_ptr<Connection>& founder,
                                               Deadline deadline) {
    if (!is_possible(*founder))
        fail(ErrorCode::usage, "join a group: no memory can be shared with {}: {}", founder->peer(),
             founder->link_reason());
    try {
        GroupMessage said =
            receive(*founder, Side::founder, founder->impl().groups_heard + 1, deadline);
        for (;;) {
            founder->impl().groups_heard = said.attempt;
            auto impl = Impl::accept(founder, said.word, deadline);
            send(*founder, Side::member, GroupReady{}, deadline);
            const std::uint32_t attempt = said.attempt;
            said = receive(*founder, Side::founder, attempt, deadline);
            if (said.attempt > attempt) continue;  // the founder has given up, and begun anew
            check_ready(*founder, said.word);
            return std::unique_ptr<SharedGroup>(new SharedGroup(std::move(impl)));
        }
    } catch (const Error& error) {
        throw Error(error.code, fmt::format("join a group: {}", error.what()), error.system_errno,
                    error.rank);
    }
}

SharedGroup::SharedGroup(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SharedGroup::~SharedGroup() = default;

void SharedGroup::interrupt() {
    // In this order: who sees that it has left may leave, too, and would be taken for the cause.
    impl_->communicator->impl().node().group.interrupt();
    mark_left(impl_->memory->control(), impl_->rank);
}

Communicator& SharedGroup::communicator() {
    return *impl_->communicator;
}

const std::shared_ptr<Heap>& SharedGroup::heap() const {
    return impl_->heap;
}

std::optional<Job::MemoryName> SharedGroup::name_memory(const void* data, std::size_t bytes) const {
    const auto ref = impl_->memory->locate(data, bytes);
    if (!ref) return std::nullopt;
    return std::bit_cast<Job::MemoryName>(*ref);
}

std::byte* SharedGroup::find_memory(const Job::MemoryName& name, std::size_t bytes) const {
    return impl_->memory->resolve(std::bit_cast<HeapRef>(name), bytes);
}

}  // namespace ipcrun
