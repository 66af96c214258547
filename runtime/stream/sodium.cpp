// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/sodium.hpp"

#include <sodium.h>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

constexpr int base64_variant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;

}  // namespace

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

std::string base64_of(std::string_view bytes) {
    // One more for the zero that it writes.
    std::string text(sodium_base64_encoded_len(bytes.size(), base64_variant), '\0');
    (void)sodium_bin2base64(text.data(), text.size(),
                            reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                            base64_variant);
    text.pop_back();
    return text;
}

std::optional<std::string> bytes_of_base64(std::string_view text) {
    std::string bytes(text.size(), '\0');
    std::size_t size = 0;
    if (sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), text.data(),
                          text.size(), nullptr, &size, nullptr, base64_variant) != 0)
        return std::nullopt;
    bytes.resize(size);
    return bytes;
}

}  // namespace ipcrun
