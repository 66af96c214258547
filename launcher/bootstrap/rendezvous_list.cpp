// SPDX-License-Identifier: Apache-2.0
#include "launcher/bootstrap/rendezvous_list.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "base/event_loop.hpp"
#include "base/stream_socket.hpp"
#include "base/text.hpp"
#include "launcher/bootstrap/channel.hpp"
#include "launcher/bootstrap/rendezvous_words.hpp"
#include "launcher/bootstrap/terms.hpp"
#include "runtime/stream/acceptor.hpp"

namespace ipcrun {

namespace {

// All tasks of a step come at once.
constexpr std::size_t handshakes_max = 512;

AcceptorOptions options_for(const Meeting& meeting) {
    AcceptorOptions options;
    options.key = meeting.key;
    options.encrypt = true;
    options.purpose = rendezvous_purpose;
    options.handshakes_max = handshakes_max;
    return options;
}

// One connection for each of the others.
void allow_descriptors(const Meeting& meeting) {
    constexpr rlim_t others = 64;
    const rlim_t needed = static_cast<rlim_t>(meeting.size) + others;
    rlimit limit = {};
    check_syscall(::getrlimit(RLIMIT_NOFILE, &limit), "ask for the limit of open files");
    if (limit.rlim_cur >= needed) return;
    if (limit.rlim_max < needed)
        fail(ErrorCode::config,
             "{}: {} tasks need as many open files, and {} are allowed; raise the limit (ulimit "
             "-n), or install libpmi0",
             meeting.name, meeting.size, limit.rlim_max);
    limit.rlim_cur = needed;
    check_syscall(::setrlimit(RLIMIT_NOFILE, &limit), "raise the limit of open files");
}

class List {
  public:
    List(const Meeting& meeting, UniqueFd listener, const std::string& card)
        : meeting_(meeting), cards_(static_cast<std::size_t>(meeting.size)) {
        cards_[static_cast<std::size_t>(meeting.rank)] = card;
        acceptor_.emplace(loop_, std::move(listener), options_for(meeting),
                          [this](SecureStream stream) { greet(std::move(stream)); });
    }

    std::vector<std::string> keep(Deadline deadline) {
        Timer end;
        if (const auto left = deadline.remaining())
            end = loop_.after(std::chrono::ceil<std::chrono::milliseconds>(*left),
                              [this] { give_up(); });
        finish_if_all_are_here();
        if (!is_done_) loop_.run();
        std::vector<std::string> cards;
        for (auto& card : cards_) cards.push_back(*std::move(card));
        return cards;
    }

  private:
    // Ends the meeting; other errors are of one guest.
    struct Refused : Error {
        using Error::Error;
    };

    struct Guest {
        explicit Guest(SecureStream stream) : channel(std::move(stream)) {}
        Channel channel;
        int rank = -1;  // not before it has said so
        FdWatch watch = {};
    };

    void greet(SecureStream stream) {
        const int id = ++last_id_;
        Guest& guest = guests_.try_emplace(id, std::move(stream)).first->second;
        guest.watch = loop_.on_readable(guest.channel.stream().fd(), [this, id] { serve(id); });
        try {
            guest.channel.send(encode_words(MeetingWords{meeting_.name}));
        } catch (const Error&) {
            guests_.erase(id);  // it has gone again, before it said who it is
        }
    }

    void serve(int id) {
        const auto place = guests_.find(id);
        if (place == guests_.end()) return;
        try {
            if (are_sent_)
                see_off(id);
            else
                listen_to(id);
        } catch (const Refused&) {
            throw;
        } catch (const Error&) {
            const int rank = place->second.rank;
            guests_.erase(place);
            // Once it has all cards it is free to go.
            if (are_sent_) return finish_if_all_have_gone();
            // One of another meeting goes when it is greeted.
            if (rank < 0) return;
            refuse_all(fmt::format("{}: task {} has ended before all {} had come", meeting_.name,
                                   rank, meeting_.size),
                       ErrorCode::peer_lost);
        }
    }

    void listen_to(int id) {
        Guest& guest = guests_.at(id);
        if (guest.channel.has_unsent()) guest.channel.flush();
        while (const auto bytes = guest.channel.receive(card_bytes_max + words_bytes_max))
            register_guest(guest, decode_words<GuestWords>(*bytes));
        loop_.set_interest(guest.watch, true, guest.channel.has_unsent());
        finish_if_all_are_here();
    }

    void register_guest(Guest& guest, GuestWords arrival) {
        if (arrival.meeting != meeting_.name || guest.rank >= 0)
            fail(ErrorCode::protocol, "an arrival out of turn");
        const auto rank = static_cast<std::size_t>(arrival.rank);
        if (arrival.size != meeting_.size || arrival.rank < 0 || rank >= cards_.size())
            refuse_all(
                fmt::format("{}: one of its tasks says that it is task {} of {}, another "
                            "one that they are {}",
                            meeting_.name, arrival.rank, arrival.size, meeting_.size));
        if (cards_[rank])
            refuse_all(
                fmt::format("{}: two processes say that they are its task {}; each task "
                            "may start ipcrun once at a time",
                            meeting_.name, arrival.rank));
        guest.rank = arrival.rank;
        cards_[rank] = std::move(arrival.card);
    }

    void finish_if_all_are_here() {
        if (are_sent_ || !std::all_of(cards_.begin(), cards_.end(),
                                      [](const auto& card) { return card.has_value(); }))
            return;
        // Whoever comes now belongs to the next meeting of this step.
        acceptor_.reset();
        are_sent_ = true;
        KeeperWords answer;
        for (const auto& card : cards_) answer.cards.push_back(*card);
        const Bytes bytes = encode_words(answer);
        std::vector<int> ids;
        for (const auto& [id, guest] : guests_) ids.push_back(id);
        for (const int id : ids) {
            Guest& guest = guests_.at(id);
            if (guest.rank < 0) {
                guests_.erase(id);
                continue;
            }
            try {
                guest.channel.send(bytes);
                loop_.set_interest(guest.watch, !guest.channel.has_unsent(),
                                   guest.channel.has_unsent());
            } catch (const Error&) {
                guests_.erase(id);  // it says itself why it has gone
            }
        }
        finish_if_all_have_gone();
    }

    // Each goes when it has the cards: then they are not in the kernel of this host any more.
    void see_off(int id) {
        Guest& guest = guests_.at(id);
        if (guest.channel.has_unsent()) {
            guest.channel.flush();
            return loop_.set_interest(guest.watch, !guest.channel.has_unsent(),
                                      guest.channel.has_unsent());
        }
        (void)guest.channel.receive(words_bytes_max);  // throws at its end
    }

    void finish_if_all_have_gone() {
        if (!guests_.empty()) return;
        is_done_ = true;
        loop_.stop();
    }

    [[noreturn]] void refuse_all(const std::string& text, ErrorCode code = ErrorCode::mismatch) {
        const Bytes bytes = encode_words(KeeperWords{code, text, {}});
        for (auto& [id, guest] : guests_) {
            try {
                guest.channel.send(bytes);
            } catch (const Error&) {
                // It has gone, and learns of it by the end of the connection.
            }
        }
        throw Refused(code, text);
    }

    void give_up() {
        if (are_sent_)
            fail(ErrorCode::timeout, "{}: {} of its {} tasks have not taken the cards in time",
                 meeting_.name, guests_.size(), meeting_.size);
        std::vector<int> missing;
        for (int rank = 0; rank < meeting_.size; ++rank)
            if (!cards_[static_cast<std::size_t>(rank)]) missing.push_back(rank);
        const Refusals refusals = acceptor_->refusals();
        refuse_all(
            fmt::format("{}: only {} of its {} tasks have come in time, not {}; {}{}",
                        meeting_.name, meeting_.size - static_cast<int>(missing.size()),
                        meeting_.size, excerpt(format_list(missing)), Terms::advice,
                        refusals.count == 0 ? "" : fmt::format(" (not let in: {})", refusals.last)),
            ErrorCode::timeout);
    }

    const Meeting& meeting_;
    std::vector<std::optional<std::string>> cards_;
    EventLoop loop_;
    std::map<int, Guest> guests_;
    int last_id_ = 0;
    bool are_sent_ = false, is_done_ = false;
    std::optional<Acceptor> acceptor_;
};

}  // namespace

UniqueFd open_list(const Meeting& meeting) {
    allow_descriptors(meeting);
    const std::string host = meeting.hosts.empty() ? "" : meeting.hosts.front();
    for (const std::uint16_t port : meeting.ports) {
        try {
            return listen_at({.host = host, .port = port});
        } catch (const Error& error) {
            if (error.system_errno != EADDRINUSE) throw;
        }
    }
    fail(ErrorCode::config, "{}: each of the ports {} of this host is taken", meeting.name,
         fmt::join(meeting.ports, ", "));
}

std::vector<std::string> keep_list(const Meeting& meeting, UniqueFd listener,
                                   const std::string& card, Deadline deadline) {
    return List(meeting, std::move(listener), card).keep(deadline);
}

}  // namespace ipcrun
