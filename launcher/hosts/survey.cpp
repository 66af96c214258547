// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/survey.hpp"

#include <optional>
#include <string>

#include "base/fail.hpp"
#include "launcher/hosts/fleet.hpp"

namespace ipcrun {

namespace {

// Agents that have started nothing end at once; an ssh that hangs is killed.
constexpr Seconds end_time_max{1.0};

Error error_of(const std::string& agent, const ToLauncher& message) {
    const auto* failed = std::get_if<Failed>(&message);
    if (failed == nullptr)
        return Error(ErrorCode::protocol, fmt::format("{} says what makes no sense now", agent));
    if (failed->is_users) return Error(ErrorCode::usage, failed->reason);
    return Error(ErrorCode::system, fmt::format("{} failed: {}", agent, failed->reason));
}

}  // namespace

std::vector<Ready> survey(const std::vector<NamedHost>& hosts, int own, const Fleet::Start& start,
                          const Prepare& prepare) {
    std::optional<Fleet::Own> own_agent;
    if (own >= 0) own_agent.emplace(start_local_agent(), own);
    EventLoop loop;
    std::optional<Error> failure;  // the first, which may be the cause of others
    const auto give_up = [&](const Error& error) {
        if (!failure) failure = error;
        loop.stop();
    };
    std::optional<Fleet> fleet;
    fleet.emplace(
        loop, hosts, std::move(own_agent), start, prepare,
        Fleet::Callbacks{
            .ready = [&] { loop.stop(); },
            .message =
                [&](int host, const ToLauncher& message) {
                    give_up(error_of(fleet->name(host), message));
                },
            .lost = [&](int, const std::string& why) { give_up(Error(ErrorCode::system, why)); }});
    try {
        loop.run();
    } catch (...) {
        fleet->end(Deadline::after(end_time_max));
        throw;
    }
    fleet->end(Deadline::after(end_time_max));
    if (failure) throw *failure;
    return fleet->readies();
}

}  // namespace ipcrun
