// SPDX-License-Identifier: Apache-2.0
// Proves by which program another host is reached, for each kind of protocol.
#include "relay/near_order.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "relay/far_end.hpp"

using namespace ipcrun;

namespace {

using Words = std::vector<std::string>;

NearOrder order_by(const Words& way) {
    Words words = {"--near", "h2", "10.0.0.1", "/opt/it's/ipcrun"};
    words.insert(words.end(), way.begin(), way.end());
    words.insert(words.end(), {"lua5.4", "-e", "code"});
    return parse_near_arguments(words);
}

Words argv_by(const Words& way) {
    const NearOrder order = order_by(way);
    return ssh_argv(order.host, order.ssh);
}

}  // namespace

TEST_CASE("relay order: host, address, program and arguments are what was asked for") {
    const NearOrder order = order_by({"ssh"});
    CHECK(order.host == "h2");
    CHECK(order.address == "10.0.0.1");
    CHECK(order.program == "lua5.4");
    CHECK(order.argv == Words{"-e", "code"});
}

TEST_CASE("relay order: without a protocol it is ssh, as for a job") {
    const NearOrder order = order_by({"ssh"});
    const SshOptions plain{.agent_path = "/opt/it's/ipcrun"};
    CHECK(ssh_argv(order.host, order.ssh) == ssh_argv("h2", plain));
}

TEST_CASE("relay order: ssh with arguments is called as ssh is, these first") {
    const Words argv = argv_by({"line", "/usr/bin/ssh -i 'my key' -Y"});
    REQUIRE(argv.size() > 5);
    CHECK(Words(argv.begin(), argv.begin() + 5) ==
          Words{"/usr/bin/ssh", "-i", "my key", "-Y", "-T"});
    CHECK(argv[argv.size() - 2] == "h2");
}

TEST_CASE("relay order: another command gets the host and one line for a shell there") {
    CHECK(argv_by({"line", "rsh -l me"}) ==
          Words{"rsh", "-l", "me", "h2", "exec '/opt/it'\\''s/ipcrun' --agent"});
}

TEST_CASE("relay order: a program of words is called as it is") {
    CHECK(argv_by({"program", "3", "sh", "-c", "a b"}) == Words{"sh", "-c", "a b"});
}

TEST_CASE("relay order: what makes no sense is refused") {
    for (const Words& way : {Words{"line", ""}, Words{"line", "ssh 'x"}, Words{"program", "0"},
                             Words{"program", "x"}, Words{"program", "99"}, Words{"pigeon"}})
        CHECK_THROWS_AS(order_by(way), Error);
    CHECK_THROWS_AS(parse_near_arguments({"--near", "-oProxyCommand=x", "", "", "ssh", ""}), Error);
    CHECK_THROWS_AS(parse_near_arguments({"--near", "h2"}), Error);
}

TEST_CASE("relay order: the far end is told what it was, with an empty program for its own") {
    const FarOrder order = parse_far_arguments(far_arguments(
        {.address = "10.0.0.1:99", .directory = "/a b", .program = "", .argv = {"-e", ""}}));
    CHECK(order.address == "10.0.0.1:99");
    CHECK(order.directory == "/a b");
    CHECK(order.program.empty());
    CHECK(order.argv == Words{"-e", ""});
    CHECK_THROWS_AS(parse_far_arguments({"--far", "x"}), Error);
}
