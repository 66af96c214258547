// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What neighbours in a tree of connections tell each other beside the elements: notes of messages.

#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

/// With the first segment of an operation, each way: which one it is. Later segments have no note.
struct TreeCall {
    std::uint32_t sequence = 0;  ///< of the operation in its tree, from 1
    Fingerprint print;
    std::uint32_t levels = 0;  ///< up: below the sender; down: of the whole tree
    bool operator==(const TreeCall&) const = default;
};

/// In the place of anything else: the sender takes no part in the tree any more.
struct TreeAbort {
    ErrorCode code = ErrorCode::peer_lost;
    bool is_relayed = false;  ///< the sender itself was told so, and the text says by whom
    std::string text = {};    ///< what is beyond 800 bytes is cut off
    int node = -1;            ///< that the text is about, from 0; -1: the sender, or not known
    bool operator==(const TreeAbort&) const = default;
};

using TreeNote = std::variant<TreeCall, TreeAbort>;

Bytes encode(const TreeNote& note);
/// Throws Error{protocol} for what encode() does not make.
TreeNote decode_tree_note(std::span<const std::uint8_t> bytes);

}  // namespace ipcrun
