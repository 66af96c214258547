// SPDX-License-Identifier: Apache-2.0
#include "runtime/queue_participants.hpp"

#include <algorithm>

namespace ipcrun {

std::uint32_t QueueParticipants::count() const {
    return std::min(memory_.header().participants.load(), queue_participants_max);
}

ProcessIdentity QueueParticipants::identity(const QueueParticipant& participant) const {
    return {static_cast<pid_t>(participant.word.load()), participant.start_time,
            participant.pid_namespace};
}

std::optional<std::uint32_t> QueueParticipants::enter() {
    std::uint32_t number = 0;
    while (number < count() && memory_.participant(number).word.load() != 0) ++number;
    if (number == queue_participants_max) return std::nullopt;
    QueueParticipant& participant = memory_.participant(number);
    participant.start_time = own_.start_time;
    participant.pid_namespace = own_.pid_namespace;
    participant.word.store(static_cast<std::uint32_t>(own_.pid));
    if (number == count()) memory_.header().participants.store(number + 1);
    return number;
}

void QueueParticipants::clear(std::uint32_t number) {
    memory_.participant(number).word.store(0);
}

std::vector<bool> QueueParticipants::find_alive() const {
    std::vector<bool> alive(count());
    for (std::uint32_t number = 0; number < alive.size(); ++number) {
        const QueueParticipant& participant = memory_.participant(number);
        if (participant.word.load() == 0) continue;
        const ProcessIdentity process = identity(participant);
        alive[number] = process == own_ || !has_ended(process, own_);
    }
    return alive;
}

bool QueueParticipants::has_dead(const std::vector<bool>& alive) const {
    for (std::uint32_t number = 0; number < alive.size(); ++number)
        if (!alive[number] && memory_.participant(number).word.load() != 0) return true;
    return false;
}

bool QueueParticipants::has_others() const {
    for (std::uint32_t number = 0; number < count(); ++number) {
        const QueueParticipant& participant = memory_.participant(number);
        if (participant.word.load() != 0 && identity(participant) != own_) return true;
    }
    return false;
}

void QueueParticipants::bury(const std::vector<bool>& alive) {
    for (std::uint32_t number = 0; number < alive.size(); ++number) {
        const std::uint64_t pid = memory_.participant(number).word.load();
        if (alive[number] || pid == 0) continue;
        memory_.header().lost_pid.store(static_cast<std::uint32_t>(pid));
        clear(number);
    }
}

}  // namespace ipcrun
