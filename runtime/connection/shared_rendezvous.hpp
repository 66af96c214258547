// SPDX-License-Identifier: Apache-2.0
#pragma once
/// As rendezvous.hpp, for processes of one user on several hosts, which see one folder: of a file
/// system of a network, where nobody is told of changes, and nobody can see whether a process of
/// another host lives.

#include <unistd.h>

#include <optional>
#include <string>

#include "base/deadline.hpp"
#include "runtime/connection/rendezvous.hpp"

namespace ipcrun {

/// A published place; its end takes the file away, but in a child after fork().
class SharedRendezvous {
  public:
    /// All names begin so: the folder may have other files.
    static constexpr const char* prefix = "slurm-";

    /// Publishes it under `name`, which begins with `prefix` and has no '/', in the place of what
    /// has that name: nobody else may have it at the time. Makes the folder and those above it, and
    /// removes what others of this user left there a week ago. Throws Error: config (the folder
    /// cannot be used), system.
    static SharedRendezvous publish(const std::string& folder, const std::string& name,
                                    const MeetingPlace& place);
    SharedRendezvous(SharedRendezvous&&) noexcept = default;
    ~SharedRendezvous() { remove(); }

    /// Idempotent.
    void remove() noexcept;

    /// Waits for a place under that name; nullopt when the deadline passes. On this host it is
    /// found at once, else within a second, and what the file system takes. Throws Error: config
    /// (the file is no such file, or not this user's), system.
    static std::optional<MeetingPlace> wait(const std::string& folder, const std::string& name,
                                            Deadline deadline);

    /// Takes away the file of somebody who has ended, unless it is another one by now.
    static void remove(const std::string& folder, const std::string& name,
                       const std::string& nonce) noexcept;

  private:
    SharedRendezvous(std::string folder, std::string name, std::string nonce)
        : folder_(std::move(folder)), name_(std::move(name)), nonce_(std::move(nonce)) {}
    std::string folder_, name_, nonce_;  // nonce_: empty when it is removed
    pid_t publisher_ = ::getpid();       // a child after fork() has a copy, and no part in it
};

}  // namespace ipcrun
