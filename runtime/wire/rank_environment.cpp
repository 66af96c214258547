// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/rank_environment.hpp"

#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/text.hpp"

namespace ipcrun {

namespace {

struct Variable {
    const char* name;
    int RankEnvironment::*field;
};

constexpr Variable variables[] = {
    {"IPCRUN_RANK", &RankEnvironment::rank},
    {"IPCRUN_SIZE", &RankEnvironment::size},
    {"IPCRUN_NODE", &RankEnvironment::node},
    {"IPCRUN_LOCAL_RANK", &RankEnvironment::local_rank},
    {"IPCRUN_LOCAL_SIZE", &RankEnvironment::local_size},
    {control_fd_variable, &RankEnvironment::control_fd},
};

}  // namespace

std::vector<std::string> RankEnvironment::format() const {
    std::vector<std::string> result;
    for (const Variable& variable : variables)
        result.push_back(fmt::format("{}={}", variable.name, this->*variable.field));
    return result;
}

std::optional<RankEnvironment> RankEnvironment::read() {
    if (!environment_variable("IPCRUN_RANK")) return std::nullopt;
    RankEnvironment result;
    for (const Variable& variable : variables) {
        const auto text = environment_variable(variable.name);
        const auto value = parse_number<int>(text.value_or(""));
        if (!value || *value < 0)
            fail(ErrorCode::config,
                 "join the job: the environment variable {} is {}, and a number was expected "
                 "(unset IPCRUN_RANK to run without a job)",
                 variable.name, text ? fmt::format("'{}'", *text) : "not set");
        result.*variable.field = *value;
    }
    if (result.rank >= result.size || result.local_rank >= result.local_size ||
        result.local_size > result.size)
        fail(ErrorCode::config, "join the job: rank {} of {}, local rank {} of {} make no sense",
             result.rank, result.size, result.local_rank, result.local_size);
    return result;
}

bool wants_determinism() {
    const std::string wish = environment_variable(deterministic_variable).value_or("0");
    if (wish != "0" && wish != "1")
        fail(ErrorCode::config, "read {} '{}': it must be 0 or 1", deterministic_variable, wish);
    return wish == "1";
}

}  // namespace ipcrun
