// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How processes that somebody else started side by side, srun or another launcher, find out that
/// they belong together: which of them each is, and a card from each to all. For programs that
/// live shortly: libraries of PMI are loaded, which stay.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline.hpp"
#include "base/error.hpp"
#include "runtime/wire/step_protocol.hpp"

namespace ipcrun {

enum class BootstrapKind {
    alone,  ///< nobody is started beside this process
    pmix,   ///< libpmix.so.2: srun --mpi=pmix, prterun, and others
    pmi2,   ///< libpmi2.so.0 of Slurm: srun --mpi=pmi2
    pmi1,   ///< libpmi.so.0 of Slurm: any step of srun
    slurm,  ///< no library: a meeting over TCP, arranged by the variables of a step of srun
};

/// As the variable spells it.
std::string_view name_of(BootstrapKind kind);

struct BootstrapChoice {
    BootstrapKind kind;
    std::string reason;  ///< for people: "srun offers PMI-2 (PMI_FD is set)"
};

/// The value of a variable, where it is set.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;
Lookup lookup_in_process();

/// Can this library be loaded ("libpmix.so.2")?
using CanLoad = std::function<bool(const char* library)>;
bool can_load_library(const char* library);

/// Is this number (PMI_FD) that of a socket whose other end is still there? PMI-2 serves one
/// program of each task: a second one finds it shut down.
using IsConnected = std::function<bool(const std::string& descriptor)>;
bool is_connected_socket(const std::string& descriptor);

/// What the environment offers. Never `alone` where it tells of others. Pure but for its arguments.
/// Throws Error: usage (the variable names none of them), config (there are others, and no way to
/// meet them: what is missing; or what variables say does not fit together).
BootstrapChoice choose_bootstrap(const Lookup& environment, const CanLoad& can_load,
                                 const IsConnected& is_connected = is_connected_socket);

/// One thread uses it.
class Bootstrap {
  public:
    virtual ~Bootstrap() = default;
    virtual int rank() const = 0;
    virtual int size() const = 0;  ///< 1 at least
    /// Each gives a card, any bytes, `card_bytes_max` at most; each gets those of all, by rank.
    /// Once. Blocks until all have called it, or until the deadline of open_bootstrap(). Throws
    /// Error: usage (too large, or called twice), timeout, config, peer_lost, protocol.
    virtual std::vector<std::string> exchange(const std::string& card) = 0;
};

constexpr std::size_t card_bytes_max = 16 << 10;

/// Libraries of PMI block without end, and cannot be broken off. When the deadline passes in the
/// midst of them this is called, in a thread of its own, with what was waited for and what to do;
/// it had best tell people and end the process, which ends with status 1 if it returns.
using OnTimeout = std::function<void(const Error& error)>;

/// Throws Error, with one clear line: config (a library or variables are missing, or the others
/// cannot be found), unsupported (built without PMIx), timeout, system.
std::unique_ptr<Bootstrap> open_bootstrap(BootstrapKind kind, Deadline deadline,
                                          OnTimeout on_timeout);

}  // namespace ipcrun
