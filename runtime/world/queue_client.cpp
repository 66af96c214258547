// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/queue_client.hpp"

#include <numeric>

#include "base/fail.hpp"
#include "runtime/waiter.hpp"

namespace ipcrun {

namespace {

constexpr std::uint32_t ids_max = 0x7fff'ffff;  // they are tags
// How a rank has ended may be known later than that it has.
constexpr Seconds end_patience{0.5};

std::vector<int> all_ranks(const JobTable& table) {
    std::vector<int> result(static_cast<std::size_t>(table.ranks()));
    std::iota(result.begin(), result.end(), 0);
    return result;
}

Part head_of(QueueCall& call) {
    return {&call, sizeof call, Dtype::u8};
}

}  // namespace

QueueClient::QueueClient(std::shared_ptr<Wires> wires, std::shared_ptr<NodeMemory> memory)
    : wires_(std::move(wires)),
      memory_(std::move(memory)),
      mailbox_(wires_->peers(), wires_->queues_context(), all_ranks(wires_->table()),
               wires_->rank()) {}

// Numbers come again after two thousand million calls: all of that time nobody waits.
std::uint32_t QueueClient::next_id() {
    last_id_ = last_id_ % ids_max + 1;
    return last_id_;
}

// As those who wait for messages do: looks at the streams itself, and sleeps on their bell.
template <typename IsDone>
void QueueClient::wait(Deadline deadline, IsDone is_done) {
    const Wires::Leaving leaving{*wires_};
    ControlHeader& header = memory_->control().header();
    Waiter waiter(header, header.ranks > header.cpus);
    Bell* const bells[] = {&wires_->bell()};
    std::uint32_t alert = header.alert.load();
    const auto look = [&] {
        wires_->look();
        return is_done();
    };
    while (waiter.wait(bells, alert, deadline, look) == WaitResult::alerted) {
        alert = header.alert.load();
        wires_->peers()->look_for_ends();
    }
}

void QueueClient::fail_lost(const Error& error, const std::string& name) {
    if (error.code != ErrorCode::peer_lost) throw Error(error);
    // How it ended is heard from the agent, perhaps after the end of the stream.
    std::optional<RankEnd> end;
    wait(Deadline::after(end_patience), [&] {
        end = wires_->end_of(queue_server_rank);
        return end.has_value();
    });
    throw Error(ErrorCode::peer_lost,
                fmt::format("use the queue '{}': {}, which serves queues by name to other hosts, "
                            "{}",
                            name, wires_->name_of(queue_server_rank), end ? end->how : "has left"),
                0, queue_server_rank);
}

void QueueClient::check_ours(const std::string& name) const {
    if (!is_ours())
        fail(ErrorCode::usage,
             "use the queue '{}': this process was forked from the rank that opened it, and is "
             "none itself",
             name);
}

QueueClient::Answered QueueClient::ask(QueueCall call, std::span<const Part> parts,
                                       const std::string& name) {
    check_ours(name);
    std::vector<Part> all{head_of(call)};
    all.insert(all.end(), parts.begin(), parts.end());
    std::unique_ptr<RemoteMailbox::Receiving> answer;
    std::unique_ptr<RemoteMailbox::Sending> sending;
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(disregarded_, [](const auto& wake_up) { return wake_up->is_done(); });
        call.id = next_id();
        const int tag = static_cast<int>(call.id);
        answer = mailbox_.start_receive(std::nullopt, queue_server_rank, tag);
        sending = mailbox_.start_send(all, queue_server_rank, queue_call_tag);
    }
    wait(Deadline::never(),
         [&] { return answer->is_done() || (sending->is_done() && sending->error()); });
    if (!answer->is_done()) fail_lost(*sending->error(), name);
    if (answer->error()) fail_lost(*answer->error(), name);
    Answered result{call.id, {}, answer->take()};
    result.head = read_queue_answer(result.message);
    if (result.head.is_error != 0)
        throw Error(static_cast<ErrorCode>(result.head.error),
                    text_after(result.message, sizeof(QueueAnswer)),
                    static_cast<int>(result.head.system_errno));
    return result;
}

void QueueClient::tell(QueueCall call) {
    const Part head = head_of(call);
    const std::lock_guard lock(mutex_);
    // Where it is held back it is taken back: there is something wrong over there.
    (void)mailbox_.start_send({&head, 1}, queue_server_rank, queue_call_tag);
}

std::unique_ptr<RemoteMailbox::Receiving> QueueClient::await_wake_up(std::uint32_t id) {
    const std::lock_guard lock(mutex_);
    return mailbox_.start_receive(std::nullopt, queue_server_rank, static_cast<int>(id));
}

void QueueClient::disregard(std::unique_ptr<RemoteMailbox::Receiving> wake_up) {
    const std::lock_guard lock(mutex_);
    disregarded_.push_back(std::move(wake_up));
}

}  // namespace ipcrun
