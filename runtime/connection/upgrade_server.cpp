// SPDX-License-Identifier: Apache-2.0
// The server's part of an upgrade: steps that are taken when something has come.
#include "base/fail.hpp"
#include "runtime/connection/pair_memory.hpp"
#include "runtime/connection/unix_channel.hpp"
#include "runtime/connection/upgrade.hpp"
#include "runtime/connection/upgrade_stream.hpp"

namespace ipcrun {

namespace {

// Why the two ends have to stay on the socket, as far as can be seen from the start; empty: they
// need not.
std::string reason_for_socket(const Introduction& client, const Introduction& own) {
    if (own.choice == LinkChoice::socket) return "the server wants sockets";
    if (client.choice == LinkChoice::socket) return "the client wants a socket";
    if (client.boot_id.empty() || client.boot_id != own.boot_id)
        return "the two ends are on different hosts";
    if (client.uid != own.uid)
        return fmt::format("the two ends belong to different users (uid {} and {})", own.uid,
                           client.uid);
    return "";
}

LinkKind choose(const Introduction& client, const Introduction& own) {
    const bool has_pointers =
        own.choice == LinkChoice::fastest && client.choice == LinkChoice::fastest;
    return has_pointers && client.neighbourhood == own.neighbourhood ? LinkKind::process
                                                                     : LinkKind::memory;
}

std::string_view reason_for(LinkKind kind) {
    return kind == LinkKind::process ? "both ends are in one process"
                                     : "both ends are on one host, and the client has passed the "
                                       "server's door";
}

}  // namespace

struct ServerUpgrade::Impl {
    Impl(SecureStream secured, LinkChoice wanted, const std::shared_ptr<Neighbourhood>& shared,
         std::function<void(Result)> done)
        : stream(std::move(secured)),
          neighbourhood(shared->impl()),
          choice(wanted),
          on_done(std::move(done)) {
        parts.neighbourhood = shared;
        parts.role = Role::server;
        parts.peer = stream.peer();
        parts.peer_host = peer_host_of(stream);
        EventLoop& loop = neighbourhood.thread().loop();
        patience = loop.after(upgrade_patience, [this] {
            finish({std::nullopt, fmt::format("{}: it did not finish within {} s", parts.peer,
                                              upgrade_patience.count() / 1'000)});
        });
        watch = loop.on_readable(stream.fd(), [this] { advance(); });
    }
    ~Impl() { forget_offer(); }

    void advance();
    void take(const Bytes& message);
    void answer(const Introduction& client);
    void offer(Answer& answer);
    void welcome(UniqueFd socket);
    void decide(const Outcome& outcome);
    void forget_offer();
    void finish(Result result);

    SecureStream stream;
    Neighbourhood::Impl& neighbourhood;
    LinkChoice choice;
    std::function<void(Result)> on_done;
    FdWatch watch;
    Timer patience;
    UpgradeReader reader;
    Connection::Impl::Parts parts;
    // What was offered, and what is this end of it; without memory, or after an obstacle, it will
    // be a socket.
    LinkKind offered = LinkKind::socket;
    std::uint64_t token = 0;
    Ticket ticket{};
    std::shared_ptr<NodeMemory> memory;
    std::unique_ptr<SideChannel> side;
    std::string obstacle;
    bool has_answered = false;
};

void ServerUpgrade::Impl::advance() {
    try {
        // One at a time: the last of them ends this object.
        if (const auto message = reader.read(stream)) take(*message);
    } catch (const std::exception& error) {
        finish({std::nullopt, fmt::format("{}: {}", parts.peer, error.what())});
    }
}

void ServerUpgrade::Impl::take(const Bytes& message) {
    if (!has_answered) {
        answer(decode_introduction(message));
    } else {
        decide(decode_outcome(message));
    }
}

void ServerUpgrade::Impl::answer(const Introduction& client) {
    const Introduction own = introduce(neighbourhood, choice);
    parts.peer = describe_peer(stream, client.pid, client.host);
    Answer answer;
    answer.pid = own.pid;
    answer.host = own.host;
    answer.reason = reason_for_socket(client, own);
    if (answer.reason.empty()) {
        try {
            offered = choose(client, own);
            offer(answer);
        } catch (const std::exception& error) {
            offered = LinkKind::socket;
            parts.place.reset();
            answer.reason = fmt::format("the server has no memory to share: {}", error.what());
        }
    }
    answer.kind = offered;
    has_answered = true;
    write_upgrade_message(stream, encode(answer), Deadline::after(Seconds(0)));
    if (offered != LinkKind::socket) return;
    parts.reason = answer.reason;
    watch.reset();
    keep_socket(parts, std::move(stream));
    finish({std::move(parts), ""});
}

void ServerUpgrade::Impl::offer(Answer& answer) {
    parts.place = take_memory_place(neighbourhood);
    if (offered == LinkKind::process) {
        auto sides = ProcessChannel::create();
        memory = create_pair_memory(neighbourhood, parts.place);
        side = std::move(sides.first);
        answer.token = token = neighbourhood.leave_end({memory, 1, std::move(sides.second)});
        return;
    }
    Door& door = neighbourhood.door();
    answer.door = door.name();
    answer.ticket = ticket =
        door.expect(stream.secret(), [this](UniqueFd socket) { welcome(std::move(socket)); });
}

// The client has come to the door. What goes wrong here it finds out by the end of that socket.
void ServerUpgrade::Impl::welcome(UniqueFd socket) {
    try {
        auto channel = std::make_unique<UnixChannel>(std::move(socket));
        memory = send_pair_memory(neighbourhood, parts.place, *channel);
        side = std::move(channel);
    } catch (const std::exception& error) {
        obstacle = fmt::format("the server has no memory to share: {}", error.what());
    }
}

void ServerUpgrade::Impl::decide(const Outcome& outcome) {
    if (obstacle.empty() && !outcome.has_end) obstacle = outcome.obstacle;
    if (obstacle.empty() && memory == nullptr) obstacle = "the client has not come to the door";
    Verdict verdict{offered, std::string(reason_for(offered))};
    if (!obstacle.empty()) verdict = {LinkKind::socket, obstacle};
    write_upgrade_message(stream, encode(verdict), Deadline::after(Seconds(0)));
    parts.reason = verdict.reason;
    watch.reset();
    if (verdict.kind == LinkKind::socket) {
        parts.place.reset();
        keep_socket(parts, std::move(stream));
    } else {
        take_memory(parts, std::move(memory), 0, verdict.kind, std::move(side));
    }
    finish({std::move(parts), ""});
}

void ServerUpgrade::Impl::forget_offer() {
    if (offered == LinkKind::process) (void)neighbourhood.take_end(token);
    if (offered == LinkKind::memory) neighbourhood.door().forget(ticket);
}

// The last thing that it does.
void ServerUpgrade::Impl::finish(Result result) {
    watch.reset();
    patience.reset();
    const auto done = std::exchange(on_done, nullptr);
    if (done) done(std::move(result));
}

ServerUpgrade::ServerUpgrade(SecureStream stream, LinkChoice choice,
                             const std::shared_ptr<Neighbourhood>& neighbourhood,
                             std::function<void(Result)> on_done)
    : impl_(std::make_unique<Impl>(std::move(stream), choice, neighbourhood, std::move(on_done))) {}

ServerUpgrade::~ServerUpgrade() = default;

}  // namespace ipcrun
