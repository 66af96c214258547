// SPDX-License-Identifier: Apache-2.0
// Proves which variables go to other hosts, and that their values go as they are.
#include "launcher/hosts/host_environment.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

using namespace ipcrun;

namespace {

using Environment = std::vector<std::string>;

bool has(const Environment& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

TEST_CASE("environment on hosts: what tells of a host or a login is that host's own") {
    const Environment names = own_variables({});
    for (const char* name : {"HOME", "USER", "LOGNAME", "HOSTNAME", "TMPDIR", "SSH_CONNECTION",
                             "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR", "DISPLAY", "IPCRUN_LUA", "_"}) {
        CAPTURE(name);
        CHECK(has(names, name));
    }
    for (const char* name : {"PATH", "LD_LIBRARY_PATH", "LANG", "LUA_PATH", "OMP_NUM_THREADS",
                             "CUDA_VISIBLE_DEVICES", "IPCRUN_HOSTS", "TERM"}) {
        CAPTURE(name);
        CHECK_FALSE(has(names, name));
    }
}

TEST_CASE("environment on hosts: what is a host's own is not sent to another") {
    CHECK(forwarded({"A=1", "HOME=/here", "HOMES=2", "SSH_AUTH_SOCK=/s", "odd"},
                    own_variables({"A"})) == Environment{"A=1", "HOMES=2", "odd"});
}

TEST_CASE("environment on hosts: -x sends what is a host's own, too") {
    const Environment names = own_variables({"HOME", "A", "TMPDIR"});
    CHECK_FALSE(has(names, "HOME"));
    CHECK_FALSE(has(names, "TMPDIR"));
    CHECK(has(names, "USER"));
    CHECK(environment_on_host({"HOME=/from/here", "TMPDIR=/t"}, {"HOME=/there", "USER=u"}, names,
                              "/d") ==
          Environment{"PWD=/d", "HOME=/from/here", "TMPDIR=/t", "USER=u"});
}

TEST_CASE("environment on hosts: the host's own variables are its own or not there") {
    CHECK(environment_on_host({"A=1", "HOME=/here", "USER=me"},
                              {"HOME=/there", "A=2", "SSH_CONNECTION=x"}, {"HOME", "USER"},
                              "/d") == Environment{"PWD=/d", "A=1", "HOME=/there"});
}

TEST_CASE("environment on hosts: PWD is where ranks are") {
    CHECK(environment_on_host({"PWD=/here", "A=1"}, {"PWD=/there"}, {"PWD"}, "/d") ==
          Environment{"PWD=/d", "A=1"});
    CHECK(environment_on_host({}, {}, {}, "/a b=c\n") == Environment{"PWD=/a b=c\n"});
    CHECK(environment_on_host({"PWD=/here"}, {}, {}, "") == Environment{"PWD=/here"});
}

TEST_CASE("environment on hosts: values go as they are, whatever is in them") {
    const Environment hostile = {"A=$(reboot) `x` \"'\\ \n\t;&|",
                                 "B=",
                                 "C==x=",
                                 "BASH_FUNC_f%%=() {  echo \"$1\"\n}",
                                 "D=\xff\xfe\x01",
                                 "no equals sign",
                                 "=odd"};
    CHECK(environment_on_host(hostile, {}, own_variables({}), "") == hostile);
}

TEST_CASE("environment on hosts: of two settings of a name the first counts") {
    CHECK(environment_on_host({"A=1", "A=2", "B=1"}, {"U=1", "U=2"}, {"U"}, "") ==
          Environment{"A=1", "B=1", "U=1"});
}

TEST_CASE("environment on hosts: names are compared whole") {
    CHECK(environment_on_host({"HOMELESS=1", "HOM=2"}, {"HOMES=3", "HOME=4"}, {"HOME"}, "") ==
          Environment{"HOMELESS=1", "HOM=2", "HOME=4"});
}
