// SPDX-License-Identifier: Apache-2.0
// Who called what, when members called different things: the lowest of them, and the first that
// differs from it.
#include <algorithm>
#include <array>
#include <cstring>

#include "base/fail.hpp"
#include "runtime/values_mismatch.hpp"
#include "runtime/world/host_agreement.hpp"
#include "runtime/world/host_rounds.hpp"

namespace ipcrun {

namespace {

constexpr std::uint64_t told_layout = 0x6469'6666'6572'0001;

// A member's call; `member` is -1 where there is none.
struct Call {
    Fingerprint print;
    std::int32_t member;
    std::int32_t line;
    char file[104];  // the end of its name, ended by a zero
};

// Of some members.
struct Difference {
    Call first;   // of the lowest
    Call second;  // of the lowest that differs from it
    // They all mean the same, with other values.
    std::int64_t in_values_only;
};

Call own_call(const HostOperation& operation, const Fingerprint& print) {
    Call call{};
    call.print = print;
    call.member = operation.layout.own;
    call.line = operation.site.line;
    const std::size_t length = std::strlen(operation.site.file);
    const std::size_t kept = std::min(length, sizeof call.file - 1);
    std::memcpy(call.file, operation.site.file + (length - kept), kept);
    return call;
}

Difference of(const Call& call) {
    Difference result{call, {}, 1};
    result.second.member = -1;
    return result;
}

// Of the members of both, of which some may be in either.
Difference merge(const Difference& a, const Difference& b) {
    const Difference& low = a.first.member <= b.first.member ? a : b;
    Difference result = low;
    for (const Difference* other : {&a, &b})
        for (const Call* call : {&other->first, &other->second}) {
            if (call->member < 0 || call->print == result.first.print) continue;
            if (result.second.member < 0 || call->member < result.second.member)
                result.second = *call;
        }
    const Fingerprint& one = a.first.print;
    const Fingerprint& two = b.first.print;
    const bool is_alike = one.kind == two.kind && one.op == two.op && one.root == two.root &&
                          ((one.flags ^ two.flags) & Fingerprint::deterministic) == 0;
    result.in_values_only = a.in_values_only != 0 && b.in_values_only != 0 && is_alike;
    return result;
}

std::string describe(const Call& call) {
    return fmt::format("rank {} calls {} at {}:{}", call.member, ipcrun::describe(call.print),
                       call.file, call.line);
}

Difference find_here(const HostOperation& operation, const Fingerprint& print) {
    std::vector<Call> calls(operation.layout.here().size());
    Call own = own_call(operation, print);
    const Part from{&own, sizeof own, Dtype::u8};
    const Part to{calls.data(), calls.size() * sizeof own, Dtype::u8};
    Collective collective = Collective::allgather(from, to);
    collective.layout = told_layout;
    operation.run_here(collective);
    Difference result = of(calls[0]);
    for (const Call& call : calls) result = merge(result, of(call));
    return result;
}

void find_over_hosts(const HostOperation& operation, Difference& known) {
    const int hosts = operation.hosts(), own = operation.own_host();
    const int tag = operation.tag(HostOperation::disagreement);
    for_each_round(hosts, [&](int step) {
        Difference told = known;
        for_each_told(step, hosts, [&](int away) {
            const Part part{&told, sizeof told, Dtype::u8};
            operation.steps.send({&part, 1}, operation.leader_of((own + away) % hosts), tag);
        });
        for_each_told(step, hosts, [&](int away) {
            Difference theirs{};
            const Part part{&theirs, sizeof theirs, Dtype::u8};
            operation.steps.receive({&part, 1}, operation.leader_of((own + hosts - away) % hosts),
                                    tag);
            known = merge(known, theirs);
        });
    });
}

}  // namespace

void fail_for_disagreement(const HostOperation& operation, const Fingerprint& print) {
    Difference found = find_here(operation, print);
    if (operation.is_leader()) find_over_hosts(operation, found);
    const Part told{&found, sizeof found, Dtype::u8};
    operation.run_here(Collective::broadcast({&told, 1}, 0));
    check(found.second.member >= 0, "ranks disagree, and call the same");
    const Fingerprint& one = found.first.print;
    const Fingerprint& two = found.second.print;
    const bool by_hash = one.kind == two.kind && one.shape != two.shape &&
                         (one.flags & two.flags & Fingerprint::many_parts) != 0;
    const std::string text =
        fmt::format("ranks disagree: {}, {}{}", describe(found.first), describe(found.second),
                    by_hash ? "; their values differ in number, shape, type or keys" : "");
    if (found.in_values_only != 0)
        throw ValuesMismatch(ErrorCode::mismatch, text, 0, found.second.member);
    throw Error(ErrorCode::mismatch, text, 0, found.second.member);
}

}  // namespace ipcrun
