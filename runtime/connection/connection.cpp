// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/connection.hpp"

#include "base/address.hpp"
#include "base/fail.hpp"
#include "runtime/connection/connection_impl.hpp"
#include "runtime/connection/upgrade.hpp"
#include "runtime/parts.hpp"
#include "runtime/stream/dial.hpp"

namespace ipcrun {

namespace {

// One call on the link, counted.
template <typename Call>
auto use_link(Connection::Impl& connection, std::string_view attempt,
              ConnectionStatistics::Direction& direction, Call call) {
    const Connection::Impl::Turn turn(connection, attempt);
    const auto begun = Clock::now();
    const auto count_time = [&] { direction.seconds += Seconds(Clock::now() - begun).count(); };
    try {
        if constexpr (std::is_void_v<decltype(call(*connection.parts.link))>) {
            call(*connection.parts.link);
            count_time();
        } else {
            auto result = call(*connection.parts.link);
            count_time();
            return result;
        }
    } catch (const Error& error) {
        count_time();
        throw connection.describe(attempt, error);
    }
}

void count(ConnectionStatistics::Direction& direction, std::size_t bytes) {
    ++direction.messages;
    direction.bytes += bytes;
}

}  // namespace

std::shared_ptr<Connection> Connection::connect(const Address& address, const Key& key,
                                                bool encrypt, LinkChoice choice,
                                                const std::shared_ptr<Neighbourhood>& neighbourhood,
                                                Deadline deadline) {
    neighbourhood->impl().check_ours("connect to " + format_address(address));
    // Before anybody is asked for anything: without it there is no connection.
    (void)neighbourhood->impl().thread();
    SecureStream stream = dial(address, {.key = key, .encrypt = encrypt}, deadline);
    const std::string peer = stream.peer();
    try {
        return std::make_shared<Connection>(std::make_unique<Impl>(
            upgrade_as_client(std::move(stream), choice, neighbourhood, deadline)));
    } catch (const Error& error) {
        throw Error(error.code, fmt::format("connect to {}: {}", peer, error.what()),
                    error.system_errno);
    }
}

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Connection::~Connection() {
    // In a child after fork() everything is the parent's: its memory, and the thread's state.
    if (!impl_->parts.neighbourhood->impl().is_ours()) (void)impl_.release();
}

void Connection::send(std::span<const std::uint8_t> note, std::span<const Part> parts, int tag,
                      Deadline deadline) {
    auto& sent = impl_->statistics.sent;
    use_link(*impl_, "send", sent, [&](Link& link) {
        link.send(note, parts, tag, deadline);
        count(sent, PartsShape(parts, false).bytes);
    });
}

std::optional<Arrival> Connection::wait(int tag, Deadline deadline) {
    return use_link(*impl_, "wait", impl_->statistics.received,
                    [&](Link& link) { return link.wait(tag, deadline); });
}

bool Connection::has_whole(int tag) {
    return use_link(*impl_, "receive", impl_->statistics.received,
                    [&](Link& link) { return link.has_whole(tag); });
}

void Connection::receive_into(std::span<const Part> parts, int tag, Deadline deadline) {
    auto& received = impl_->statistics.received;
    use_link(*impl_, "receive", received, [&](Link& link) {
        link.receive_into(parts, tag, deadline);
        count(received, PartsShape(parts, true).bytes);
    });
}

Message Connection::receive(int tag, Deadline deadline) {
    auto& received = impl_->statistics.received;
    return use_link(*impl_, "receive", received, [&](Link& link) {
        Message message = link.receive(tag, deadline);
        count(received, message.envelope.bytes);
        return message;
    });
}

std::optional<Connection::Found> Connection::wait_or_receive(std::span<std::uint8_t> room, int tag,
                                                             Deadline deadline) {
    auto& received = impl_->statistics.received;
    return use_link(*impl_, "receive", received, [&](Link& link) -> std::optional<Found> {
        for (;;) {
            const auto arrival = link.wait(tag, deadline);
            if (!arrival) return std::nullopt;
            if (arrival->dtype != Dtype::u8 || !arrival->note.empty() || arrival->bytes == 0 ||
                arrival->bytes > room.size())
                return Found{*arrival};
            const Part part{.data = room.data(), .count = arrival->bytes, .dtype = Dtype::u8};
            try {
                link.receive_into({&part, 1}, tag, deadline);
            } catch (const Error& error) {
                // Its sender has taken it back, and another one came.
                if (error.code == ErrorCode::mismatch) continue;
                throw;
            }
            count(received, part.count);
            return Found{{.bytes = part.count}, true};
        }
    });
}

void Connection::begin_close() noexcept {
    if (impl_->parts.neighbourhood->impl().is_ours()) impl_->begin_close();
}

void Connection::close() noexcept {
    if (impl_->parts.neighbourhood->impl().is_ours()) impl_->close();
}

bool Connection::is_closed() const {
    return impl_->is_closed;
}

void Connection::check_ours(std::string_view attempt) const {
    impl_->parts.neighbourhood->impl().check_ours(attempt);
}

bool Connection::has_peer_gone() const {
    return impl_->has_peer_gone();
}

LinkKind Connection::link() const {
    return impl_->parts.link->kind();
}

const std::string& Connection::link_reason() const {
    return impl_->parts.reason;
}

bool Connection::is_encrypted() const {
    return impl_->parts.is_encrypted;
}

std::string Connection::peer_host() const {
    return impl_->parts.peer_host;
}

const std::string& Connection::peer() const {
    return impl_->parts.peer;
}

ConnectionStatistics Connection::statistics() const {
    return impl_->statistics;
}

std::uint32_t Connection::Impl::send_memory(const std::shared_ptr<NodeMemory>& memory,
                                            int control_fd, Deadline deadline) {
    const Handing handing(*this, "share memory");
    try {
        parts.side->send_memory(memory, control_fd, deadline);
        return ++memories_sent_;
    } catch (const Error& error) {
        throw describe("share memory", error);
    }
}

std::shared_ptr<NodeMemory> Connection::Impl::receive_memory(Deadline deadline,
                                                             std::uint32_t number) {
    const Handing handing(*this, "receive memory to share");
    try {
        std::shared_ptr<NodeMemory> memory;
        do {
            memory = parts.side->receive_memory(deadline);
            ++memories_received_;
        } while (memories_received_ < number);
        return memory;
    } catch (const Error& error) {
        throw describe("receive memory to share", error);
    }
}

}  // namespace ipcrun
