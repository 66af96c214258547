// SPDX-License-Identifier: Apache-2.0
#include "tests/connection/programs/struck.hpp"

#include <signal.h>

#include "base/socket.hpp"
#include "base/stream_socket.hpp"
#include "runtime/connection/pair_memory.hpp"
#include "runtime/connection/upgrade.hpp"
#include "runtime/connection/upgrade_stream.hpp"
#include "runtime/stream/handshake_socket.hpp"
#include "tests/connection/talk.hpp"

namespace ipcrun::testing {

int strike_at(const Address& address, int step, int signal_number) {
    int at = 0;
    const auto reach = [&] {
        if (at++ == step) (void)::raise(signal_number);
    };
    UniqueFd socket = connect_to(address, soon());
    reach();
    HandshakeSocket handshake(std::move(socket), Role::client, test_key(), false, "ipc", "server");
    auto state = handshake.advance();
    reach();
    for (; state != HandshakeSocket::State::done; state = handshake.advance())
        (void)wait_readable(handshake.fd(), soon());
    SecureStream stream = handshake.take_stream();
    reach();
    const auto neighbourhood = Neighbourhood::create();
    UpgradeReader reader;
    write_upgrade_message(stream, encode(introduce(neighbourhood->impl(), LinkChoice::memory)),
                          soon());
    reach();
    const Answer answer = decode_answer(reader.wait(stream, soon()));
    reach();
    UnixChannel channel(pass_door(answer.door, answer.ticket, stream.secret(), soon()));
    reach();
    const auto memory = receive_pair_memory(channel, soon());
    reach();
    write_upgrade_message(stream, encode(Outcome{true, ""}), soon());
    reach();
    (void)decode_verdict(reader.wait(stream, soon()));
    reach();
    return 1;
}

}  // namespace ipcrun::testing
