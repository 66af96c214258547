// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/connection_impl.hpp"

#include <algorithm>

#include "base/fail.hpp"
#include "runtime/connection/memory_link.hpp"
#include "runtime/connection/socket_link.hpp"
#include "runtime/connection/wait_set.hpp"

namespace ipcrun {

namespace {

constexpr int user_tag = 0;

}  // namespace

Connection::Impl::Impl(Parts all) : parts(std::move(all)) {
    LoopThread& thread = parts.neighbourhood->impl().thread();
    thread.call([&] {
        parts.side->watch(
            thread, [this](PeerEnd what, std::string_view how) { peer_has_ended(what, how); });
    });
}

Connection::Impl::~Impl() {
    close();  // nobody is in a call: it is closed, and the thread calls nothing here any more
}

std::string Connection::Impl::name() const {
    // What was dialled is called a server already.
    const bool has_role = parts.peer.starts_with("server ");
    const std::string_view role = parts.role == Role::server ? "client "
                                  : has_role                 ? ""
                                                             : "server ";
    return fmt::format("{}{}", role, parts.peer);
}

// In the thread. The kernel closes the socket of a process that ends before anybody else can see
// that end; who closes it while it lives has said so in the memory before.
void Connection::Impl::peer_has_ended(PeerEnd what, std::string_view how) {
    has_process_ended_ = what == PeerEnd::process || (parts.link->kind() == LinkKind::memory &&
                                                      !parts.memory_link->has_peer_closed());
    if (parts.memory_link != nullptr) parts.memory_link->peer_ended(how);
    has_peer_ended_ = true;
    if (has_process_ended_) tell(PeerEnd::process);
    tell(PeerEnd::connection);
}

void Connection::Impl::tell(PeerEnd what) {
    for (;;) {
        const auto found = std::ranges::find_if(
            on_end_, [what](const auto& awaited) { return awaited.second.what == what; });
        if (found == on_end_.end()) return;
        const auto node = on_end_.extract(found);
        node.mapped().callback();
    }
}

std::uint64_t Connection::Impl::on_end(std::function<void()> callback, PeerEnd what) {
    LoopThread& thread = parts.neighbourhood->impl().thread();
    std::uint64_t id = 0;
    thread.call([&] {
        id = ++last_id_;
        if (what == PeerEnd::process ? has_process_ended_ : has_peer_ended_.load())
            callback();
        else
            on_end_.emplace(id, Awaited{what, std::move(callback)});
    });
    return id;
}

void Connection::Impl::forget_end(std::uint64_t id) {
    parts.neighbourhood->impl().thread().call([&] { on_end_.erase(id); });
}

// Null for memory.
SocketLink* Connection::Impl::socket() const {
    if (parts.memory_link != nullptr) return nullptr;
    return static_cast<SocketLink*>(parts.link.get());
}

bool Connection::Impl::try_use(Use use) {
    Use before = Use::free;
    return use_.compare_exchange_strong(before, use);
}

// False when another call is under way; looks are short and waited for.
bool Connection::Impl::begin_use(Use use) {
    for (;;) {
        Use before = Use::free;
        if (use_.compare_exchange_strong(before, use)) return true;
        if (before == Use::call) return false;
        use_.wait(before);
    }
}

void Connection::Impl::end_use() {
    const bool is_call = use_ == Use::call;
    // What was read ahead shows in no event.
    const bool has_more = wait_set != nullptr && socket() != nullptr &&
                          (socket()->has_ready(user_tag) || socket()->has_read_ahead());
    release();
    if (wait_set == nullptr) return;
    if (is_missed_.exchange(false) || has_more) wait_set->look_again(wait_number);
    // A call may find that it is lost, or receive the last that there was.
    if (is_call && has_peer_gone()) wait_set->tell_news();
}

void Connection::Impl::release() {
    use_ = Use::free;
    use_.notify_all();
    // Whoever closed it meanwhile has left the rest to us.
    if (is_closed && begin_use(Use::call)) finish_close();
}

bool Connection::Impl::has_message() {
    if (is_closed) return true;
    if (!try_use(Use::look)) {
        // Who is in a call ends it after this, and sees it; or has ended it before.
        is_missed_ = true;
        if (!try_use(Use::look)) return false;
        is_missed_ = false;
    }
    bool is_there = true;
    try {
        is_there = socket() != nullptr ? socket()->is_ready(user_tag)
                                       : parts.memory_link->is_ready(user_tag);
    } catch (...) {
        // The call that comes for the message says which, or finds memory for it.
    }
    release();
    return is_there;
}

Connection::Impl::Turn::Turn(Impl& connection, std::string_view attempt) : connection_(connection) {
    connection_.parts.neighbourhood->impl().check_ours(attempt);
    if (connection_.is_closed)
        fail(ErrorCode::usage, "{}: {}: this end has closed the connection", connection_.name(),
             attempt);
    if (!connection_.begin_use(Use::call))
        fail(ErrorCode::usage,
             "{}: {}: another thread is in a call on this connection: one at a time may be",
             connection_.name(), attempt);
}

Connection::Impl::Turn::~Turn() {
    connection_.end_use();
}

Error Connection::Impl::describe(std::string_view attempt, const Error& error) {
    if (is_closed)
        return Error(
            ErrorCode::usage,
            fmt::format("{}: {}: this end has closed the connection meanwhile", name(), attempt));
    if (error.code == ErrorCode::peer_lost || error.code == ErrorCode::protocol) is_lost_ = true;
    if (error.code == ErrorCode::protocol) has_nothing_left_ = true;  // that would be believed
    return Error(error.code, fmt::format("{}: {}", name(), error.what()), error.system_errno,
                 error.rank);
}

bool Connection::Impl::is_over() {
    if (is_closed || has_nothing_left_) return true;
    if (!has_peer_gone() && parts.memory_link == nullptr) return false;
    if (!begin_use(Use::look)) return false;  // the end of that call is news
    if (is_closed) {
        end_use();
        return true;
    }
    try {
        // In memory it is said before anybody can be told.
        if (!has_peer_gone() && parts.memory_link->has_peer_closed()) is_lost_ = true;
        if (has_peer_gone()) (void)parts.link->wait(user_tag, Deadline::after(Seconds(0)));
    } catch (const Error& error) {
        // There may be no memory for a message now, and some later.
        if (error.code != ErrorCode::system) has_nothing_left_ = true;
    } catch (...) {
        end_use();
        throw;
    }
    end_use();
    return has_nothing_left_;
}

void Connection::Impl::begin_close() noexcept {
    if (is_closed.exchange(true)) return;
    if (begin_use(Use::call)) {
        if (!is_link_closed_) parts.link->say_goodbye();
        has_said_goodbye_ = true;
    } else {
        interrupt();
    }
    parts.neighbourhood->impl().ring();
    if (wait_set != nullptr) wait_set->tell_news();
}

void Connection::Impl::close() noexcept {
    begin_close();
    if (has_said_goodbye_.exchange(false)) finish_close();
}

// By who uses the link, for the last time.
void Connection::Impl::finish_close() noexcept {
    if (!std::exchange(is_link_closed_, true)) {
        // Before the link closes the socket that is watched.
        parts.neighbourhood->impl().thread().call([this] { parts.side->unwatch(); });
        if (wait_set != nullptr) wait_set->remove(wait_number);
        parts.link->close();
        if (parts.memory_link != nullptr) parts.side->release();
        parts.place.reset();
    }
    use_ = Use::free;
    use_.notify_all();
}

// Another thread waits in a call: it finds that nothing will come.
void Connection::Impl::interrupt() noexcept {
    if (parts.memory_link != nullptr) parts.memory_link->peer_ended("closed here");
    if (parts.memory_link == nullptr || is_handing_memory_) parts.side->close();
}

Connection::Impl::Handing::Handing(Impl& connection, std::string_view attempt)
    : connection_(connection), turn_(connection, attempt) {
    connection_.is_handing_memory_ = true;
    // One of the two sees the other.
    if (connection_.is_closed) connection_.parts.side->close();
}

Connection::Impl::Handing::~Handing() {
    connection_.is_handing_memory_ = false;
}

}  // namespace ipcrun
