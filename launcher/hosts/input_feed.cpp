// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/input_feed.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/fail.hpp"
#include "base/socket.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t read_bytes = 64 * 1024;

}  // namespace

InputFeed::InputFeed(EventLoop& loop, std::function<void(const Input&)> send)
    : loop_(loop), send_(std::move(send)), source_(STDIN_FILENO) {
    // In the background a terminal's read is to fail: stopped, we would pass for dead.
    (void)::signal(SIGTTIN, SIG_IGN);
    open_source();
    if (readable_) return;
    next_ = loop_.after(std::chrono::milliseconds(0), [this] { read(); });
}

void InputFeed::open_source() {
    struct stat status = {};
    check_syscall(::fstat(STDIN_FILENO, &status), "look at standard input");
    // A description of our own may be non-blocking; the inherited one is others', too.
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
        own_.reset(::open("/proc/self/fd/0", O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        if (own_) source_ = own_.get();
    }
    // The loop makes what it watches non-blocking: it gets an epoll descriptor that has the file.
    epoll_ = UniqueFd(check_syscall(::epoll_create1(EPOLL_CLOEXEC), "watch standard input"));
    epoll_event event = {.events = EPOLLIN, .data = {}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, source_, &event) != 0) return;  // a regular file
    readable_ = loop_.on_readable(epoll_.get(), [this] { read(); });
}

void InputFeed::read() {
    // Where the description is shared, somebody else may have read what there was.
    if (!own_ && readable_ && !wait_readable(source_, Deadline::after(Seconds(0)))) return;
    std::string data(std::min(window_, read_bytes), '\0');
    const ssize_t count = ::read(source_, data.data(), data.size());
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return read_on();
    // EIO: a terminal that has hung up, or where we are in the background.
    if (count == 0 || (count < 0 && (errno == EIO || errno == ECONNRESET))) return end();
    check_syscall(count, "read standard input");
    data.resize(static_cast<std::size_t>(count));
    window_ -= data.size();
    send_({std::move(data)});
    read_on();
}

void InputFeed::read_on() {
    if (readable_)
        window_ > 0 ? loop_.resume(readable_) : loop_.pause(readable_);
    else if (window_ > 0)
        next_ = loop_.after(std::chrono::milliseconds(0), [this] { read(); });
}

void InputFeed::end() {
    send_({});
    stop();
}

void InputFeed::stop() {
    readable_.reset();
    next_.reset();
    source_ = -1;
}

void InputFeed::taken(const InputTaken& taken) {
    if (source_ < 0) return;
    if (taken.is_last) {
        // Whoever writes to it is to learn that nobody reads it.
        stop();
        own_.reset();
        const UniqueFd null(
            check_syscall(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
        check_syscall(::dup2(null.get(), STDIN_FILENO), "let go of standard input");
        return;
    }
    window_ = std::min(window_ + taken.bytes, input_window_bytes);
    read_on();
}

}  // namespace ipcrun
