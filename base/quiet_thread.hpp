// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Threads that work behind a program's back.

#include <functional>
#include <thread>

namespace ipcrun {

/// Starts a thread that meets no signals: those are for the threads of the program. Throws
/// std::system_error.
std::thread start_quiet_thread(std::function<void()> body);

}  // namespace ipcrun
