// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/input_pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "base/fail.hpp"
#include "base/socket.hpp"

namespace ipcrun {

InputPipe::InputPipe(EventLoop& loop, std::function<void(const InputTaken&)> taken)
    : loop_(loop), taken_(std::move(taken)) {}

UniqueFd InputPipe::open() {
    int ends[2];
    check_syscall(::pipe2(ends, O_CLOEXEC), "make a pipe for standard input");
    UniqueFd for_rank(ends[0]);
    pipe_ = UniqueFd(ends[1]);
    set_nonblocking(pipe_.get());
    writable_ = loop_.on_writable(pipe_.get(), [this] { write(); });
    loop_.pause(writable_);
    return for_rank;
}

void InputPipe::pass_on(const Input& input) {
    if (input.data.size() + queue_.size() > input_window_bytes)
        fail(ErrorCode::protocol, "the launcher sends more standard input than was asked for");
    has_ended_ = has_ended_ || input.data.empty();
    queue_ += input.data;
    if (!pipe_) return drop_all();
    write();
}

void InputPipe::write() {
    while (!queue_.empty()) {
        const ssize_t written = ::write(pipe_.get(), queue_.data(), queue_.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EAGAIN) return loop_.resume(writable_);
        if (written < 0 && errno == EPIPE) return drop_all();
        const auto bytes =
            static_cast<std::size_t>(check_syscall(written, "pass on standard input"));
        queue_.erase(0, bytes);
        taken_({.bytes = static_cast<std::uint32_t>(bytes)});
    }
    loop_.pause(writable_);
    if (!has_ended_) return;
    writable_.reset();
    pipe_.reset();
}

// The rank has closed it, or never got it.
void InputPipe::drop_all() {
    writable_.reset();
    pipe_.reset();
    taken_({.bytes = static_cast<std::uint32_t>(queue_.size()), .is_last = true});
    queue_.clear();
}

}  // namespace ipcrun
