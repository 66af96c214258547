// SPDX-License-Identifier: Apache-2.0
// The client's part of an upgrade: one step after the other, in the thread that connects.
#include "base/fail.hpp"
#include "runtime/connection/pair_memory.hpp"
#include "runtime/connection/unix_channel.hpp"
#include "runtime/connection/upgrade.hpp"
#include "runtime/connection/upgrade_stream.hpp"

namespace ipcrun {

namespace {

// To reach the door: less than the server waits, so that there is time to stay on the socket.
constexpr Seconds door_patience{5.0};

// What the client has of a link before the server has said that it shall be that.
struct Half {
    std::shared_ptr<NodeMemory> memory;
    int rank = 1;
    std::unique_ptr<SideChannel> side;
    MemoryPlace place;
};

Half take_process_half(const Answer& answer, Neighbourhood::Impl& neighbourhood) {
    auto end = neighbourhood.take_end(answer.token);
    if (!end) fail(ErrorCode::timeout, "the server has given up");
    return {std::move(end->memory), end->rank, std::move(end->side), nullptr};
}

Half take_memory_half(const Answer& answer, const SecureStream& stream,
                      Neighbourhood::Impl& neighbourhood, Deadline deadline) {
    Half half;
    half.place = take_memory_place(neighbourhood);
    UniqueFd socket;
    try {
        socket = pass_door(answer.door, answer.ticket, stream.secret(), deadline);
    } catch (const Error& error) {
        fail(error.code, "the client cannot pass the server's door: {}", error.what());
    }
    auto side = std::make_unique<UnixChannel>(std::move(socket));
    half.memory = receive_pair_memory(*side, deadline);
    half.side = std::move(side);
    return half;
}

Half take_half(const Answer& answer, const SecureStream& stream, Neighbourhood::Impl& neighbourhood,
               Deadline deadline) {
    if (answer.kind == LinkKind::process) return take_process_half(answer, neighbourhood);
    return take_memory_half(answer, stream, neighbourhood,
                            Deadline::sooner(deadline, Deadline::after(door_patience)));
}

}  // namespace

Connection::Impl::Parts upgrade_as_client(SecureStream stream, LinkChoice choice,
                                          const std::shared_ptr<Neighbourhood>& neighbourhood,
                                          Deadline wanted) {
    const auto deadline = Deadline::sooner(wanted, Deadline::after(upgrade_patience));
    UpgradeReader reader;
    write_upgrade_message(stream, encode(introduce(neighbourhood->impl(), choice)), deadline);
    const Answer answer = decode_answer(reader.wait(stream, deadline));
    Connection::Impl::Parts parts;
    parts.neighbourhood = neighbourhood;
    parts.role = Role::client;
    parts.peer = describe_peer(stream, answer.pid, answer.host);
    parts.peer_host = peer_host_of(stream);
    parts.reason = answer.reason;
    if (answer.kind == LinkKind::socket) {
        keep_socket(parts, std::move(stream));
        return parts;
    }
    Half half;
    Outcome outcome;
    try {
        half = take_half(answer, stream, neighbourhood->impl(), deadline);
        outcome.has_end = true;
    } catch (const std::exception& error) {
        outcome.obstacle = error.what();
    }
    write_upgrade_message(stream, encode(outcome), deadline);
    const Verdict verdict = decode_verdict(reader.wait(stream, deadline));
    parts.reason = verdict.reason;
    if (verdict.kind == LinkKind::socket) {
        keep_socket(parts, std::move(stream));
        return parts;
    }
    if (!outcome.has_end || verdict.kind != answer.kind)
        fail(ErrorCode::protocol, "agree on a link: the server takes one that was not agreed on");
    parts.place = std::move(half.place);
    take_memory(parts, std::move(half.memory), half.rank, verdict.kind, std::move(half.side));
    return parts;
}

}  // namespace ipcrun
