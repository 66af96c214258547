// SPDX-License-Identifier: Apache-2.0
#include "launcher/family_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "runtime/wire/family_protocol.hpp"
#include "runtime/wire/rank_environment.hpp"

namespace ipcrun {

namespace {

std::string_view name_of_setting(std::string_view setting) {
    return setting.substr(0, setting.find('='));
}

void erase_named(std::vector<std::string>& environment, const std::vector<std::string>& settings) {
    std::erase_if(environment, [&settings](const std::string& setting) {
        return std::any_of(settings.begin(), settings.end(), [&setting](const std::string& other) {
            return name_of_setting(setting) == name_of_setting(other);
        });
    });
}

}  // namespace

std::vector<std::string> without_place(const std::vector<std::string>& environment) {
    std::vector<std::string> result = environment;
    erase_named(result, RankEnvironment().format());
    erase_named(result, {parent_fd_variable});
    return result;
}

std::vector<std::string> child_environment(const std::vector<std::string>& inherited,
                                           const std::vector<std::string>& added, int socket_fd) {
    std::vector<std::string> result = inherited;
    const std::string own = fmt::format("{}={}", parent_fd_variable, socket_fd);
    erase_named(result, added);
    result.insert(result.end(), added.begin(), added.end());
    erase_named(result, {own});
    result.push_back(own);
    return result;
}

}  // namespace ipcrun
