// SPDX-License-Identifier: Apache-2.0
#include "launcher/reports.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

namespace {

std::string format_ranks(const std::set<int>& ranks) {
    return fmt::format("rank{} {}", ranks.size() == 1 ? "" : "s",
                       format_list({ranks.begin(), ranks.end()}));
}

std::string describe_end(const Ended& ended) {
    if (ended.fenced)
        return "was killed: it had stopped in the middle of work on the memory of other ranks";
    const bool was_signalled = (ended.wait_status & 0x7f) != 0;
    return fmt::format("{} {}{}", was_signalled ? "was killed by" : "ended with",
                       describe_wait_status(ended.wait_status),
                       ended.out_of_memory ? ": the machine or the cgroup ran out of memory" : "");
}

}  // namespace

std::string Reports::reported(const RankReport& report) {
    if (report.kind == Report::Kind::peer_error) {
        if (!spoken_.contains(report.rank)) secondary_.emplace(report.rank, report.text);
        return {};
    }
    secondary_.erase(report.rank);
    spoken_.insert(report.rank);
    const auto same = std::find_if(texts_.begin(), texts_.end(),
                                   [&](const Text& known) { return known.text == report.text; });
    if (same != texts_.end()) {
        // What one rank cannot load none can: that goes without saying.
        if (report.kind != Report::Kind::load_error) same->repeated_by.insert(report.rank);
        return {};
    }
    if (texts_.size() == texts_max) {
        more_.insert(report.rank);
        return {};
    }
    texts_.push_back({report.text, {}});
    if (report.kind == Report::Kind::load_error)
        return fmt::format("ipcrun: the script cannot be loaded:\n{}\n", report.text);
    return fmt::format("ipcrun: rank {} failed:\n{}\n", report.rank, report.text);
}

std::string Reports::ended(const Ended& ended, std::string_view where, bool stopping) {
    if (stopping || spoken_.contains(ended.rank) || secondary_.contains(ended.rank)) return {};
    const std::string how = describe_end(ended);
    if (texts_.empty() && first_end_.empty()) {
        first_end_ = how;
        return fmt::format("ipcrun: rank {} (pid {}{}) {}\n", ended.rank, ended.pid, where, how);
    }
    silent_ends_.insert(ended.rank);
    return {};
}

std::string Reports::summary() const {
    std::string text;
    for (const Text& known : texts_)
        if (!known.repeated_by.empty())
            text += fmt::format(
                "ipcrun: the same error on {}{}\n", format_ranks(known.repeated_by),
                texts_.size() == 1 ? "" : ": " + known.text.substr(0, known.text.find('\n')));
    if (!more_.empty()) text += fmt::format("ipcrun: other errors on {}\n", format_ranks(more_));
    if (!silent_ends_.empty())
        text += fmt::format("ipcrun: {} failed too\n", format_ranks(silent_ends_));
    if (texts_.empty() && first_end_.empty() && !secondary_.empty()) {
        const auto& [rank, reason] = *secondary_.begin();
        text += fmt::format("ipcrun: rank {} failed:\n{}\n", rank, reason);
        if (secondary_.size() > 1)
            text += fmt::format("ipcrun: {} more rank{} failed for want of a peer\n",
                                secondary_.size() - 1, secondary_.size() == 2 ? "" : "s");
    }
    return text;
}

bool Reports::is_secondary(int rank) const {
    return secondary_.contains(rank);
}

}  // namespace ipcrun
