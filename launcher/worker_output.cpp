// SPDX-License-Identifier: Apache-2.0
#include "launcher/worker_output.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/fail.hpp"
#include "base/socket.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr int drain_reads_max = 16;  // 1 MiB: the most that an ordinary user's pipe can hold

}  // namespace

void OutputSender::send(int rank, Stream stream, std::string data) {
    if (data.empty() || is_dropped_) return;
    in_flight_[static_cast<int>(stream)] += data.size();
    send_(Output{rank, stream, std::move(data)});
}

void OutputSender::consumed(const Consumed& consumed) {
    std::size_t& in_flight = in_flight_[static_cast<int>(consumed.stream)];
    if (consumed.bytes > in_flight)
        fail(ErrorCode::protocol, "the launcher consumed output that was never sent");
    in_flight -= consumed.bytes;
    if (!is_open(consumed.stream)) return;
    std::erase_if(waiting_, [&](WorkerPipe* pipe) {
        if (pipe->stream() != consumed.stream) return false;
        pipe->resume();
        return true;
    });
}

void OutputSender::drop_all() {
    is_dropped_ = true;
    in_flight_ = {};
    for (WorkerPipe* pipe : std::exchange(waiting_, {})) pipe->resume();
}

WorkerPipe::WorkerPipe(EventLoop& loop, OutputSender& sender, int rank, Stream stream,
                       bool whole_lines)
    : loop_(loop), sender_(sender), rank_(rank), stream_(stream), lines_(whole_lines) {}

UniqueFd WorkerPipe::open() {
    int fds[2];
    check_syscall(::pipe2(fds, O_CLOEXEC), "create a pipe for a worker's output");
    fd_.reset(fds[0]);
    UniqueFd worker_end(fds[1]);
    set_nonblocking(fd_.get());  // our end only: each end has flags of its own
    watch_ = loop_.on_readable(fd_.get(), [this] { on_readable(); });
    return worker_end;
}

void WorkerPipe::on_readable() {
    if (!sender_.is_open(stream_)) {
        loop_.pause(watch_);
        sender_.await(*this);
        return;
    }
    (void)read_once();  // one piece a turn, so that all ranks have theirs
}

void WorkerPipe::drain() {
    for (int reads = 0; fd_ && reads < drain_reads_max; ++reads)
        if (read_once() != ReadResult::some) return;
}

void WorkerPipe::finish() {
    drain();
    sender_.send(rank_, stream_, lines_.finish());
    watch_.reset();
    fd_.reset();
}

WorkerPipe::ReadResult WorkerPipe::read_once() {
    std::array<char, read_bytes> bytes;
    const ssize_t size = ::read(fd_.get(), bytes.data(), bytes.size());
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return ReadResult::nothing_now;
    if (check_syscall(size, "read a worker's output") > 0) {
        sender_.send(rank_, stream_, lines_.take({bytes.data(), static_cast<std::size_t>(size)}));
        return ReadResult::some;
    }
    sender_.send(rank_, stream_, lines_.finish());
    watch_.reset();
    fd_.reset();
    return ReadResult::end;
}

}  // namespace ipcrun
