// SPDX-License-Identifier: Apache-2.0
#include "launcher/bootstrap/rendezvous.hpp"

#include <poll.h>

#include <algorithm>
#include <optional>
#include <random>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "launcher/bootstrap/channel.hpp"
#include "launcher/bootstrap/rendezvous_list.hpp"
#include "launcher/bootstrap/rendezvous_words.hpp"
#include "runtime/stream/dial.hpp"

namespace ipcrun {

namespace {

// For one place: to be connected, shake hands and be greeted. Longer each time, for one that is
// only slow.
constexpr Seconds patience_min{1.0}, patience_max{10.0};
constexpr int pause_min_ms = 5, pause_max_ms = 250;

Bytes receive(Channel& channel, std::size_t bytes_max, Deadline deadline) {
    for (;;) {
        channel.flush();
        if (auto message = channel.receive(bytes_max)) return *std::move(message);
        if (!channel.stream().wait(true, channel.has_unsent(), deadline))
            fail(ErrorCode::timeout, "{}: no answer in time", channel.stream().peer());
    }
}

/// Looks for the list of a meeting.
class Search {
  public:
    Search(const Meeting& meeting, Deadline deadline) : meeting_(meeting), deadline_(deadline) {}

    Channel find() {
        for (int round = 0;; ++round) {
            const Seconds patience = std::min(patience_min * (round + 1), patience_max);
            for (const std::uint16_t port : meeting_.ports) {
                for (const std::string& host : meeting_.hosts) {
                    if (auto channel = ask({.host = host, .port = port}, patience))
                        return *std::move(channel);
                    if (deadline_.has_passed()) fail_late();
                }
            }
            if (strangers_until_ && strangers_until_->has_passed()) fail_strange();
            pause(round);
        }
    }

  private:
    std::optional<Channel> ask(const Address& address, Seconds patience) {
        const Deadline deadline = Deadline::sooner(deadline_, Deadline::after(patience));
        const DialOptions options{.key = meeting_.key,
                                  .encrypt = true,
                                  .purpose = rendezvous_purpose,
                                  .waits_for_listener = false};
        try {
            Channel channel(dial(address, options, deadline));
            const auto greeting =
                decode_words<MeetingWords>(receive(channel, words_bytes_max, deadline));
            if (greeting.meeting == meeting_.name) return channel;
            last_ =
                fmt::format("{}: there is {}", channel.stream().peer(), excerpt(greeting.meeting));
        } catch (const Error& error) {
            // The list may be elsewhere, or be opened there in a moment.
            last_ = error.what();
            if (error.code != ErrorCode::config) return std::nullopt;
            if (!strangers_until_)
                strangers_until_ = Deadline::after(meeting_.patience_with_strangers);
            stranger_ = error.what();
        }
        return std::nullopt;
    }

    // The kernel tells nobody when a port is opened.
    void pause(int round) {
        const int longest_ms = std::min(pause_min_ms << std::min(round, 8), pause_max_ms);
        const int pause_ms = std::uniform_int_distribution(longest_ms / 2, longest_ms)(random_);
        const int left_ms = deadline_.remaining_ms();
        (void)::poll(nullptr, 0, left_ms < 0 ? pause_ms : std::min(left_ms, pause_ms));
    }

    [[noreturn]] void fail_strange() const {
        fail(ErrorCode::config,
             "{}: task {} finds nobody with its own key; give all tasks the same one (IPC_KEY, or "
             "IPC_KEY_FILE, if they do not share home folders), or install libpmi0: {}",
             meeting_.name, meeting_.rank, stranger_);
    }
    [[noreturn]] void fail_late() const {
        if (strangers_until_) fail_strange();
        fail(ErrorCode::timeout,
             "{}: task {} has not found the task that keeps the list in time (ports {} of {}): {}",
             meeting_.name, meeting_.rank, fmt::join(meeting_.ports, ", "),
             fmt::join(meeting_.hosts, ", "), last_);
    }

    const Meeting& meeting_;
    Deadline deadline_;
    std::minstd_rand random_{std::random_device()()};
    std::string last_ = "time is over";
    std::string stranger_;
    std::optional<Deadline> strangers_until_;
};

// What the one who keeps the list answers to a card.
KeeperWords await_answer(Channel& channel, const Meeting& meeting, Deadline deadline) {
    const std::size_t bytes_max =
        static_cast<std::size_t>(meeting.size) * (card_bytes_max + words_bytes_max);
    try {
        // It has the same deadline, and then says who is missing.
        return decode_words<KeeperWords>(receive(channel, bytes_max, deadline.later(Seconds(1.0))));
    } catch (const Error& error) {
        if (error.code == ErrorCode::timeout)
            fail(ErrorCode::timeout, "{}: not all of its {} tasks have come in time", meeting.name,
                 meeting.size);
        if (error.code != ErrorCode::peer_lost) throw;
        throw Error(error.code, fmt::format("{}: the task that keeps the list has ended: {}",
                                            meeting.name, error.what()));
    }
}

std::vector<std::string> bring_card(const Meeting& meeting, const std::string& card,
                                    Deadline deadline) {
    Channel channel = Search(meeting, deadline).find();
    channel.send(encode_words(GuestWords{meeting.name, meeting.rank, meeting.size, card}));
    KeeperWords answer = await_answer(channel, meeting, deadline);
    if (!answer.refusal.empty()) throw Error(answer.code, answer.refusal);
    if (answer.cards.size() != static_cast<std::size_t>(meeting.size))
        fail(ErrorCode::protocol, "{}: {} cards for {} tasks", meeting.name, answer.cards.size(),
             meeting.size);
    return std::move(answer.cards);
}

class Rendezvous final : public Bootstrap {
  public:
    Rendezvous(Meeting meeting, Deadline deadline)
        : meeting_(std::move(meeting)), deadline_(deadline) {
        if (meeting_.keeps_list && meeting_.size > 1) listener_ = open_list(meeting_);
    }
    int rank() const override { return meeting_.rank; }
    int size() const override { return meeting_.size; }
    std::vector<std::string> exchange(const std::string& card) override {
        if (meeting_.size == 1) return {card};
        return meeting_.keeps_list ? keep_list(meeting_, std::move(listener_), card, deadline_)
                                   : bring_card(meeting_, card, deadline_);
    }

  private:
    Meeting meeting_;
    Deadline deadline_;
    UniqueFd listener_;
};

}  // namespace

std::unique_ptr<Bootstrap> open_rendezvous(Meeting meeting, Deadline deadline) {
    return std::make_unique<Rendezvous>(std::move(meeting), deadline);
}

}  // namespace ipcrun
