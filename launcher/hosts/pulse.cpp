// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/pulse.hpp"

#include <algorithm>
#include <utility>

namespace ipcrun {

namespace {

constexpr int beats = 3;  // in the time after which silence is an end

}  // namespace

Pulse::Pulse(EventLoop& loop, Seconds silence_max, Callbacks callbacks)
    : loop_(loop),
      interval_(std::max(std::chrono::ceil<std::chrono::milliseconds>(silence_max / beats),
                         std::chrono::milliseconds(1))),
      callbacks_(std::move(callbacks)) {
    timer_ = loop_.after(interval_, [this] { beat(); });
}

// Counted in beats, not by the clock: a process that was stopped itself has missed one at most, and
// hears in the next turn of its loop what has come meanwhile.
void Pulse::beat() {
    if (!is_silence_expected_ && ++beats_in_silence_ > beats) return callbacks_.silent();
    callbacks_.beat();
    timer_ = loop_.after(interval_, [this] { beat(); });
}

}  // namespace ipcrun
