// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_agreement.hpp"

#include <algorithm>
#include <cstring>

#include "base/fail.hpp"
#include "base/hash.hpp"
#include "runtime/combine.hpp"
#include "runtime/parts.hpp"
#include "runtime/world/host_rounds.hpp"

namespace ipcrun {

namespace {

using Kind = Collective::Kind;

std::uint64_t hash_of(const Fingerprint& print) {
    Hash hash;
    hash.add(std::string_view(reinterpret_cast<const char*>(&print), sizeof print));
    return hash.value();
}

// Of what an allreduce gives and gets, where it is small; else 0.
std::size_t small_bytes(const Collective& collective, int hosts) {
    if (collective.kind != Kind::allreduce) return 0;
    std::size_t bytes = 0;
    for (const Part& part : collective.from) {
        if (part.bytes() > HostAgreement::payload_bytes_max) return 0;
        bytes += padded_inline(part.bytes());
    }
    const bool is_small =
        bytes <= HostAgreement::payload_bytes_max &&
        bytes * static_cast<std::size_t>(hosts) <= HostAgreement::payloads_bytes_max;
    return is_small ? bytes : 0;
}

// The parts as they lie in a payload.
std::vector<Part> laid_out(std::span<const Part> parts, std::byte* at) {
    std::vector<Part> result;
    for (const Part& part : parts) {
        result.push_back({at, part.count, part.dtype});
        at += padded_inline(part.bytes());
    }
    return result;
}

bool has_elements(std::span<const Part> parts) {
    return std::any_of(parts.begin(), parts.end(), [](const Part& part) { return part.count; });
}

}  // namespace

std::byte* HostAgreement::payload(int host) const {
    return result() + payload_bytes_max + static_cast<std::size_t>(host) * payload_bytes_;
}

bool HostAgreement::settle(const HostOperation& operation, const Collective& collective) {
    if (!memory_)
        memory_ = operation.memory(Dtype::u8, sizeof(Header) + payload_bytes_max +
                                                  (operation.is_leader() ? payloads_bytes_max : 0));
    print_ = fingerprint_of(collective);
    if (operation.is_deterministic()) print_.flags |= Fingerprint::deterministic;
    payload_bytes_ =
        operation.keeps_order(collective) ? 0 : small_bytes(collective, operation.hosts());
    const bool differs_here = meet_here(operation, collective);
    Header header{print_, differs_here, machine_};
    if (operation.is_leader()) {
        meet_over_hosts(operation, header);
        if (header.differs == 0 && payload_bytes_ != 0) combine_payloads(operation, collective);
        std::memcpy(memory_->data(), &header, sizeof header);
    }
    // Who has been told so by those here knows how it ends.
    if (!differs_here) {
        const Part told{memory_->data(), sizeof(Header) + payload_bytes_, Dtype::u8};
        operation.run_here(Collective::broadcast({&told, 1}, 0));
        std::memcpy(&header, memory_->data(), sizeof header);
    }
    is_one_machine_ = header.machine != 0;
    if (header.differs != 0) fail_for_disagreement(operation, print_);
    if (payload_bytes_ != 0) {
        const std::vector<Part> results = laid_out(collective.to, result());
        for (std::size_t i = 0; i < results.size(); ++i)
            scatter(static_cast<const std::byte*>(results[i].data), collective.to.subspan(i, 1));
    }
    return collective.kind == Kind::barrier || payload_bytes_ != 0 ||
           (is_about_lists(collective.kind) && !has_elements(collective.from));
}

// Those here compare what they call, and combine what is small: true when they differ.
bool HostAgreement::meet_here(const HostOperation& operation, const Collective& collective) {
    Collective here = Collective::broadcast({}, 0);
    std::vector<Part> sums;
    if (payload_bytes_ != 0) {
        if (operation.is_leader()) sums = laid_out(collective.from, payload(operation.own_host()));
        here = Collective::reduce(collective.from, sums, step_of(collective.op), 0);
    }
    here.layout = hash_of(print_);
    try {
        operation.run_here(here, operation.steps.deadline());
    } catch (const Error& error) {
        if (error.code != ErrorCode::mismatch) throw;
        return true;
    }
    return false;
}

void HostAgreement::meet_over_hosts(const HostOperation& operation, Header& header) {
    const int hosts = operation.hosts(), own = operation.own_host();
    for_each_round(hosts, [&](int step) {
        Header told = header;
        std::vector<std::pair<int, HostSteps::SendingPtr>> sendings;
        for_each_told(step, hosts, [&](int away) {
            std::vector<Part> parts{{&told, sizeof told, Dtype::u8}};
            for (std::byte* const at : payloads_up_to(own, std::min(step, hosts - away), hosts))
                parts.push_back({at, payload_bytes_, Dtype::u8});
            const int to = operation.leader_of((own + away) % hosts);
            sendings.emplace_back(
                to, operation.steps.start_send(parts, to, operation.tag(HostOperation::agreement)));
        });
        for_each_told(step, hosts, [&](int away) {
            hear_of_hosts(operation, (own + hosts - away) % hosts, std::min(step, hosts - away),
                          header);
        });
        for (const auto& [to, sending] : sendings) operation.steps.wait(*sending, to);
    });
}

// What `source` has heard of `count` hosts.
void HostAgreement::hear_of_hosts(const HostOperation& operation, int source, int count,
                                  Header& header) {
    // Of another size where somebody calls something else.
    const Message message = operation.steps.receive_message(
        operation.leader_of(source), operation.tag(HostOperation::agreement));
    const std::byte* bytes = message.storage->data();
    Header theirs{};
    check(message.envelope.bytes >= sizeof theirs, "a header between hosts is cut off");
    std::memcpy(&theirs, bytes, sizeof theirs);
    if (theirs.differs != 0 || !(theirs.print == print_)) header.differs = 1;
    if (theirs.machine != header.machine) header.machine = 0;
    const std::size_t rest = message.envelope.bytes - sizeof theirs;
    // Who differs, as the header says, may have given anything.
    if (rest != payload_bytes_ * static_cast<std::size_t>(count)) return;
    bytes += sizeof theirs;
    for (std::byte* const at : payloads_up_to(source, count, operation.hosts())) {
        std::memcpy(at, bytes, payload_bytes_);
        bytes += payload_bytes_;
    }
}

// Of `count` hosts, the last of which is `last`; none where nothing travels along.
std::vector<std::byte*> HostAgreement::payloads_up_to(int last, int count, int hosts) const {
    std::vector<std::byte*> result;
    if (payload_bytes_ == 0) return result;
    for (int i = count - 1; i >= 0; --i) result.push_back(payload((last + hosts - i) % hosts));
    return result;
}

// All leaders do the same, in the order of hosts.
void HostAgreement::combine_payloads(const HostOperation& operation,
                                     const Collective& collective) const {
    std::vector<const std::byte*> sources;
    std::size_t offset = 0;
    for (const Part& part : laid_out(collective.to, result())) {
        sources.clear();
        for (int host = 0; host < operation.hosts(); ++host)
            sources.push_back(payload(host) + offset);
        auto* const to = static_cast<std::byte*>(part.data);
        reduce(step_of(collective.op), part.dtype, sources, {&to, 1}, part.count);
        finish_combination(collective.op, part, operation.layout.size());
        offset += padded_inline(part.bytes());
    }
}

}  // namespace ipcrun
