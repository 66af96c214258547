// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a member writes beside its arrival flag when the data of an operation do not fit there:
/// where its parts lie. A header, the references, and numbers where counts vary; all behind the
/// header lies in the shared heap when it does not fit. One part in and one out share a cache line
/// with the flag.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "runtime/communicator_block.hpp"
#include "runtime/node_memory.hpp"

namespace ipcrun {

/// HeapRef::kind of private memory: `arena` is the world's number of the rank that owns it,
/// `offset` its address there.
constexpr std::uint32_t private_kind = 1;

struct PublicationHeader {
    std::uint32_t from_parts;
    std::uint32_t to_parts : 31;  ///< 0 where results replace `from`, or peers need not reach them
    std::uint32_t indirect : 1;   ///< a HeapRef to the rest follows
};
static_assert(sizeof(PublicationHeader) == 8);

/// What a member published, for reading.
class Publication {
  public:
    /// `numbers`: how many follow the references; 0 unless counts vary.
    Publication(const std::byte* payload, NodeMemory& memory, std::size_t numbers) {
        std::memcpy(&header_, payload, sizeof header_);
        rest_ = payload + sizeof header_;
        if (header_.indirect == 0) return;
        HeapRef ref;
        std::memcpy(&ref, rest_, sizeof ref);
        rest_ = memory.resolve(ref, bytes(header_, numbers));
    }
    static std::size_t bytes(const PublicationHeader& header, std::size_t numbers) {
        return (header.from_parts + header.to_parts) * sizeof(HeapRef) + numbers * 8;
    }

    HeapRef from(std::size_t part) const { return read<HeapRef>(part * sizeof(HeapRef)); }
    /// Where the result of a part goes.
    HeapRef to(std::size_t part) const {
        return from(header_.to_parts == 0 ? part : header_.from_parts + part);
    }
    /// Elements that the member expects, then those it gives; of alltoallv then those it gives to
    /// each, and those it expects of each.
    std::uint64_t number(std::size_t index) const {
        return read<std::uint64_t>(bytes(header_, index));
    }

  private:
    template <typename T>
    T read(std::size_t offset) const {
        T result;
        std::memcpy(&result, rest_ + offset, sizeof result);
        return result;
    }

    PublicationHeader header_;
    const std::byte* rest_;
};

/// How many numbers members publish for `collective`.
inline std::size_t published_numbers(bool varying, std::size_t counts) {
    return varying ? 2 + counts : 0;
}

}  // namespace ipcrun
