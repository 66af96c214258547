// SPDX-License-Identifier: Apache-2.0
// Where `parallel` looks for the programs that it starts.
#include "bindings/lua/parallel/programs.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace ipcrun::lua;

namespace {

bool has(const std::vector<std::string>& all, const std::string& path) {
    return std::find(all.begin(), all.end(), path) != all.end();
}

}  // namespace

TEST_CASE("programs: an installed interpreter finds both below its prefix") {
    const std::string program = "/opt/ipcrun/bin/ipcrun-lua";
    CHECK(candidates(interpreter_places, program, program, "")[0] == program);
    CHECK(candidates(agent_places, program, program, "")[0] ==
          "/opt/ipcrun/libexec/ipcrun/ipcrun-agent");
}

TEST_CASE("programs: a built interpreter finds both in its build tree") {
    const std::string program = "/src/build/bindings/lua/interpreter/ipcrun-lua";
    CHECK(has(candidates(interpreter_places, program, program, ""), program));
    CHECK(has(candidates(agent_places, program, program, ""), "/src/build/launcher/ipcrun-agent"));
}

TEST_CASE("programs: a plain interpreter finds them by the module that it has loaded") {
    const std::string plain = "/usr/bin/lua5.4";
    const std::string installed = "/opt/ipcrun/lib/lua/5.4/ipc.so";
    CHECK(has(candidates(interpreter_places, plain, installed, ""), "/opt/ipcrun/bin/ipcrun-lua"));
    CHECK(has(candidates(agent_places, plain, installed, ""),
              "/opt/ipcrun/libexec/ipcrun/ipcrun-agent"));
    const std::string built = "/src/build/bindings/lua/ipc.so";
    CHECK(has(candidates(interpreter_places, plain, built, ""),
              "/src/build/bindings/lua/interpreter/ipcrun-lua"));
    CHECK(has(candidates(agent_places, plain, built, ""), "/src/build/launcher/ipcrun-agent"));
}

TEST_CASE("programs: the folders of PATH come last, in their order") {
    const auto all = candidates(agent_places, "", "", "/one::/two");
    REQUIRE(all.size() == 3);
    CHECK(all[1] == "/one/ipcrun-agent");
    CHECK(all[2] == "/two/ipcrun-agent");
}
