// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Reading a machine in a child process, so that whatever happens to the reader ends in one line of
/// text. Inside discover/ and its tests only; others call read_machine_apart().

#include <string>

#include "base/deadline.hpp"
#include "topology/machine.hpp"

namespace ipcrun::topology {

using MachineReader = Machine (*)(const std::string& source);

/// read(source), in a child with 2 GiB of memory, 10 s of processor time and `patience`. Throws
/// what `read` throws, and Error{usage} when the child dies, takes too much, or answers nonsense.
/// Forks: call it before threads exist.
Machine read_apart(const std::string& source, MachineReader read, Seconds patience = Seconds{20});

}  // namespace ipcrun::topology
