// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/fabric_use.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/deadline.hpp"
#include "base/fail.hpp"

namespace ipcrun {

namespace {

// Until a transfer that nobody wants is over; then the endpoint is given up. Most end at once, and
// one in the middle ends with its bytes, or with the connection of a peer that has died.
constexpr Seconds stop_time_max{1.0};

}  // namespace

FabricUse::FabricUse(std::shared_ptr<Fabric> fabric, Poller& poller)
    : fabric_(std::move(fabric)), poller_(poller) {
    if (fabric_ == nullptr) return;
    wake_ = UniqueFd(check_syscall(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "create an eventfd"));
    poller_.watch(wake_.get(), {Poller::Token::Kind::wake, 0}, {.readable = true});
    if (fabric_->fd() >= 0)
        poller_.watch(fabric_->fd(), {Poller::Token::Kind::fabric, 0}, {.readable = true});
}

FabricUse::~FabricUse() {
    // In a child after fork() the endpoint belongs to the parent; its memory is never freed here.
    if (!fork_guard_.is_ours()) {
        (void)new std::shared_ptr<Fabric>(std::move(fabric_));
        return;
    }
    close();
}

FabricUse::Flight::~Flight() {
    if (transfer_ == nullptr) return;
    if (!use_.fork_guard_.is_ours()) {
        (void)transfer_.release();
        return;
    }
    stop();
    --use_.flights_;
}

void FabricUse::Flight::stop() {
    if (is_over()) return;
    cancel();
    const Deadline until = Deadline::after(stop_time_max);
    while (!is_over() && !until.has_passed())
        if (use_.fabric_->progress()) use_.note_news();
    if (!is_over()) use_.close();
    check(is_over(), "a fabric that is closed goes on");
}

bool FabricUse::advance(bool is_told) {
    is_told_ = is_told;
    if (get() == nullptr || (flights_ == 0 && !is_told && fabric_->fd() >= 0)) return false;
    const bool moved = fabric_->progress();
    if (moved) has_news_ = true;
    return moved;
}

void FabricUse::settle() {
    if (fabric_ == nullptr) return;
    const bool has_work = get() != nullptr && (flights_ != 0 || is_told_);
    keep_awake(has_news_ || (has_work && !fabric_->may_sleep() && flights_ != 0));
}

void FabricUse::keep_awake(bool awake) {
    if (awake == is_awake_) return;
    std::uint64_t count = 1;
    // It holds one count or none, so neither blocks.
    if (awake)
        (void)!::write(wake_.get(), &count, sizeof count);
    else
        (void)!::read(wake_.get(), &count, sizeof count);
    is_awake_ = awake;
}

void FabricUse::close() {
    if (get() == nullptr) return;
    poller_.forget(fabric_->fd());
    fabric_->close();
    is_closed_ = true;
    note_news();
}

}  // namespace ipcrun
