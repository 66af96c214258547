// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Writing to the standard output or error that ipcrun was given, without ever blocking the loop
/// and without changing the flags of a descriptor that other programs share.

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"
#include "launcher/agent_protocol.hpp"
#include "launcher/lines.hpp"

namespace ipcrun {

class OutputWriter {
  public:
    struct Callbacks {
        /// Rank output that has been written, by the source that write() was given.
        std::function<void(int source, const Consumed&)> consumed;
        std::function<void(int)> broken;  ///< errno of the write that failed; once
        std::function<void()> idle;       ///< all that was queued has been written
    };

    /// `fd` is borrowed. `tag`: begin each line with its rank.
    OutputWriter(EventLoop& loop, int fd, bool tag, Callbacks callbacks);

    /// Output of a rank, for which `source` counts.
    void write(int source, const Output& output);
    /// Text of the launcher's own: whole lines.
    void say(std::string_view text);
    bool is_idle() const { return queue_.empty(); }

  private:
    struct Piece {
        std::string text;
        int source;
        Consumed consumed;  // when it has been written
    };

    void open_target(int fd);
    void push(Piece piece);
    void flush();
    bool is_ready() const;
    bool write_some();

    EventLoop& loop_;
    Callbacks callbacks_;
    LineMixer mixer_;
    int fd_;
    UniqueFd own_fd_;    // the same file, opened anew and non-blocking, where that can be done
    UniqueFd epoll_fd_;  // watches the file; empty: it is always ready
    FdWatch watch_;
    std::deque<Piece> queue_;
    std::size_t written_ = 0;  // of the first piece
    bool is_broken_ = false;
};

}  // namespace ipcrun
