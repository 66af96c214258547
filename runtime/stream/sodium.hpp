// SPDX-License-Identifier: Apache-2.0
#pragma once
/// libsodium in our types.

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "runtime/stream/key.hpp"

namespace ipcrun {

/// Before any other function of libsodium; any thread, any number of times. Throws Error{system}.
void start_sodium();

/// BLAKE2b, with a key, of parts whose sizes are told, too: other parts have another hash.
/// `meaning` keeps apart hashes that serve other ends.
Key keyed_hash(const Key& key, std::string_view meaning,
               std::span<const std::span<const std::uint8_t>> parts);

/// Bytes as letters, digits, "-" and "_", and back; nothing where base64_of() does not make it.
std::string base64_of(std::string_view bytes);
std::optional<std::string> bytes_of_base64(std::string_view text);

}  // namespace ipcrun
