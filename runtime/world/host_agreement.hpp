// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How members on several hosts find that they called the same: those of a host through memory,
/// then their leaders by messages, which take what is small along.

#include <vector>

#include "runtime/collective_checks.hpp"
#include "runtime/world/host_machine.hpp"
#include "runtime/world/host_operation.hpp"

namespace ipcrun {

/// One member's, for one operation after the other.
class HostAgreement {
  public:
    HostAgreement() = default;
    HostAgreement(const HostAgreement&) = delete;

    /// Returns when all members have called what this one calls. When that was a barrier, or an
    /// allreduce that is small and need not keep the order of members, it is done then: true.
    /// Otherwise every member throws the same Error{mismatch}, no memory was touched, and whatever
    /// follows works.
    bool settle(const HostOperation& operation, const Collective& collective);

    /// Are all hosts one machine, as far as the last agreement has told?
    bool is_one_machine() const { return is_one_machine_; }

    /// Bytes of an allreduce that travel with the agreement, at most; and of all hosts together.
    static constexpr std::size_t payload_bytes_max = 16 << 10, payloads_bytes_max = 64 << 10;

  private:
    struct Header {
        Fingerprint print;
        std::uint64_t differs;  // somebody calls something else
        std::uint64_t machine;  // of all who were heard; 0: not one
    };
    bool meet_here(const HostOperation& operation, const Collective& collective);
    void meet_over_hosts(const HostOperation& operation, Header& header);
    void hear_of_hosts(const HostOperation& operation, int source, int count, Header& header);
    std::vector<std::byte*> payloads_up_to(int last, int count, int hosts) const;
    void combine_payloads(const HostOperation& operation, const Collective& collective) const;
    std::byte* payload(int host) const;
    std::byte* result() const { return memory_->data() + sizeof(Header); }

    const std::uint64_t machine_ = machine_id();
    bool is_one_machine_ = false;
    Fingerprint print_;
    std::size_t payload_bytes_ = 0;  // of this operation; each part aligned for any element
    // A header and what goes with it: as this host tells its members. In a leader, behind it: what
    // each host gives.
    StoragePtr memory_;
};

/// Members called different things: all of them come here, and throw who called what, where.
/// `print`: of this one.
[[noreturn]] void fail_for_disagreement(const HostOperation& operation, const Fingerprint& print);

}  // namespace ipcrun
