// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/connection/endpoint.hpp"

#include <utility>

#include "base/fail.hpp"
#include "bindings/lua/connection/notes.hpp"

namespace ipcrun::lua {

namespace {

// How long close() tries to tell a peer whose user is not to wait any more.
constexpr Seconds farewell_time{1.0};

std::span<const std::uint8_t> note_in(const Arrival& arrival) {
    return arrival.note;
}
std::span<const std::uint8_t> note_in(const Connection::Found& found) {
    return found.arrival.note;
}

}  // namespace

// Shares of somebody else; the last one closes what the user has closed before.
struct Endpoint::Lease final : EndsWithProgram {
    std::shared_ptr<Connection> connection;
    std::atomic<bool> is_left = false;

    explicit Lease(std::shared_ptr<Connection> lent) : connection(std::move(lent)) {}
    Lease(const Lease&) = delete;
    ~Lease() {
        if (is_left) connection->close();
    }
    void begin_end() noexcept override { connection->begin_close(); }
    void end() noexcept override { connection->close(); }
};

Endpoint::Endpoint(std::shared_ptr<Connection> connection, std::uint64_t number)
    : connection_(std::move(connection)), number_(number) {}

void Endpoint::check_open(const char* operation) const {
    if (is_ending_)
        fail(ErrorCode::peer_lost, "{}: the program that this thread belongs to is ending",
             operation);
    if (is_closed_) fail(ErrorCode::usage, "{}: the client is closed", operation);
    if (is_lost_)
        fail(ErrorCode::peer_lost, "{}: remote peer disconnected: {}", operation,
             connection_->peer());
}

// What went wrong may be due to a close() in another thread: that is the reason to tell then.
template <typename Work>
auto Endpoint::guarded(const char* operation, Work work) {
    if (is_closed_ || is_ending_) check_open(operation);
    connection_->check_ours(operation);
    try {
        return work();
    } catch (const Error& error) {
        if (is_closed_ || is_ending_) check_open(operation);
        if (error.code != ErrorCode::peer_lost)
            throw Error(error.code, fmt::format("{}: {}", operation, error.what()),
                        error.system_errno, error.rank);
        throw Error(ErrorCode::peer_lost,
                    fmt::format("{}: remote peer disconnected: {}", operation, error.what()));
    }
}

void Endpoint::send(const char* operation, std::span<const std::uint8_t> note,
                    std::span<const Part> parts, Deadline deadline) {
    check_open(operation);
    guarded(operation, [&] { connection_->send(note, parts, user_tag, deadline); });
}

// What a search gives, and the arrival in it; a farewell is the end.
template <typename Search>
auto Endpoint::found(const char* operation, Search search) {
    check_open(operation);
    try {
        return guarded(operation, [&] {
            auto result = search();
            if (result && is_farewell(note_in(*result))) {
                (void)connection_->receive(user_tag);  // nothing but the note
                fail(ErrorCode::peer_lost, "{} has closed", connection_->peer());
            }
            return result;
        });
    } catch (const Error& error) {
        if (error.code == ErrorCode::peer_lost || error.code == ErrorCode::protocol)
            is_lost_ = true;
        throw;
    }
}

std::optional<Arrival> Endpoint::find(const char* operation, Deadline deadline) {
    return found(operation, [&] { return connection_->wait(user_tag, deadline); });
}

std::optional<Arrival> Endpoint::look(const char* operation) {
    return find(operation, Deadline::after(Seconds(0)));
}

bool Endpoint::has_whole(const char* operation) {
    return guarded(operation, [&] { return connection_->has_whole(user_tag); });
}

Arrival Endpoint::wait(const char* operation, Deadline deadline) {
    if (const auto arrival = find(operation, deadline)) return *arrival;
    fail_late(operation);
}

Connection::Found Endpoint::wait_or_receive(const char* operation, std::span<std::uint8_t> room,
                                            Deadline deadline) {
    if (const auto result = found(
            operation, [&] { return connection_->wait_or_receive(room, user_tag, deadline); }))
        return *result;
    fail_late(operation);
}

void Endpoint::fail_late(const char* operation) const {
    fail(ErrorCode::timeout, "{}: no message of {} has come in time", operation,
         connection_->peer());
}

void Endpoint::receive_into(const char* operation, std::span<const Part> parts, Deadline deadline) {
    guarded(operation, [&] { connection_->receive_into(parts, user_tag, deadline); });
}

Message Endpoint::receive(const char* operation, Deadline deadline) {
    return guarded(operation, [&] { return connection_->receive(user_tag, deadline); });
}

std::shared_ptr<Connection> Endpoint::lend(Household& household) {
    check_open("use a client");
    const std::lock_guard lock(mutex_);
    auto lease = lease_.lock();
    if (lease == nullptr) {
        lease = std::make_shared<Lease>(connection_);
        household.end_with_program(lease);
        lease_ = lease;
    }
    // One that keeps the lease, too.
    return {lease, connection_.get()};
}

void Endpoint::begin_close() noexcept {
    std::shared_ptr<Lease> lease;
    {
        const std::lock_guard lock(mutex_);
        if (is_closed_.exchange(true)) return;
        lease = lease_.lock();
        is_left_to_lease_ = lease != nullptr;
    }
    if (lease == nullptr) return connection_->begin_close();
    lease->is_left = true;
    try {
        connection_->send(farewell_note, {}, user_tag, Deadline::after(farewell_time));
    } catch (const std::exception&) {
        // The peer is gone, or does not listen: it learns of it when the last share goes.
    }
}

void Endpoint::close() noexcept {
    begin_close();
    {
        const std::lock_guard lock(mutex_);
        if (is_left_to_lease_) return;
    }
    connection_->close();
}

void Endpoint::begin_end() noexcept {
    is_ending_ = true;
    connection_->begin_close();
}

void Endpoint::end() noexcept {
    connection_->close();
}

std::optional<std::string> Endpoint::tag() const {
    const std::lock_guard lock(mutex_);
    return tag_;
}

void Endpoint::set_tag(std::string tag) {
    const std::lock_guard lock(mutex_);
    tag_ = std::move(tag);
}

}  // namespace ipcrun::lua
