// SPDX-License-Identifier: Apache-2.0
// Proves that a reader in a process of its own takes nobody with it, whatever happens to it.
#include "topology/discover/apart.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/error.hpp"
#include "base/fail.hpp"
#include "topology/discover/hwloc_topology.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;

namespace {

Machine synthetic(const std::string& description) {
    const auto topology = HwlocTopology::load_synthetic(description);
    return topology.machine(topology.all_cpus());
}

/// What read_apart() says of a reader that fails.
std::string complaint(MachineReader read, Seconds patience = Seconds{20}) {
    try {
        (void)read_apart("a.xml", read, patience);
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("apart: the machine comes back as it was read") {
    const std::string source = "pack:2 [numa] l3:2 core:2 pu:2";
    CHECK(read_apart(source, synthetic) == synthetic(source));
}

TEST_CASE("apart: an error of the reader is thrown here, with its code") {
    CHECK_THROWS_WITH_AS((void)read_apart("x",
                                          [](const std::string& source) -> Machine {
                                              fail(ErrorCode::unsupported, "no way to read {}",
                                                   source);
                                          }),
                         "no way to read x", Error);
}

TEST_CASE("apart: a reader that crashes is one line") {
    const std::string text = complaint([](const std::string&) -> Machine { ::abort(); });
    CHECK(text.find("read the topology a.xml: its reader ended with signal 6") == 0);
    CHECK(text.find('\n') == std::string::npos);
}

TEST_CASE("apart: a reader that exits without an answer is one line") {
    CHECK(complaint([](const std::string&) -> Machine { ::_exit(3); }).find("status 3") !=
          std::string::npos);
}

TEST_CASE("apart: a reader that waits for ever is ended") {
    const std::string text = complaint(
        [](const std::string&) -> Machine {
            for (;;) ::pause();
        },
        Seconds{0.05});
    CHECK(text.find("no answer within 0.05 s") != std::string::npos);
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
    CHECK(errno == ECHILD);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("apart: a reader that takes all memory is told so") {
    const std::string text = complaint([](const std::string&) -> Machine {
        std::vector<std::vector<char>> all;
        for (;;) all.emplace_back(std::size_t{1} << 28);
    });
    CHECK(text.find("more than 2048 MiB of memory") != std::string::npos);
}
#endif

TEST_CASE("apart: an answer that is no machine is refused") {
    const std::string text = complaint([](const std::string&) {
        Machine machine = synthetic("core:2 pu:1");
        machine.cores[0].numa_node = 99;
        return machine;
    });
    CHECK(text.find("is no machine") != std::string::npos);
}
