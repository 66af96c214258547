// SPDX-License-Identifier: Apache-2.0
// The program ipcrun-agent: it minds the children of the process that started it.
#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <exception>

#include "base/socket.hpp"
#include "launcher/agent_process.hpp"
#include "launcher/family.hpp"
#include "launcher/surroundings.hpp"

using namespace ipcrun;

int main() {
    constexpr int parent_fd = 3;
    if (!is_packet_socket(parent_fd)) {
        std::fputs(
            "ipcrun-agent: minds the children of a program that uses 'parallel', which starts it "
            "by itself: it is not for people to call\n",
            stderr);
        return 2;
    }
    ignore_terminal_signals();
    // Whatever else the parent did not keep to itself: pipes that others wait to see closed, say.
    (void)::close_range(parent_fd + 1, ~0u, 0);
    try {
        tidy_descriptors();
        run_family(UniqueFd(parent_fd));
    } catch (const std::exception& error) {
        // The parent learns that its agent has ended; here is why.
        (void)std::fprintf(stderr, "ipcrun-agent: %s; the children have been ended\n",
                           error.what());
        return 1;
    }
    return 0;
}
