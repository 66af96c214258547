// SPDX-License-Identifier: Apache-2.0
// Small operations: what every member gives travels beside its arrival flag, and every member takes
// from there what it gets. One exchange of flags, and no memory of anybody is touched by others.
#include <cstring>

#include "runtime/collective_checks.hpp"
#include "runtime/collectives.hpp"
#include "runtime/strided.hpp"

namespace ipcrun {

namespace {

using Kind = Collective::Kind;

void put(const Part& part, std::byte* to) {
    if (is_strided(part))
        pack(part, to);
    else if (part.count != 0)
        std::memcpy(to, part.data, part.bytes());
}

// A result that is put together from blocks: where it is wanted, or through a copy.
class Result {
  public:
    explicit Result(const Part& part)
        : part_(part),
          copy_(is_strided(part) ? part.bytes() : 0),
          data_(is_strided(part) ? copy_.data() : static_cast<std::byte*>(part.data)) {}
    std::byte* data() const { return data_; }
    void store() {
        if (is_strided(part_)) unpack(data_, part_);
    }

  private:
    const Part& part_;
    std::vector<std::byte> copy_;
    std::byte* data_;
};

}  // namespace

void Collectives::put_inline(const Operation& operation) {
    const Collective& collective = operation.collective;
    if (collective.kind == Kind::barrier || !gives(collective, group_.rank())) return;
    std::byte* to = arrival_of(group_.rank(), operation).payload;
    for (const Part& part : collective.from) {
        put(part, to);
        to += padded_inline(part.bytes());
    }
}

void Collectives::get_inline(const Operation& operation) {
    const Collective& collective = operation.collective;
    const int rank = group_.rank();
    const int size = group_.size();
    if (!gets(collective, rank)) return;
    const auto payload = [&](int member) {
        return static_cast<const std::byte*>(arrival_of(member, operation).payload);
    };
    std::size_t offset = 0;
    const auto combine = [&](const Part& part) {
        payloads_.clear();
        for (int member = 0; member < size; ++member) payloads_.push_back(payload(member) + offset);
        Result result(part);
        std::byte* destination = result.data();
        reduce(collective.op, part.dtype, payloads_, {&destination, 1}, part.count);
        result.store();
    };
    switch (collective.kind) {
        case Kind::barrier:
            return;
        case Kind::allreduce:
        case Kind::reduce:
            for (const Part& part : collective.to) {
                combine(part);
                offset += padded_inline(part.bytes());
            }
            return;
        case Kind::reduce_scatter:
            offset = collective.to[0].bytes() * static_cast<std::size_t>(rank);
            return combine(collective.to[0]);
        case Kind::broadcast:
            for (const Part& part : collective.to) {
                unpack(payload(collective.root) + offset, part);
                offset += padded_inline(part.bytes());
            }
            return;
        case Kind::scatter: {
            const Part& to = collective.to[0];
            return unpack(payload(collective.root) + to.bytes() * static_cast<std::size_t>(rank),
                          to);
        }
        case Kind::allgather:
        case Kind::gather:
        case Kind::alltoall: {
            const Part& to = collective.to[0];
            if (to.count == 0) return;
            Result result(to);
            const std::size_t block = to.bytes() / static_cast<std::size_t>(size);
            const std::size_t skip =
                collective.kind == Kind::alltoall ? block * static_cast<std::size_t>(rank) : 0;
            for (int member = 0; member < size; ++member)
                std::memcpy(result.data() + block * static_cast<std::size_t>(member),
                            payload(member) + skip, block);
            return result.store();
        }
    }
}

}  // namespace ipcrun
