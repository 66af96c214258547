// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_exchange.hpp"

namespace ipcrun {

void HostExchange::receive(std::span<const Part> parts, int from) {
    add({from, operation_.steps.start_receive(parts, from, tag_), nullptr});
}

void HostExchange::send(std::span<const Part> parts, int to) {
    add({to, nullptr, operation_.steps.start_send(parts, to, tag_)});
}

// An even number, for a step is a receive and a send.
void HostExchange::add(Step step) {
    steps_.push_back(std::move(step));
    while (steps_.size() > steps_under_way) settle();
}

void HostExchange::settle() {
    const Step& first = steps_.front();
    if (first.receiving)
        operation_.steps.wait(*first.receiving, first.other);
    else
        operation_.steps.wait(*first.sending, first.other);
    steps_.pop_front();
}

void HostExchange::finish() {
    while (!steps_.empty()) settle();
}

}  // namespace ipcrun
