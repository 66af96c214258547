// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/handshake.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "tests/stream/stream_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

const Key test_key = key_of_text("the key of the handshake's tests");

// Feeds what it wants of `bytes`, message by message; the rest.
Bytes feed(Handshake& handshake, Bytes bytes) {
    while (handshake.wants() != 0 && bytes.size() >= handshake.wants()) {
        const std::size_t size = handshake.wants();
        handshake.consume({bytes.data(), size});
        bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    }
    return bytes;
}

struct Ends {
    explicit Ends(bool client_encrypts = false, bool server_encrypts = false,
                  const Key& client_key = test_key, const Key& server_key = test_key,
                  std::string_view client_purpose = "ipc", std::string_view server_purpose = "ipc")
        : client(Role::client, client_key, client_encrypts, client_purpose),
          server(Role::server, server_key, server_encrypts, server_purpose) {}
    // Until nothing moves any more.
    void run() {
        for (;;) {
            const Bytes to_server = client.take_output();
            const Bytes to_client = (feed(server, to_server), server.take_output());
            if (to_server.empty() && to_client.empty()) return;
            (void)feed(client, to_client);
        }
    }
    Handshake client, server;
};

// What a correct client and server say to each other, in order.
struct Recorded {
    Bytes hello, answer, proof, verdict;
};
Recorded record() {
    Ends ends;
    Recorded said;
    said.hello = ends.client.take_output();
    (void)feed(ends.server, said.hello);
    said.answer = ends.server.take_output();
    (void)feed(ends.client, said.answer);
    said.proof = ends.client.take_output();
    (void)feed(ends.server, said.proof);
    said.verdict = ends.server.take_output();
    (void)feed(ends.client, said.verdict);
    CHECK(ends.client.wants() == 0);
    CHECK(ends.server.wants() == 0);
    return said;
}

}  // namespace

TEST_CASE("handshake: two with one key have keys in common that no other two have") {
    Ends ends, others;
    ends.run();
    others.run();
    const Session &client = ends.client.session(), &server = ends.server.session();
    CHECK(client.send_key.bytes == server.receive_key.bytes);
    CHECK(client.receive_key.bytes == server.send_key.bytes);
    CHECK(client.secret.bytes == server.secret.bytes);
    CHECK(client.send_key.bytes != client.receive_key.bytes);
    CHECK(client.send_key.bytes != client.secret.bytes);
    CHECK(client.secret.bytes != others.client.session().secret.bytes);
    CHECK(client.send_key.bytes != others.client.session().send_key.bytes);
}

TEST_CASE("handshake: it is encrypted when one of the two wishes so") {
    for (const bool client : {false, true})
        for (const bool server : {false, true}) {
            Ends ends(client, server);
            ends.run();
            CHECK(ends.client.session().is_encrypted == (client || server));
            CHECK(ends.server.session().is_encrypted == (client || server));
        }
}

TEST_CASE("handshake: another key is refused, and both sides learn why") {
    Ends ends(false, false, test_key, key_of_text("a key that is another"));
    (void)feed(ends.server, ends.client.take_output());
    (void)feed(ends.client, ends.server.take_output());
    const auto [code, text] = error_of([&] { (void)feed(ends.server, ends.client.take_output()); });
    CHECK(code == ErrorCode::config);
    CHECK(text == "another key");
    const auto [told_code, told] =
        error_of([&] { (void)feed(ends.client, ends.server.take_output()); });
    CHECK(told_code == ErrorCode::config);
    CHECK(told.find("IPC_KEY") != told.npos);
}

TEST_CASE("handshake: another purpose is as good as another key") {
    Ends ends(false, false, test_key, test_key, "ipc", "door");
    CHECK_THROWS_AS(ends.run(), Error);
}

TEST_CASE("handshake: another version is named by both") {
    for (const bool is_newer : {false, true}) {
        Handshake server(Role::server, test_key, false, "ipc");
        Handshake client(Role::client, test_key, false, "ipc");
        Bytes hello = client.take_output();
        hello[8] = is_newer ? 9 : 0;
        const auto [code, text] = error_of([&] { (void)feed(server, hello); });
        CHECK(code == ErrorCode::protocol);
        CHECK(text.find(is_newer ? "version 9, ours 1" : "version 0, ours 1") != text.npos);
        // What a server of another version says is as ours, but for its number.
        Bytes refusal = server.take_output();
        REQUIRE(refusal.size() >= client.wants());
        refusal[8] = 7;
        const auto [told_code, told] = error_of([&] { (void)feed(client, refusal); });
        CHECK(told_code == ErrorCode::protocol);
        CHECK(told.find("version 7, ours 1") != told.npos);
    }
}

TEST_CASE("handshake: a machine of another byte order is named") {
    Handshake server(Role::server, test_key, false, "ipc");
    Bytes hello = Handshake(Role::client, test_key, false, "ipc").take_output();
    std::reverse(hello.begin(), hello.begin() + 8);
    const auto [code, text] = error_of([&] { (void)feed(server, hello); });
    CHECK(code == ErrorCode::protocol);
    CHECK(text.find("byte order") != text.npos);
}

TEST_CASE("handshake: what was recorded lets nobody in") {
    const Recorded said = record();
    // A client played back: the hello is taken, for it may be anybody's; the proof is not.
    Handshake server(Role::server, test_key, false, "ipc");
    (void)feed(server, said.hello);
    CHECK(error_of([&] { (void)feed(server, said.proof); }).first == ErrorCode::config);
    // A server played back.
    Handshake client(Role::client, test_key, false, "ipc");
    (void)feed(client, said.answer);
    CHECK(error_of([&] { (void)feed(client, said.verdict); }).first == ErrorCode::config);
}

TEST_CASE("handshake: who gets back what it says itself is not taken in") {
    {
        Handshake client(Role::client, test_key, false, "ipc");
        const Bytes hello = client.take_output();
        CHECK_THROWS_AS(
            {
                (void)feed(client, hello);
                Bytes proof = client.take_output();
                proof.insert(proof.begin(), 0);  // "your proof is right", then its own
                (void)feed(client, proof);
            },
            Error);
        CHECK(client.wants() != 0);
    }
    // Of two connections, a stranger gives each what the other says.
    Handshake one(Role::server, test_key, false, "ipc"), two(Role::server, test_key, false, "ipc");
    const Bytes hello = Handshake(Role::client, test_key, false, "ipc").take_output();
    (void)feed(one, hello);
    const Bytes answer = one.take_output();
    CHECK_NOTHROW((void)feed(two, answer));
    CHECK_THROWS_AS((void)feed(two, Bytes(32, 0)), Error);
    CHECK(two.wants() != 0);
}

TEST_CASE("handshake: a changed bit anywhere keeps both from being done") {
    const Recorded good = record();
    const std::size_t bits[] = {good.hello.size() * 8, good.answer.size() * 8,
                                good.proof.size() * 8, good.verdict.size() * 8};
    for (std::size_t message = 0; message < 4; ++message)
        for (std::size_t bit = 0; bit < bits[message]; ++bit) {
            Ends ends;
            bool is_client_done = false, is_server_done = false;
            const auto change = [&](Bytes bytes, std::size_t number) {
                if (number == message)
                    bytes.at(bit / 8) ^= static_cast<std::uint8_t>(1u << bit % 8);
                return bytes;
            };
            try {
                (void)feed(ends.server, change(ends.client.take_output(), 0));
                (void)feed(ends.client, change(ends.server.take_output(), 1));
                (void)feed(ends.server, change(ends.client.take_output(), 2));
                is_server_done = ends.server.wants() == 0;
                (void)feed(ends.client, change(ends.server.take_output(), 3));
                is_client_done = ends.client.wants() == 0;
            } catch (const Error&) {
            }
            CAPTURE(message);
            CAPTURE(bit);
            // The server's last word is on its way when it is done.
            CHECK_FALSE(is_client_done);
            CHECK(is_server_done == (message == 3));
        }
}

TEST_CASE("handshake: a public key that makes every secret zero is refused") {
    Handshake server(Role::server, test_key, false, "ipc");
    Bytes hello = Handshake(Role::client, test_key, false, "ipc").take_output();
    std::fill(hello.end() - 32, hello.end(), 0);
    CHECK(error_of([&] { (void)feed(server, hello); }).first == ErrorCode::protocol);
}

TEST_CASE("handshake: garbage is refused at its first bytes, without an answer") {
    for (const Role role : {Role::client, Role::server}) {
        Handshake handshake(role, test_key, false, "ipc");
        (void)handshake.take_output();
        const std::string_view http = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
        CHECK(error_of([&] { (void)feed(handshake, Bytes(http.begin(), http.end())); }).first ==
              ErrorCode::protocol);
        CHECK(handshake.take_output().empty());
    }
}

TEST_CASE("handshake: no text of an error has the key or a proof in it") {
    Ends ends(false, false, key_of_text("SECRETSECRETSECRET"), key_of_text("OTHEROTHEROTHER!"));
    const auto [code, text] = error_of([&] { ends.run(); });
    CHECK(code == ErrorCode::config);
    CHECK(text.find("SECRET") == text.npos);
    CHECK(text.find("OTHER") == text.npos);
}

TEST_CASE("handshake: an exchange that is cut off anywhere is an error of both, and no hang") {
    const Recorded said = record();
    const std::size_t total = said.hello.size() + said.proof.size();
    for (std::size_t cut = 0; cut < total; ++cut) {
        auto sockets = create_socket_pair(SocketKind::stream);
        const DialOptions options{.key = test_key};
        // The bytes are right in number only where a proof begins.
        Bytes bytes = said.hello;
        bytes.insert(bytes.end(), said.proof.begin(), said.proof.end());
        CHECK(::write(sockets.first.get(), bytes.data(), cut) == static_cast<ssize_t>(cut));
        sockets.first.reset();
        const auto [code, text] = error_of([&] {
            (void)shake_hands(std::move(sockets.second), Role::server, options, "it", soon());
        });
        CAPTURE(cut);
        CHECK(code == ErrorCode::peer_lost);
        CHECK(text.starts_with("it: "));
    }
    const std::size_t answered = said.answer.size() + said.verdict.size();
    for (std::size_t cut = 0; cut < answered; ++cut) {
        auto sockets = create_socket_pair(SocketKind::stream);
        Bytes bytes = said.answer;
        bytes.insert(bytes.end(), said.verdict.begin(), said.verdict.end());
        CHECK(::write(sockets.first.get(), bytes.data(), cut) == static_cast<ssize_t>(cut));
        REQUIRE(::shutdown(sockets.first.get(), SHUT_WR) == 0);
        CHECK(error_of([&] {
                  (void)shake_hands(std::move(sockets.second), Role::client, {.key = test_key},
                                    "it", soon());
              }).first == ErrorCode::peer_lost);
    }
}
