// SPDX-License-Identifier: Apache-2.0
// What a server knows of its clients.
#include <algorithm>
#include <unordered_set>

#include "base/fail.hpp"
#include "bindings/lua/connection/server.hpp"

namespace ipcrun::lua {

namespace {

void add(ConnectionStatistics& sum, const ConnectionStatistics& more) {
    const auto add_direction = [](auto& to, const auto& from) {
        to.messages += from.messages;
        to.bytes += from.bytes;
        to.seconds += from.seconds;
    };
    add_direction(sum.sent, more.sent);
    add_direction(sum.received, more.received);
}

bool comes_before(const std::shared_ptr<Endpoint>& a, const std::shared_ptr<Endpoint>& b) {
    return a->id() != b->id() ? a->id() < b->id() : a->number() < b->number();
}

bool is_there(const Endpoint& endpoint, const std::optional<std::string>& tag) {
    return !endpoint.is_gone() && (!tag || endpoint.tag() == tag);
}

}  // namespace

void ServerObject::check_open(const char* operation) const {
    if (is_ending_)
        fail(ErrorCode::peer_lost, "{}: the program that this thread belongs to is ending",
             operation);
    if (is_closed_) fail(ErrorCode::usage, "{}: the server is closed", operation);
    server_->check_ours(operation);
}

// With the lock. Those that are closed stay known while the server below has them, so that they do
// not come anew. It drops who has gone once all that came was received.
void ServerObject::refresh() {
    const std::uint64_t news = server_->news();
    if (seen_news_ == news) return;
    std::unordered_set<const Connection*> there;
    for (const auto& connection : server_->connections()) {
        there.insert(connection.get());
        if (endpoints_.contains(connection.get())) continue;
        endpoints_.emplace(connection.get(), std::make_shared<Endpoint>(connection, arrivals_));
        ++arrivals_;
    }
    std::erase_if(endpoints_, [&](const auto& known) {
        const bool is_over = !there.contains(known.first);
        if (is_over) add(of_gone_, known.first->statistics());
        return is_over;
    });
    seen_news_ = news;  // last: there may have been no memory for all of that
}

Endpoints ServerObject::clients(const std::optional<std::string>& tag) {
    const std::lock_guard lock(mutex_);
    refresh();
    Endpoints row;
    for (const auto& [connection, endpoint] : endpoints_)
        if (is_there(*endpoint, tag)) row.push_back(endpoint);
    std::sort(row.begin(), row.end(), comes_before);
    return row;
}

void ServerObject::wait_for(std::size_t count, Deadline deadline) {
    check_open("clients");
    server_->catch_up();
    for (;;) {
        // Before the look: who comes right after it is news.
        const std::uint64_t seen = server_->news();
        check_open("clients");
        const std::size_t came = clients().size();
        if (came >= count) return;
        if (server_->wait_for_news(seen, deadline)) continue;
        check_open("clients");
        const std::string refusals = server_->describe_refusals();
        fail(ErrorCode::timeout,
             "server timed out waiting for clients to connect: {} of {} {} there at {}{}{}", came,
             count, came == 1 ? "is" : "are", format_address(address()),
             refusals.empty() ? "" : "; ", refusals);
    }
}

// Is somebody there (with that tag)?
bool ServerObject::has_client(const std::optional<std::string>& tag) {
    const std::lock_guard lock(mutex_);
    refresh();
    return std::any_of(endpoints_.begin(), endpoints_.end(),
                       [&](const auto& known) { return is_there(*known.second, tag); });
}

std::shared_ptr<Endpoint> ServerObject::find(const Connection& connection) {
    const std::lock_guard lock(mutex_);
    const auto known = endpoints_.find(&connection);
    return known == endpoints_.end() ? nullptr : known->second;
}

Endpoints ServerObject::wait_message(const char* operation, const std::optional<std::string>& tag,
                                     bool all, Deadline deadline) {
    const auto is_wanted = [&](const Connection& connection) {
        const auto endpoint = find(connection);
        return endpoint != nullptr && is_there(*endpoint, tag);
    };
    Endpoints ready;
    bool has_passed_over = false;
    do {
        // Before the look: who comes right after it is news.
        const std::uint64_t seen = server_->news();
        check_open(operation);
        if (!has_client(tag) && deadline.is_never())
            fail(ErrorCode::peer_lost, "{}: no client{} is connected that could send", operation,
                 tag ? fmt::format(" with the tag '{}'", *tag) : "");
        const auto found = server_->wait_for_message(is_wanted, all, seen, deadline);
        for (const auto& connection : found) {
            const auto endpoint = find(*connection);
            if (endpoint == nullptr) continue;  // closed by another thread meanwhile
            try {
                if (endpoint->look(operation)) ready.push_back(endpoint);
            } catch (const Error& error) {
                check_open(operation);
                // Who is lost is passed over from now on.
                if (!endpoint->is_gone() || error.code == ErrorCode::protocol) throw;
            }
        }
        // Then the turn is that of the next, whatever the time is.
        has_passed_over = !found.empty() && ready.empty();
    } while (ready.empty() && (has_passed_over || !deadline.has_passed()));
    std::sort(ready.begin(), ready.end(), comes_before);
    return ready;
}

std::string ServerObject::describe_silence(const std::optional<std::string>& tag) {
    if (has_client(tag)) return "no client has sent anything in time";
    const std::string refusals = server_->describe_refusals();
    return fmt::format("no client{}{} come in time to {}{}{}",
                       tag ? fmt::format(" with the tag '{}'", *tag) : "",
                       arrivals_ > 0 ? " is there any more, and no other has" : " has",
                       format_address(address()), refusals.empty() ? "" : "; ", refusals);
}

ConnectionStatistics ServerObject::statistics() {
    const std::lock_guard lock(mutex_);
    if (!is_closed_) refresh();
    ConnectionStatistics sum = of_gone_;
    for (const auto& [connection, endpoint] : endpoints_) add(sum, connection->statistics());
    return sum;
}

// With the lock, before all are closed: also those whom no call has met yet.
void ServerObject::learn_of_all() noexcept {
    try {
        refresh();
    } catch (const std::exception&) {
        // Without memory they are closed when the server goes.
    }
}

void ServerObject::close() noexcept {
    if (is_closed_.exchange(true)) return;
    server_->close();
    const std::lock_guard lock(mutex_);
    learn_of_all();
    for (const auto& [connection, endpoint] : endpoints_) endpoint->begin_close();
    for (const auto& [connection, endpoint] : endpoints_) endpoint->close();
}

void ServerObject::begin_end() noexcept {
    is_ending_ = true;
    server_->close();
    const std::lock_guard lock(mutex_);
    learn_of_all();
    for (const auto& [connection, endpoint] : endpoints_) endpoint->begin_end();
}

void ServerObject::end() noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& [connection, endpoint] : endpoints_) endpoint->end();
}

}  // namespace ipcrun::lua
