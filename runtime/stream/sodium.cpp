// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/sodium.hpp"

#include <sodium.h>

#include "base/fail.hpp"

namespace ipcrun {

static_assert(sizeof Key::bytes == crypto_generichash_KEYBYTES);

void start_sodium() {
    if (sodium_init() < 0) fail(ErrorCode::system, "start libsodium: there are no random numbers");
}

Key keyed_hash(const Key& key, std::string_view meaning,
               std::span<const std::span<const std::uint8_t>> parts) {
    crypto_generichash_state state;
    Key hash;
    const auto add = [&state](const void* data, std::size_t bytes) {
        // Little-endian like all numbers that travel.
        const std::uint64_t size = bytes;
        (void)crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&size),
                                        sizeof size);
        (void)crypto_generichash_update(&state, static_cast<const unsigned char*>(data), bytes);
    };
    // None of these can fail with sizes that are right.
    (void)crypto_generichash_init(&state, key.bytes.data(), key.bytes.size(), hash.bytes.size());
    add(meaning.data(), meaning.size());
    for (const auto part : parts) add(part.data(), part.size());
    (void)crypto_generichash_final(&state, hash.bytes.data(), hash.bytes.size());
    sodium_memzero(&state, sizeof state);
    return hash;
}

}  // namespace ipcrun
