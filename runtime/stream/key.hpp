// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The secret that two processes must share before either listens to the other. See SECURITY.md.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace ipcrun {

/// 256 bits; wiped when it goes.
struct Key {
    std::array<std::uint8_t, 32> bytes = {};

    Key() = default;
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();
    static Key random();
};

/// What a user says about the key; at most one of the two.
struct KeyWish {
    std::optional<std::string> text = std::nullopt;
    std::optional<std::string> file = std::nullopt;
};

struct FoundKey {
    Key key;
    std::string source;  ///< for people: "the option", "IPC_KEY", "the file /home/a/.config/…"
};

/// The key of a text of 16 bytes at least; Throws Error{usage} for a shorter one.
Key key_of_text(std::string_view text);
/// The key of the contents of a file that belongs to this user and that nobody else may read or
/// write. Throws Error: system, config (whose it is, or who may read it; what to do).
Key key_of_file(const std::string& path);

/// The first of: what is wished; IPC_KEY; the file that IPC_KEY_FILE names; the secret of the job,
/// if there is one; the user's own file (user_key_path), which is made, with a random key and mode
/// 0600, when it is not there: by one process of many that ask at the same time. Throws as above,
/// and Error{config} where that file cannot be.
FoundKey find_key(const KeyWish& wish, const std::optional<Key>& job_secret);

/// $XDG_CONFIG_HOME/ipcrun/key, else .config/ipcrun/key in the home that the system knows of the
/// user. Throws Error{config} when there is none.
std::string user_key_path();

}  // namespace ipcrun
