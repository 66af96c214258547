// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a member writes beside its arrival flag when the data of an operation do not fit there:
/// where its parts lie. A header, the references, then counts; all behind the header lies in the
/// shared heap when it does not fit.

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

struct PartRef {
    HeapRef ref;
    std::uint64_t count;  ///< elements
};

struct PublicationHeader {
    std::uint32_t from_parts;
    std::uint32_t to_parts;  ///< 0 where the result goes to `from`, or peers need not reach it
    std::uint32_t counts;    ///< alltoallv: from_counts, then to_counts
    std::uint32_t indirect;  ///< 1: a HeapRef to the rest follows
    std::uint64_t to_count;  ///< elements that this member expects
};

/// What a member published, for reading.
class Publication {
  public:
    Publication(const std::byte* payload, NodeMemory& memory) {
        std::memcpy(&header_, payload, sizeof header_);
        rest_ = payload + sizeof header_;
        if (header_.indirect == 0) return;
        HeapRef ref;
        std::memcpy(&ref, rest_, sizeof ref);
        rest_ = memory.resolve(ref, bytes(header_));
    }
    static std::size_t bytes(const PublicationHeader& header) {
        return (header.from_parts + header.to_parts) * sizeof(PartRef) + header.counts * 8;
    }

    std::uint64_t to_count() const { return header_.to_count; }
    PartRef from(std::size_t part) const { return read(part); }
    /// Where the result of a part goes.
    PartRef to(std::size_t part) const {
        return read(header_.to_parts == 0 ? part : header_.from_parts + part);
    }
    std::uint64_t from_count_for(int member) const { return count(member); }
    std::uint64_t to_count_of(int member) const { return count(header_.counts / 2 + member); }

  private:
    PartRef read(std::size_t index) const {
        PartRef result;
        std::memcpy(&result, rest_ + index * sizeof result, sizeof result);
        return result;
    }
    std::uint64_t count(std::size_t index) const {
        std::uint64_t result = 0;
        std::memcpy(&result,
                    rest_ + (header_.from_parts + header_.to_parts) * sizeof(PartRef) + index * 8,
                    sizeof result);
        return result;
    }

    PublicationHeader header_;
    const std::byte* rest_;
};

}  // namespace ipcrun
