// SPDX-License-Identifier: Apache-2.0
// Called as ipcrun --join is, with a socket at descriptor 3: does what FAKE_IPCRUN_DOES says.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string_view>

#include "base/socket.hpp"
#include "runtime/wire/rank_environment.hpp"
#include "runtime/wire/step_protocol.hpp"

using namespace ipcrun;

namespace {

constexpr int task_socket = STDIN_FILENO;

void answer(const StepAnswer& message, std::span<const int> fds = {}) {
    (void)send_packet(task_socket, encode(message), fds);
}

Seated seat() {
    return {RankEnvironment{
        .rank = 3, .size = 5, .node = 1, .local_rank = 1, .local_size = 2, .control_fd = -1}
                .format()};
}

// As ipcrun does: the one that was called ends, and another goes on; until the task has gone.
void be_silent() {
    if (::fork() == 0) (void)wait_readable(task_socket, Deadline::never());
}

}  // namespace

int main(int count, char** words) {
    const char* const wish = std::getenv("FAKE_IPCRUN_DOES");
    const std::string_view does = wish == nullptr ? "" : wish;
    const auto [ours, theirs] = create_socket_pair(SocketKind::packet);
    const int control_fd = theirs.get();
    if (does == "alone") answer(Alone{});
    if (does == "seat") answer(seat(), {&control_fd, 1});
    if (does == "seat without socket") answer(seat());
    if (does == "seat nowhere") answer(Seated{}, {&control_fd, 1});
    if (does == "refuse") answer(NotSeated{ErrorCode::config, "no way to them"});
    if (does == "garbage") (void)send_packet(task_socket, Bytes{77});
    if (does == "never") be_silent();
    if (does == "note") {
        std::ofstream file(std::getenv("FAKE_IPCRUN_NOTE"));
        for (int i = 0; i < count; ++i) file << (i == 0 ? "" : " ") << words[i];
        file.close();
        answer(Alone{});
    }
    return 0;
}
