// SPDX-License-Identifier: Apache-2.0
// Proves which environment a child is given.
#include "launcher/family_plan.hpp"

#include <doctest/doctest.h>

using namespace ipcrun;

TEST_CASE("family plan: a place in a job or a family is its owner's alone") {
    CHECK(without_place({"A=1", "IPCRUN_RANK=0", "IPCRUN_SIZE=4", "IPCRUN_NODE=0",
                         "IPCRUN_LOCAL_RANK=0", "IPCRUN_LOCAL_SIZE=4", "IPCRUN_CONTROL_FD=3",
                         "IPCRUN_PARENT_FD=3", "IPCRUN_LUA=x", "IPCRUN_RANKS=y"}) ==
          std::vector<std::string>{"A=1", "IPCRUN_LUA=x", "IPCRUN_RANKS=y"});
}

TEST_CASE("family plan: what is set anew replaces what is inherited, never the socket") {
    CHECK(child_environment({"A=1", "B=2", "BB=3"}, {"B=new", "IPCRUN_PARENT_FD=7"}, 3) ==
          std::vector<std::string>{"A=1", "BB=3", "B=new", "IPCRUN_PARENT_FD=3"});
}
