// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/agent_link.hpp"

#include <utility>

#include "base/fail.hpp"
#include "runtime/wire/job_table.hpp"

namespace ipcrun {

AgentLink::AgentLink(EventLoop& loop, SecureStream stream, Bytes alive, Callbacks callbacks,
                     Seconds silence_max)
    : callbacks_(std::move(callbacks)),
      fd_(stream.fd()),
      frames_(loop, std::move(stream),
              {.frame = [this](auto frame) { receive(frame); },
               .closed = [this] { lose("it has ended", agent_lost_status); },
               .malformed = [this](const Error& error) { lose(error.what(), agent_lost_status); }}),
      loop_(loop),
      alive_(std::move(alive)),
      silence_max_(silence_max) {}

void AgentLink::expect_life() {
    if (!is_open_) return;
    pulse_.emplace(loop_, silence_max_,
                   Pulse::Callbacks{.beat = [this] { frames_.send(alive_); },
                                    .silent =
                                        [this] {
                                            lose(fmt::format("it has been silent for {:g} s",
                                                             silence_max_.count()),
                                                 host_lost_status);
                                        }});
}

void AgentLink::receive(std::span<const std::uint8_t> frame) {
    if (pulse_) pulse_->heard();
    try {
        callbacks_.frame(frame);
    } catch (const Error& error) {
        if (error.code != ErrorCode::protocol) throw;
        lose(fmt::format("it says what makes no sense: {}", error.what()), agent_lost_status);
    }
}

void AgentLink::lose(const std::string& why, int wait_status) {
    if (!is_open_) return;
    close();
    callbacks_.lost(why, wait_status);
}

void AgentLink::close() {
    is_open_ = false;
    pulse_.reset();
    frames_.close();
}

}  // namespace ipcrun
