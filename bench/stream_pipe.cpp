// SPDX-License-Identifier: Apache-2.0
// A parent and a child joined by two pipes of the largest size that everybody may have.
#include <fcntl.h>

#include "bench/stream.hpp"

namespace {

class Pipes {
  public:
    Pipes() {
        for (auto& ends : pipes_) {
            stream::require(::pipe(ends) == 0, "pipe");
            (void)::fcntl(ends[1], F_SETPIPE_SZ, 1 << 20);  // a limit may forbid it: then 64 KiB
        }
    }
    void be_parent() { choose(1, 0); }
    void be_child() { choose(0, 1); }
    void send(const char* data, std::size_t bytes) const {
        while (bytes > 0) {
            const ssize_t written = ::write(out_, data, bytes);
            stream::require(written > 0, "write");
            data += written;
            bytes -= static_cast<std::size_t>(written);
        }
    }
    void receive(char* data, std::size_t bytes) const {
        while (bytes > 0) {
            const ssize_t count = ::read(in_, data, bytes);
            stream::require(count > 0, "read");
            data += count;
            bytes -= static_cast<std::size_t>(count);
        }
    }

  private:
    // Pipe 0 leads to the parent, pipe 1 to the child.
    void choose(int out, int in) {
        out_ = pipes_[out][1];
        in_ = pipes_[in][0];
        ::close(pipes_[out][0]);
        ::close(pipes_[in][1]);
    }
    int pipes_[2][2];
    int out_ = -1;
    int in_ = -1;
};

}  // namespace

int main(int argc, char** argv) {
    return stream::main<Pipes>(argc, argv);
}
