// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/key.hpp"

#include <sodium.h>

#include "base/environment.hpp"
#include "base/fail.hpp"
#include "runtime/stream/key_file.hpp"
#include "runtime/stream/sodium.hpp"

namespace ipcrun {

namespace {

FoundKey key_in(std::string_view text, std::string source) {
    try {
        return {key_of_text(text), std::move(source)};
    } catch (const Error& error) {
        throw Error(error.code, fmt::format("{}: {}", source, error.what()));
    }
}

}  // namespace

Key::~Key() {
    sodium_memzero(bytes.data(), bytes.size());
}

Key Key::random() {
    start_sodium();
    Key key;
    randombytes_buf(key.bytes.data(), key.bytes.size());
    return key;
}

Key key_of_text(std::string_view text) {
    if (text.size() < key_text_bytes_min)
        fail(ErrorCode::usage,
             "a key of {} bytes is too short: {} are the least, and random ones the best "
             "(openssl rand -hex 32)",
             text.size(), key_text_bytes_min);
    start_sodium();
    const std::span<const std::uint8_t> part(reinterpret_cast<const std::uint8_t*>(text.data()),
                                             text.size());
    return keyed_hash(Key(), "ipcrun key of a text", {{part}});
}

FoundKey find_key(const KeyWish& wish, const std::optional<Key>& job_secret) {
    if (wish.text && wish.file)
        fail(ErrorCode::usage, "a key and a file with the key are given: one of the two is enough");
    if (wish.text) return key_in(*wish.text, "the option key");
    if (wish.file) return {key_of_file(*wish.file), fmt::format("the file {}", *wish.file)};
    if (const auto text = environment_variable("IPC_KEY")) return key_in(*text, "IPC_KEY");
    if (const auto path = environment_variable("IPC_KEY_FILE")) {
        if (path->empty())
            fail(ErrorCode::config, "IPC_KEY_FILE is empty: unset it, or name a file");
        return {key_of_file(*path), fmt::format("the file {} (IPC_KEY_FILE)", *path)};
    }
    if (job_secret) return {*job_secret, "the job"};
    const std::string path = user_key_path();
    return {user_key(path), fmt::format("the file {}", path)};
}

}  // namespace ipcrun
