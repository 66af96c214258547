// SPDX-License-Identifier: Apache-2.0
// Proves which option or variable names the hosts of a job, which contradict each other, and which
// host is this one. Name servers are not asked: that would depend on them.
#include "launcher/hosts/allocation.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <climits>
#include <string>

#include "base/error.hpp"
#include "launcher/hosts/own_names.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace ipcrun;
using ipcrun::testing::TemporaryFolder;

namespace {

using Hosts = std::vector<NamedHost>;
using Environment = std::vector<std::string>;

std::string refusal(const Options& options, const Environment& environment = {}) {
    try {
        (void)find_hosts(options, environment);
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        return error.what();
    }
    return "accepted";
}

bool is_this(const std::string& name) {
    return is_this_host(name, Deadline::after(Seconds(0.001)));
}

std::string own_name() {
    char name[HOST_NAME_MAX + 1] = {};
    REQUIRE(::gethostname(name, HOST_NAME_MAX) == 0);
    return name;
}

}  // namespace

TEST_CASE("allocation: a job of which nobody names hosts has none") {
    CHECK(find_hosts({}, {"PATH=/bin"}).hosts.empty());
    CHECK(find_hosts({}, {"IPCRUN_HOSTS="}).hosts.empty());
}

TEST_CASE("allocation: an option goes before the variable") {
    const Environment environment = {"IPCRUN_HOSTS=x:9"};
    CHECK(find_hosts({.hosts = "a:2,b"}, environment).hosts == Hosts{{"a", 2}, {"b", 0}});
    CHECK(find_hosts({}, environment).hosts == Hosts{{"x", 9}});
}

TEST_CASE("allocation: files are read for the option, and for the variable behind an @") {
    const TemporaryFolder folder;
    const std::string path = folder.write("hosts",
                                          "\xef\xbb\xbf"
                                          "a slots=4\nb wdir=/x\n");
    const Hosts hosts = {{"a", 4}, {"b", 0, "/x"}};
    CHECK(find_hosts({.hostfile = path}, {}).hosts == hosts);
    CHECK(find_hosts({}, {"IPCRUN_HOSTS=@" + path}).hosts == hosts);
    CHECK(find_hosts({.hostfile = path, .excluded_hosts = "a"}, {}).hosts == Hosts{{"b", 0, "/x"}});
    (void)folder.write("hosts", "a slots=x\n");
    CHECK(refusal({.hostfile = path}) == path + ":1: 'x' is no number of slots, 1 to 65536");
    CHECK(refusal({.hostfile = path + "2"}) ==
          "option --hostfile " + path + "2: No such file or directory");
    CHECK(refusal({}, {"IPCRUN_HOSTS=@" + path + "2"}) ==
          "variable IPCRUN_HOSTS " + path + "2: No such file or directory");
    CHECK(refusal({}, {"IPCRUN_HOSTS=@"}) ==
          "variable IPCRUN_HOSTS: '@' is followed by the name of a file");
    CHECK(refusal({}, {"IPCRUN_HOSTS=a:x"}).starts_with("variable IPCRUN_HOSTS: 'x' is no number"));
}

TEST_CASE("allocation: options that contradict each other are refused") {
    CHECK(refusal({.hosts = "a", .hostfile = "f"}) ==
          "options --hosts and --hostfile name hosts both; give one of them");
    CHECK(refusal({.excluded_hosts = "a"}).starts_with("option --exclude a: there are no hosts"));
    CHECK(refusal({.hosts = "a", .machines = "m.xml"}).starts_with("option --hosts: --topology "));
    CHECK(refusal({.hostfile = "f", .machines = "m.xml"})
              .starts_with("option --hostfile: --topology "));
    CHECK(refusal({.hosts = "a", .measure_links = true})
              .starts_with("option --hosts: --measure-links "));
    CHECK(refusal({.hosts = "a", .excluded_hosts = "a"}) == "option --exclude: no host is left");
}

TEST_CASE("allocation: where machines are described, or measured, the variable does not count") {
    const Environment environment = {"IPCRUN_HOSTS=of nonsense!"};
    CHECK(find_hosts({.machines = "m.xml"}, environment).hosts.empty());
    CHECK(find_hosts({.measure_links = true}, environment).hosts.empty());
}

TEST_CASE("own names: localhost, the host's name and its addresses are this host") {
    for (const std::string& name : {std::string("localhost"), std::string("LocalHost"), own_name(),
                                    own_name().substr(0, own_name().find('.'))}) {
        CAPTURE(name);
        CHECK(is_this(name));
    }
    for (const char* number : {"127.0.0.1", "127.0.1.1", "::1", "::ffff:127.0.0.1"}) {
        CAPTURE(number);
        CHECK(is_this_host(number, Deadline::after(Seconds(2))));
    }
}

TEST_CASE("own names: another's address, or a user, is not this host") {
    for (const char* name : {"240.0.0.1", "2001:db8::1", "me@localhost", "root@127.0.0.1"}) {
        CAPTURE(name);
        CHECK_FALSE(is_this_host(name, Deadline::after(Seconds(2))));
    }
}

TEST_CASE("own names: nobody is asked when the time is up") {
    CHECK_FALSE(is_this_host("host.invalid", Deadline::after(Seconds(0))));
}

TEST_CASE("own names: this host is found among others") {
    CHECK(find_own_host({}) == -1);
    CHECK(find_own_host({{"240.0.0.1"}, {"240.0.0.2"}}) == -1);
    CHECK(find_own_host({{"240.0.0.1"}, {"localhost", 2}, {"240.0.0.2"}}) == 1);
}

TEST_CASE("own names: two names of this host are refused") {
    try {
        (void)find_own_host({{"localhost", 2}, {"240.0.0.1"}, {"127.0.0.1", 2}});
        FAIL("accepted");
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        CHECK(std::string(error.what()) ==
              "'localhost' and '127.0.0.1' are both this host; name it once, with slots: "
              "localhost:2");
    }
}
