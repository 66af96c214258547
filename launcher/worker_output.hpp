// SPDX-License-Identifier: Apache-2.0
#pragma once
/// From the pipes of workers to the launcher, no faster than the launcher can write: a full window
/// leaves the pipes unread, and the workers wait as they would for a slow terminal.

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"
#include "launcher/agent_protocol.hpp"
#include "launcher/lines.hpp"

namespace ipcrun {

class WorkerPipe;

/// Sends output within the window of each stream.
class OutputSender {
  public:
    explicit OutputSender(std::function<void(const Output&)> send) : send_(std::move(send)) {}

    void send(int rank, Stream stream, std::string data);
    bool is_open(Stream stream) const { return in_flight(stream) < output_window_bytes; }
    /// `pipe` waits for the window of its stream to open.
    void await(WorkerPipe& pipe) { waiting_.push_back(&pipe); }
    void consumed(const Consumed& consumed);
    /// Nobody is there to write it any more.
    void drop_all();

  private:
    std::size_t in_flight(Stream stream) const { return in_flight_[static_cast<int>(stream)]; }

    std::function<void(const Output&)> send_;
    std::array<std::size_t, 2> in_flight_ = {};
    bool is_dropped_ = false;
    std::vector<WorkerPipe*> waiting_;
};

/// The agent's end of a worker's standard output or error. Stays where it is: others point to it.
class WorkerPipe {
  public:
    WorkerPipe(EventLoop& loop, OutputSender& sender, int rank, Stream stream, bool whole_lines);
    WorkerPipe(const WorkerPipe&) = delete;

    /// Creates the pipe and returns the worker's end.
    UniqueFd open();
    /// Takes all that is there, window or not: at most what a pipe holds. Processes that still have
    /// the other end may write more, which comes in its time.
    void drain();
    /// Drains and passes on an unfinished line: nobody is left to write.
    void finish();

    Stream stream() const { return stream_; }
    void resume() { loop_.resume(watch_); }

  private:
    enum class ReadResult { some, nothing_now, end };
    void on_readable();
    ReadResult read_once();

    EventLoop& loop_;
    OutputSender& sender_;
    int rank_;
    Stream stream_;
    LineAssembler lines_;
    UniqueFd fd_;
    FdWatch watch_;
};

}  // namespace ipcrun
