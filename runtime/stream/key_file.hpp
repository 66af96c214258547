// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Keys in files, and the user's own, which makes itself.

#include <cstddef>
#include <string>

#include "runtime/stream/key.hpp"

namespace ipcrun {

constexpr std::size_t key_text_bytes_min = 16;
constexpr std::size_t key_file_bytes_max = 4096;

/// The key in the user's own file, which is made, with the folders above it, when it is not there.
/// Of many that ask at the same time all get the same. Throws Error: config, system.
Key user_key(const std::string& path);

}  // namespace ipcrun
