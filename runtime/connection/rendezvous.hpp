// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How processes of one user on one host find each other who know nothing but a name in common: by
/// a small file, that one of them writes and the others wait for.

#include <sys/types.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>

#include "base/address.hpp"
#include "base/deadline.hpp"
#include "base/unique_fd.hpp"

namespace ipcrun {

/// What is found: where somebody listens, and a random text that shows that it is he.
struct MeetingPlace {
    Address address;
    std::string nonce;
};

/// The folder of these files, which is made: in $XDG_RUNTIME_DIR, else /tmp/ipcrun-UID. Throws
/// Error{config} unless it belongs to this user, and nobody else may read or write it.
class RendezvousFolder {
  public:
    RendezvousFolder();
    const std::string& path() const { return path_; }
    int fd() const { return folder_.get(); }

  private:
    std::string path_;
    UniqueFd folder_;
};

/// A published place; its end takes the file away, but in a child after fork().
class Rendezvous {
  public:
    /// Publishes it under `name`, which has no '/'. What processes have left in the folder that
    /// have ended (that were killed while others were to come) is removed. Throws Error: usage (a
    /// process that lives has published that name), config (the file is no such file, or not ours),
    /// system.
    static Rendezvous publish(const std::string& name, const MeetingPlace& place);
    Rendezvous(Rendezvous&&) noexcept = default;
    ~Rendezvous() { remove(); }

    /// Idempotent.
    void remove() noexcept;

    /// Waits for a place under that name, of a process that lives; nullopt when the deadline
    /// passes. Throws config and system as above.
    static std::optional<MeetingPlace> wait(const std::string& name, Deadline deadline);

  private:
    Rendezvous(UniqueFd folder, std::string name, std::string nonce)
        : folder_(std::move(folder)), name_(std::move(name)), nonce_(std::move(nonce)) {}
    UniqueFd folder_;
    std::string name_, nonce_;
    pid_t publisher_ = ::getpid();  // a child after fork() has a copy of this, and no part in it
};

}  // namespace ipcrun
