// SPDX-License-Identifier: Apache-2.0
// Proves how ssh is called, and what its end is taken for.
#include "launcher/hosts/ssh.hpp"

#include <doctest/doctest.h>
#include <signal.h>

#include <algorithm>

#include "base/error.hpp"

using namespace ipcrun;

namespace {

using Words = std::vector<std::string>;

constexpr int exited(int status) {
    return status << 8;
}

bool has(std::string_view text, std::string_view part) {
    CAPTURE(text);
    return text.find(part) != text.npos;
}

std::string command_for(const std::string& path) {
    return ssh_argv("h2", {.arguments = {}, .agent_path = path}).back();
}

}  // namespace

TEST_CASE("ssh: its arguments are split as a shell would, and nothing is expanded") {
    CHECK(split_arguments("") == Words{});
    CHECK(split_arguments(" -p 22\t-v\n") == Words{"-p", "22", "-v"});
    CHECK(split_arguments("-o 'User=me and you' \"a b\"c'd e'") ==
          Words{"-o", "User=me and you", "a bcd e"});
    CHECK(split_arguments("'' \"\"") == Words{"", ""});
    CHECK(split_arguments(R"(a\ b 'a\b' "a\b\"\\\$" \')") ==
          Words{"a b", "a\\b", "a\\b\"\\$", "'"});
    CHECK(split_arguments("$HOME `x` ~ *") == Words{"$HOME", "`x`", "~", "*"});
    CHECK(split_arguments("end\\") == Words{"end\\"});
    for (const char* bad : {"'a", "\"a", "a 'b\"", "\"a\\\""}) {
        CAPTURE(bad);
        CHECK_THROWS_AS((void)split_arguments(bad), Error);
    }
}

TEST_CASE("ssh: asks nothing, forwards nothing, and takes the user's arguments first") {
    const Words argv = ssh_argv("h2", {.arguments = {"-p", "2222"}, .agent_path = "/opt/ipcrun"});
    CHECK(Words(argv.begin(), argv.begin() + 3) == Words{"ssh", "-p", "2222"});
    for (const char* setting : {"BatchMode=yes", "ForwardX11=no", "ForwardAgent=no",
                                "ClearAllForwardings=yes", "ConnectTimeout=10"}) {
        CAPTURE(setting);
        const auto place = std::find(argv.begin(), argv.end(), setting);
        REQUIRE(place != argv.end());
        CHECK(*(place - 1) == "-o");
    }
    CHECK(Words(argv.end() - 2, argv.end()) == Words{"h2", "exec '/opt/ipcrun' --agent"});
}

TEST_CASE("ssh: a path is one word to every login shell") {
    CHECK(command_for("/a b/$x`y`\"*~") == "exec '/a b/$x`y`\"*~' --agent");
    CHECK(command_for("/it's") == R"(exec '/it'\''s' --agent)");
    CHECK(command_for("/a!b\\c") == R"(exec '/a'\!'b'\\'c' --agent)");
    for (const char* bad : {"/a\nb", "/a\tb", "/\033[2J"}) {
        CAPTURE(bad);
        CHECK_THROWS_AS((void)command_for(bad), Error);
    }
}

TEST_CASE("ssh: a host that ssh would take for an option is refused") {
    CHECK_THROWS_AS((void)ssh_argv("-oProxyCommand=x", {}), Error);
    CHECK_THROWS_AS((void)ssh_argv("", {}), Error);
}

TEST_CASE("ssh: its end is explained in one line that names the host and what ssh said") {
    struct Case {
        const char* said;
        const char* expected;
    };
    for (const auto& [said, expected] : {
             Case{"ssh: connect to host h2 port 22: Connection refused\r\n", "no ssh server"},
             Case{"ssh: Could not resolve hostname h2: Name or service not known", "spelt"},
             Case{"No ED25519 host key is known for h2 and you have requested strict checking.\n"
                  "Host key verification failed.\n",
                  "ssh h2"},
             Case{"@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification "
                  "failed.",
                  "ssh-keygen -R h2"},
             Case{"me@h2: Permission denied (publickey,password).", "without a password"},
             Case{"ssh: connect to host h2 port 22: Connection timed out", "does not answer"},
             Case{"ssh: connect to host h2 port 22: No route to host", "no way"},
             Case{"kex_exchange_identification: Connection closed by remote host", "MaxStartups"},
             Case{"command-line: line 0: Bad configuration option: nonsense", "--ssh-args"},
             Case{"something else", "ssh failed (something else)"},
         }) {
        const std::string line = explain_ssh_end("h2", {}, exited(255), said);
        CAPTURE(line);
        CHECK(line.starts_with("start the agent on host h2: "));
        CHECK(has(line, expected));
        CHECK_FALSE(has(line, "\n"));
        CHECK_FALSE(has(line, "\r"));
    }
    CHECK(has(explain_ssh_end("h2", {}, SIGKILL, ""), "killed by signal 9"));
}

TEST_CASE("ssh: where ipcrun is not, it says how to name the place") {
    const SshOptions options{.arguments = {}, .agent_path = "/opt/ipcrun"};
    const auto explain = [&](int status, const char* said) {
        return explain_ssh_end("h2", options, exited(status), said);
    };
    for (const std::string& line :
         {explain(127, "sh: 1: exec: /opt/ipcrun: not found"),
          explain(1, "/opt/ipcrun: Command not found."), explain(126, "Permission denied")}) {
        CAPTURE(line);
        CHECK(has(line, "ipcrun '/opt/ipcrun' "));
        CHECK(has(line, "--agent-path"));
    }
    CHECK(has(explain(126, "Permission denied"), "cannot be executed"));
    CHECK(has(explain(2, "ipcrun: unknown option '--agent' (ipcrun --help lists all)"),
              "another version"));
    CHECK(has(explain(0, ""), "ended with exit status 0 before the agent spoke"));
    CHECK(has(explain(1, "This account is not available"), "(This account is not available)"));
}
