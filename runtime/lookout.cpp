// SPDX-License-Identifier: Apache-2.0
#include "runtime/lookout.hpp"

#include "base/fail.hpp"
#include "base/text.hpp"

namespace ipcrun {

std::string MessageCall::describe() const {
    constexpr std::string_view verbs[] = {"send", "receive", "probe"};
    const std::string who = peer == any_source ? "any rank" : fmt::format("rank {}", peer);
    const std::string what = tag == any_tag ? "any tag" : fmt::format("tag {}", tag);
    const std::string place = site.line == 0 ? "" : fmt::format(" at {}:{}", site.file, site.line);
    return fmt::format("{}({} {}, {}){}", verbs[static_cast<int>(verb)],
                       verb == Verb::send ? "to" : "from", who, what, place);
}

std::string MessageCall::describe(const Group& group) const {
    MessageCall call = *this;
    if (peer != any_source) call.peer = group.called(peer);
    return call.describe();
}

std::string MessageCall::describe_peers(const Group& group) const {
    if (peer != any_source) return fmt::format("rank {}", group.called(peer));
    std::vector<int> others;
    for (int member = 0; member < group.size(); ++member)
        if (member != group.rank()) others.push_back(group.called(member));
    return others.empty()       ? "any rank"
           : others.size() == 1 ? fmt::format("rank {}", others[0])
                                : fmt::format("any of ranks {}", format_list(others));
}

// Looks around at its first check: somebody may have ended already.
Lookout::Lookout(Group& group)
    : group_(group), alert_seen_(group.alert() - 1), departed_(group.size()) {}

bool Lookout::is_forsaken(int peer) const {
    if (peer != any_source) return departed_[peer];
    for (int member = 0; member < group_.size(); ++member)
        if (member != group_.rank() && !departed_[member]) return false;
    return group_.size() > 1;
}

void Lookout::look_around() {
    const std::uint32_t alert = group_.alert();
    group_.waiter().report_if_asked();
    for (int member = 0; member < group_.size(); ++member) {
        if (departed_[member] || !group_.has_departed(member)) continue;
        departed_[member] = true;
        ++departures_;
    }
    int culprit = group_.find_failed();
    auto code = ErrorCode::peer_lost;
    std::string end = culprit >= 0 ? group_.describe_end(culprit, true) : "";
    // Whoever recorded a failure was before those who fell over it, whose states were read first.
    if (const auto failure = group_.recorded_failure()) {
        culprit = failure->culprit;
        if (failure->code == ErrorCode::timeout) code = ErrorCode::timeout;
        end = group_.describe(*failure);
    }
    if (culprit >= 0)
        group_.give_up(code, culprit, group_.sequence() + 1,
                       call_ == nullptr ? "a message" : call_->describe(group_),
                       fmt::format("rank {} {}", group_.called(culprit), end));
    alert_seen_ = alert;
}

Error Lookout::lost(const MessageCall& call, int peer) const {
    if (peer == any_source)
        return Error(ErrorCode::peer_lost,
                     fmt::format("{}: all other ranks have left", call.describe(group_)));
    return Error(ErrorCode::peer_lost,
                 fmt::format("{}: rank {} has {}", call.describe(group_), group_.called(peer),
                             group_.describe_departure(peer)),
                 0, group_.called(peer));
}

Error Lookout::timed_out(const MessageCall& call) const {
    std::optional<int> peer;
    if (call.peer != any_source) peer = group_.called(call.peer);
    return Error(ErrorCode::timeout,
                 fmt::format("{}: timed out waiting for {}", call.describe(group_),
                             call.describe_peers(group_)),
                 0, peer);
}

}  // namespace ipcrun
