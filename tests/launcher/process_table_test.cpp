// SPDX-License-Identifier: Apache-2.0
// Proves that processes are read whatever they call themselves, and that descent is told right.
#include "launcher/process_table.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <string>

using namespace ipcrun;

TEST_CASE("process table: a program's name may hold anything") {
    const std::string rest = " S 42 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 1 1";
    for (const char* name : {"(sh)", "(a b)", "(x) R 7 (y)", "()", "(\n))"}) {
        const auto process = parse_stat("1234 " + std::string(name) + rest);
        CAPTURE(name);
        REQUIRE(process);
        CHECK(process->pid == 1234);
        CHECK(process->parent == 42);
        CHECK(process->state == 'S');
        CHECK(process->start_time == 98765);
    }
    for (const char* bad : {"", "1 (x", "1 (x) ", "x (x) S 1", ") ("}) CHECK_FALSE(parse_stat(bad));
}

TEST_CASE("process table: this process is in it") {
    const auto self = read_process(::getpid());
    REQUIRE(self);
    CHECK(self->parent == ::getppid());
    CHECK_FALSE(is_descendant(::getpid()));
    CHECK_FALSE(is_descendant(1));
}

TEST_CASE("process table: descendants are found at any depth, those of the excluded are not") {
    const std::vector<ProcessEntry> table = {{.pid = 2, .parent = 1},   {.pid = 10, .parent = 2},
                                             {.pid = 12, .parent = 11}, {.pid = 11, .parent = 10},
                                             {.pid = 20, .parent = 2},  {.pid = 21, .parent = 20},
                                             {.pid = 30, .parent = 1}};
    const auto pids = [&](std::vector<pid_t> excluded) {
        std::string text;
        for (const ProcessEntry& entry : select_descendants(table, 2, excluded))
            text += std::to_string(entry.pid) + " ";
        return text;
    };
    CHECK(pids({20}) == "10 11 12 ");
    CHECK(pids({10, 20}) == "");
    CHECK(pids({}).size() == std::string("10 11 12 20 21 ").size());
}

TEST_CASE("process table: a circle in a table that was read too slowly does no harm") {
    const std::vector<ProcessEntry> table = {{.pid = 3, .parent = 2}, {.pid = 3, .parent = 3}};
    CHECK(select_descendants(table, 2, {}).size() == 1);
}
