// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_failures.hpp"

#include <algorithm>
#include <cstring>

#include "base/fail.hpp"
#include "runtime/world/host_rounds.hpp"

namespace ipcrun {

namespace {

// An agent tells of an end within milliseconds, and the stream that broke may be known before.
constexpr Seconds end_patience{0.5};
// No operation of a group has this number before 2^32 others.
constexpr std::uint32_t note_sequence = 0xffff'ffff;
constexpr std::uint8_t note_kind = 0xff;

std::size_t index(int number) {
    return static_cast<std::size_t>(number);
}

}  // namespace

// As it travels between hosts.
struct HostFailures::Notice {
    std::int32_t code;
    std::int32_t culprit;
    char text[248];  // ended by a zero
};

void HostFailures::check_usable() const {
    if (failure_) throw Error(*failure_);
    node_.group.check_usable();
}

std::string HostFailures::name_of(int member) const {
    return wires_.name_of(layout_.ranks[index(member)]);
}

// Not told by others, nor about them.
bool HostFailures::is_own(const Error& error) const {
    if (error.code == ErrorCode::peer_lost) return false;
    return !node_.group.has_given_up() || error.rank == layout_.own;
}

void HostFailures::give_up(const std::string& call, const Error& error) {
    const bool is_ours = is_own(error);
    Cause cause;
    std::string text;
    if (is_ours) {
        const bool timed_out = error.code == ErrorCode::timeout;
        text = reason_of(error);
        cause = {timed_out ? ErrorCode::timeout : ErrorCode::peer_lost, layout_.own,
                 fmt::format("{} {}: {}", name_of(layout_.own),
                             timed_out ? "gave up waiting" : "could not go on", text)};
    } else {
        cause = find_cause(error);
        text = cause.text;
    }
    failure_ = std::make_unique<Error>(is_ours ? error.code : cause.code,
                                       fmt::format("{}: {}", call, text),
                                       is_ours ? error.system_errno : 0, cause.culprit);
    // First what explains it, then what wakes who waits.
    tell_here(cause);
    tell_others(cause);
    if (!node_.group.has_given_up()) {
        const int culprit =
            layout_.is_here(cause.culprit) ? layout_.local(cause.culprit) : node_.group.rank();
        try {
            node_.group.give_up(cause.code, culprit, node_.group.sequence() + 1, call, text);
        } catch (const Error&) {
            // As it is asked to: what is thrown is in `failure_`, with what other hosts have told.
        }
    }
    steps_.close();
    throw Error(*failure_);
}

// Without what the group, or a message, was at: the caller knows of the operation only.
std::string HostFailures::reason_of(const Error& error) const {
    const std::string text = error.what();
    const std::string step =
        node_.group.describe_call(node_.group.rank(), node_.group.sequence()) + ": ";
    return text.starts_with(step) ? text.substr(step.size()) : text;
}

// What the member that is missed has said of it; else how it has ended, which may not be known at
// once: a stream that breaks, or a failure of the group, can be seen before.
HostFailures::Cause HostFailures::find_cause(const Error& error) {
    const bool timed_out = error.code == ErrorCode::timeout;
    const int victim = error.rank.value_or(layout_.own);
    if (victim == layout_.own)
        return {ErrorCode::peer_lost, victim, name_of(victim) + " has closed this communicator"};
    RemotePeers& peers = *wires_.peers();
    const Deadline deadline = Deadline::after(end_patience);
    while (!deadline.has_passed()) {
        const std::uint32_t alert = node_.group.alert();
        const std::uint64_t news = peers.news();
        const auto told = layout_.is_here(victim) ? read_note(victim) : hear_notice(victim);
        if (told) return *told;
        if (timed_out) return {error.code, victim, name_of(victim) + " gave up waiting"};
        if (const auto ended = find_ended(victim)) return *ended;
        (void)node_.group.waiter().wait(wires_.bell(), alert, deadline, [&] {
            wires_.look();
            return peers.news() != news;
        });
    }
    // Without what was asked of it.
    const std::string text = reason_of(error);
    const std::size_t name = text.find(name_of(victim));
    return {ErrorCode::peer_lost, victim, name == std::string::npos ? text : text.substr(name)};
}

std::optional<HostFailures::Cause> HostFailures::hear_notice(int member) {
    if (!steps_.remote().find(member, notice_tag)) return std::nullopt;
    const auto receiving = steps_.remote().start_receive(std::nullopt, member, notice_tag);
    if (!receiving->is_done() || receiving->error() != nullptr) return std::nullopt;
    const Message message = receiving->take();
    Notice notice;
    if (message.envelope.bytes != sizeof notice) return std::nullopt;
    std::memcpy(&notice, message.storage->data(), sizeof notice);
    notice.text[sizeof notice.text - 1] = '\0';
    if (notice.culprit < 0 || notice.culprit >= layout_.size()) return std::nullopt;
    const bool timed_out = notice.code == static_cast<std::int32_t>(ErrorCode::timeout);
    return Cause{timed_out ? ErrorCode::timeout : ErrorCode::peer_lost, notice.culprit,
                 notice.text};
}

// In its diary, as its last line about this communicator.
std::optional<HostFailures::Cause> HostFailures::read_note(int member) {
    const OpRecord* const line = node_.group.find_record(layout_.local(member), note_sequence);
    if (line == nullptr || line->fingerprint.kind != note_kind) return std::nullopt;
    const auto culprit = static_cast<int>(line->fingerprint.root);
    if (culprit < 0 || culprit >= layout_.size()) return std::nullopt;
    return Cause{ErrorCode(line->fingerprint.op), culprit, line->file};
}

bool HostFailures::has_failed(int member) const {
    const RankState state = layout_.is_here(member)
                                ? node_.group.state_of(layout_.local(member))
                                : wires_.table().state_of(layout_.ranks[index(member)]);
    return state == RankState::failed;
}

std::string HostFailures::end_of(int member) const {
    if (layout_.is_here(member)) {
        const RankState state = node_.group.state_of(layout_.local(member));
        const bool is_over = state == RankState::exited || state == RankState::failed;
        return is_over ? node_.group.describe_end(layout_.local(member), true) : "";
    }
    const auto end = wires_.end_of(layout_.ranks[index(member)]);
    return end ? end->how : "";
}

// One that failed is the cause of what happened to others, whoever was missed.
std::optional<HostFailures::Cause> HostFailures::find_ended(int victim) {
    const auto cause = [this](int member) {
        return Cause{ErrorCode::peer_lost, member,
                     fmt::format("{} {}", name_of(member), end_of(member))};
    };
    if (has_failed(victim)) return cause(victim);
    for (int member = 0; member < layout_.size(); ++member)
        if (has_failed(member)) return cause(member);
    if (!end_of(victim).empty()) return cause(victim);
    return std::nullopt;
}

void HostFailures::tell_here(const Cause& cause) {
    if (node_.group.size() == 1) return;
    Fingerprint print;
    print.kind = note_kind;
    print.op = static_cast<std::uint8_t>(cause.code);
    print.root = static_cast<std::uint32_t>(cause.culprit);
    std::string text = cause.text;
    if (text.size() >= sizeof(OpRecord::file)) text.resize(sizeof(OpRecord::file) - 1);
    node_.group.record(print, note_sequence, {text.c_str(), 0});
    // The failure of the group may have been seen before.
    node_.group.control().raise_alert();
}

// Those whom this member speaks to, or would have: they may wait for it, and tell others.
void HostFailures::tell_others(const Cause& cause) {
    Notice notice{};
    notice.code = static_cast<std::int32_t>(cause.code);
    notice.culprit = cause.culprit;
    std::memcpy(notice.text, cause.text.data(),
                std::min(cause.text.size(), sizeof notice.text - 1));
    const Part part{&notice, sizeof notice, Dtype::u8};
    std::set<int> others = steps_.partners();
    const int hosts = layout_.hosts();
    const auto add = [&](int away) {
        others.insert(layout_.members_on[index((layout_.own_host + away) % hosts)][0]);
    };
    if (layout_.local(layout_.own) == 0)
        for_each_round(hosts, [&](int step) { for_each_told(step, hosts, add); });
    for (const int member : others)
        // Done at once, or else the other is so far behind that it has not asked for anything.
        (void)steps_.remote().start_send({&part, 1}, member, notice_tag);
}

}  // namespace ipcrun
