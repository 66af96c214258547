// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What of the environment is forwarded to ranks on other hosts, and what is that host's own. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace ipcrun {

/// Variables that tell of a host or of a login to it: HOME, USER, HOSTNAME, SSH_CONNECTION,
/// XDG_RUNTIME_DIR, IPCRUN_LUA … Those that `kept` names (by -x) are forwarded all the same.
std::vector<std::string> own_variables(const std::vector<std::string>& kept);

/// `environment` without the variables in `names`: they are nobody else's business.
std::vector<std::string> forwarded(std::vector<std::string> environment,
                                   const std::vector<std::string>& names);

/// The environment of ranks on a host: `forwarded`, and of `own` the variables in `names` alone.
/// PWD is `directory`.
std::vector<std::string> environment_on_host(const std::vector<std::string>& forwarded,
                                             const std::vector<std::string>& own,
                                             const std::vector<std::string>& names,
                                             std::string_view directory);

}  // namespace ipcrun
