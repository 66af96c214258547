// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A file descriptor with one owner.

#include <unistd.h>

#include <utility>

namespace ipcrun {

class UniqueFd {
  public:
    UniqueFd() = default;
    explicit UniqueFd(int fd) : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    ~UniqueFd() { reset(); }

    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

    /// Gives the descriptor away; the caller closes it.
    int release() { return std::exchange(fd_, -1); }

    /// Closes what is held and takes `fd`.
    void reset(int fd = -1) {
        // A failing close has closed the descriptor on Linux all the same: nothing to retry.
        if (fd_ >= 0) (void)::close(fd_);
        fd_ = fd;
    }

  private:
    int fd_ = -1;
};

}  // namespace ipcrun
