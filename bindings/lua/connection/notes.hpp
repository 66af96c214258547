// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What goes before the messages of send and recv: none before a value, which is a parcel; before
/// the elements of a tensor or storage what they are.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "bindings/lua/torch/view.hpp"
#include "runtime/connection/link.hpp"

namespace ipcrun::lua {

enum class NoteKind : std::uint8_t {
    value,     ///< no note
    tensor,    ///< 't', dtype, dimensions, sizes
    storage,   ///< 's', dtype, count
    farewell,  ///< 'c': the user of the other end has closed, while somebody else goes on with it
};

/// Trivially destructible.
struct Note {
    NoteKind kind = NoteKind::value;
    Dtype dtype = Dtype::u8;
    Shape shape = {};  ///< of a storage: one dimension
};

struct NoteBytes {
    std::array<std::uint8_t, 4 + 8 * tensor_dims_max> bytes = {};
    std::size_t length = 0;
    std::span<const std::uint8_t> get() const { return {bytes.data(), length}; }
};
/// Of a tensor or storage.
NoteBytes encode_note(const Note& note);
/// What the message is. Throws Error{protocol} for a note that encode_note() does not make, and
/// where the body cannot be that.
Note decode_note(const Arrival& arrival);

inline constexpr std::uint8_t farewell_note[] = {'c'};
bool is_farewell(std::span<const std::uint8_t> note);

/// For people: "a torch.FloatTensor of 3x4", "a torch.ByteStorage of 16", "a value".
std::string describe(const Note& note);
/// Throws Error{mismatch} unless what came can go into what is there, naming both.
void check_same(const Note& came, const Note& given);

}  // namespace ipcrun::lua
