// SPDX-License-Identifier: Apache-2.0
// What both directions need. Their own: socket_send.cpp, socket_receive.cpp.
#include "runtime/connection/socket_link.hpp"

#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <new>

#include "base/fail.hpp"
#include "base/stream_socket.hpp"
#include "runtime/connection/link_errors.hpp"
#include "runtime/stream/lost.hpp"

namespace ipcrun {

SocketLink::SocketLink(SecureStream stream)
    : stream_(std::move(stream)), intake_(*stream_), outlet_(*stream_) {}

SocketLink::~SocketLink() {
    close();
}

void SocketLink::check_call(const LinkCall& call, std::span<const std::uint8_t> note) const {
    if (!stream_) throw link_closed(call);
    check_link_call(call, note);
}

void SocketLink::fail_ended(const LinkCall& call) const {
    if (end_->code == ErrorCode::peer_lost) throw link_lost(call, end_->what());
    throw Error(end_->code, end_->what(), end_->system_errno);
}

void SocketLink::end_by(const Error& error) {
    if (end_) return;
    end_ = error;
    intake_.drop_incomplete();
}

// False when nothing more is there now, or ever.
bool SocketLink::step() {
    if (end_) return false;
    try {
        if (!intake_.advance()) return false;
    } catch (const Error& error) {
        // There may be no memory for a message now, and some later.
        if (error.code == ErrorCode::system && intake_.undecided() != nullptr) throw;
        if (error.code == ErrorCode::peer_lost)
            end_by(Error(error.code, std::string(error.what()) + ", without a goodbye"));
        end_by(error);
        return false;
    } catch (const std::bad_alloc&) {
        // A frame may have been half taken: what follows would be read as something else.
        end_by(no_memory_);
        return false;
    }
    if (intake_.heard().received_bytes > sent_bytes_)
        end_by(Error(ErrorCode::protocol, "the peer has received more than was sent"));
    if (intake_.heard().goodbye) end_by(Error(ErrorCode::peer_lost, std::string(peer_has_closed)));
    return true;
}

// All that has come, to memory of its own.
void SocketLink::take_in() {
    do {
        if (Inbound* const message = intake_.undecided()) intake_.keep(*message);
    } while (step());
}

void SocketLink::flush() {
    if (end_ || outlet_.is_empty()) return;
    try {
        (void)outlet_.flush();
    } catch (const Error& error) {
        // What the peer had sent, and why it went, may still be read.
        take_in();
        end_by(error);
    }
}

// Waits for something to come, or for room: false when the deadline passes. True may be in vain.
bool SocketLink::idle(bool wants_to_write, Deadline deadline) {
    if (deadline.has_passed()) return false;
    if (!wants_to_write && patience_.should_spin()) {
        const auto until = Clock::now() + SpinPatience::spin_time;
        do {
            if (step() || end_) {
                patience_.met_while_spinning();
                return true;
            }
            ::sched_yield();
        } while (Clock::now() < until);
        patience_.spun_in_vain();
    }
    try {
        return stream_->wait(true, wants_to_write || !outlet_.is_empty(), deadline);
    } catch (const Error& error) {
        end_by(error);
        return true;
    }
}

bool SocketLink::has_ready(int tag) {
    return !stream_ || end_ || intake_.first(tag) != nullptr;
}

bool SocketLink::is_ready(int tag) {
    if (has_ready(tag)) return true;
    flush();
    do {
        if (has_ready(tag)) return true;
        if (Inbound* const message = intake_.undecided()) intake_.keep(*message);
    } while (step());
    return has_ready(tag);
}

void SocketLink::look_for_end() {
    if (!stream_ || end_ || !has_vanished(fd())) return;
    try {
        fail_vanished(stream_->peer());
    } catch (const Error& error) {
        end_by(error);
    }
}

// What has not been acknowledged would be lost if the peer sent more to a socket that is no more
// (RFC 1122, 4.2.2.13). What has come to an end of a Unix socket stays there.
void SocketLink::linger(Deadline until) const {
    int domain = 0;
    socklen_t size = sizeof domain;
    if (::getsockopt(fd(), SOL_SOCKET, SO_DOMAIN, &domain, &size) != 0 || domain == AF_UNIX) return;
    // Within a host what was sent has arrived; Linux acknowledges an end up to 40 ms later.
    const bool is_within_host = own_address(fd()).host == peer_address(fd()).host;
    const unsigned long unfinished = is_within_host ? SIOCOUTQNSD : SIOCOUTQ;
    // No event tells of the last acknowledgement.
    constexpr Seconds look_interval{0.01};
    std::array<char, 4096> unread;
    for (;;) {
        ssize_t count = 0;
        do {
            count = ::recv(fd(), unread.data(), unread.size(), MSG_DONTWAIT);
        } while (count > 0 && !until.has_passed());
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) return;
        int unsent = 0;
        if (::ioctl(fd(), unfinished, &unsent) != 0 || unsent == 0 || until.has_passed()) return;
        (void)stream_->wait(true, false, Deadline::sooner(until, Deadline::after(look_interval)));
    }
}

void SocketLink::say_goodbye() noexcept {
    if (!stream_ || goodbye_until_) return;
    goodbye_until_ = Deadline::after(Seconds(1));
    if (end_) return;
    try {
        outlet_.add({.kind = FrameKind::goodbye});
        if (outlet_.flush()) (void)::shutdown(fd(), SHUT_WR);  // the peer may have done it first
    } catch (const std::exception&) {
        // The peer is gone already: nobody is left to say goodbye to.
    }
}

void SocketLink::close() noexcept {
    if (!stream_) return;
    say_goodbye();
    try {
        if (!end_) {
            while (!outlet_.flush() && stream_->wait(false, true, *goodbye_until_)) {
            }
            (void)::shutdown(fd(), SHUT_WR);
            linger(*goodbye_until_);
        }
    } catch (const std::exception&) {
        // As above.
    }
    stream_.reset();
}

}  // namespace ipcrun
