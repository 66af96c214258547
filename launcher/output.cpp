// SPDX-License-Identifier: Apache-2.0
#include "launcher/output.hpp"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <utility>

#include "base/fail.hpp"

namespace ipcrun {

OutputWriter::OutputWriter(EventLoop& loop, int fd, bool tag, Callbacks callbacks)
    : loop_(loop), callbacks_(std::move(callbacks)), mixer_(tag), fd_(fd) {
    open_target(fd);
}

void OutputWriter::open_target(int fd) {
    struct stat status = {};
    if (::fstat(fd, &status) != 0) return;  // closed: the first write says so
    if (S_ISREG(status.st_mode)) return;
    // A description of our own may be non-blocking. For want of the right to open it, or for a
    // socket, the inherited one serves, with the care that `write_some` takes.
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
        own_fd_.reset(::open(fmt::format("/proc/self/fd/{}", fd).c_str(),
                             O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        if (own_fd_) fd_ = own_fd_.get();
    }
    // The loop makes what it watches non-blocking: it gets an epoll descriptor that has the file.
    UniqueFd epoll_fd(check_syscall(::epoll_create1(EPOLL_CLOEXEC), "watch the output"));
    epoll_event event = {.events = EPOLLOUT, .data = {}};
    if (::epoll_ctl(epoll_fd.get(), EPOLL_CTL_ADD, fd_, &event) != 0) return;  // such as /dev/null
    epoll_fd_ = std::move(epoll_fd);
    watch_ = loop_.on_readable(epoll_fd_.get(), [this] { flush(); });
    loop_.pause(watch_);
}

void OutputWriter::write(int source, const Output& output) {
    push({mixer_.mix(output.rank, output.data),
          source,
          {output.stream, static_cast<std::uint32_t>(output.data.size())}});
}

void OutputWriter::say(std::string_view text) {
    if (!text.empty()) push({mixer_.end_line() + std::string(text), 0, {Stream::err, 0}});
}

void OutputWriter::push(Piece piece) {
    if (is_broken_) return callbacks_.consumed(piece.source, piece.consumed);
    const bool was_idle = is_idle();
    queue_.push_back(std::move(piece));
    if (was_idle) flush();
}

void OutputWriter::flush() {
    std::map<std::pair<int, Stream>, std::uint32_t> consumed;
    while (!queue_.empty() && write_some()) {
        const Piece& piece = queue_.front();
        if (!is_broken_ && written_ < piece.text.size()) continue;
        consumed[{piece.source, piece.consumed.stream}] += piece.consumed.bytes;
        queue_.pop_front();
        written_ = 0;
    }
    if (queue_.empty())
        loop_.pause(watch_);
    else
        loop_.resume(watch_);
    for (const auto& [from, bytes] : consumed)
        if (bytes > 0) callbacks_.consumed(from.first, {from.second, bytes});
    if (queue_.empty()) callbacks_.idle();
}

bool OutputWriter::is_ready() const {
    pollfd file = {fd_, POLLOUT, 0};
    return !epoll_fd_ || ::poll(&file, 1, 0) > 0;
}

// false: not now.
bool OutputWriter::write_some() {
    const std::string_view rest = std::string_view(queue_.front().text).substr(written_);
    if (is_broken_ || rest.empty()) return true;
    const bool may_block = !own_fd_ && epoll_fd_;
    if (may_block && !is_ready()) return false;
    // What is ready takes this much without blocking.
    const std::size_t size = may_block ? std::min<std::size_t>(rest.size(), PIPE_BUF) : rest.size();
    const ssize_t written = ::write(fd_, rest.data(), size);
    if (written >= 0) {
        written_ += static_cast<std::size_t>(written);
    } else if (errno == EAGAIN) {
        return false;
    } else if (errno != EINTR) {
        is_broken_ = true;
        callbacks_.broken(errno);
    }
    return true;
}

}  // namespace ipcrun
