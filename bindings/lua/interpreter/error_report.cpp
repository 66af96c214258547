// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/interpreter/error_report.hpp"

#include <cstdio>
#include <exception>

#include "base/socket.hpp"
#include "runtime/wire/rank_environment.hpp"

namespace ipcrun::lua {

ErrorReport::ErrorReport() {
    const auto environment = RankEnvironment::read();
    if (!environment || !is_packet_socket(environment->control_fd)) return;
    control_fd_ = environment->control_fd;
    set_close_on_exec(control_fd_);
}

void ErrorReport::send(Report::Kind kind, std::string_view text) const noexcept {
    // What the script printed before belongs before its error.
    (void)std::fflush(stdout);
    if (control_fd_ >= 0) {
        try {
            if (send_packet(control_fd_, encode(Report{kind, std::string(text)}))) return;
        } catch (const std::exception&) {
            // The agent is gone, or there is no memory: people still have to see the text.
        }
    }
    print_error(text);
}

void print_error(std::string_view text) noexcept {
    std::fprintf(stderr, "ipcrun-lua: %.*s\n", static_cast<int>(text.size()), text.data());
    (void)std::fflush(stderr);
}

}  // namespace ipcrun::lua
