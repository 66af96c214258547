// SPDX-License-Identifier: Apache-2.0
// Clients that have the key and do not keep to the upgrade: the server loses nothing but them.
#include <functional>

#include "runtime/connection/pair_memory.hpp"
#include "runtime/connection/socket_link.hpp"
#include "runtime/connection/upgrade.hpp"
#include "runtime/connection/upgrade_stream.hpp"
#include "runtime/stream/dial.hpp"
#include "tests/connection/connected.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

// A client's upgrade by hand: as far as a test goes.
struct HandClient {
    explicit HandClient(TestServer& server)
        : stream(dial(server.server->address(), {.key = test_key()}, soon())) {}

    void write(const Bytes& message) { write_upgrade_message(stream, message, soon()); }
    Answer introduce_as(const Introduction& introduction) {
        write(encode(introduction));
        return decode_answer(reader.wait(stream, soon()));
    }
    Answer introduce_truly() { return introduce_as(truth()); }
    Introduction truth() { return introduce(neighbourhood->impl(), LinkChoice::fastest); }
    Verdict report(const Outcome& outcome) {
        write(encode(outcome));
        return decode_verdict(reader.wait(stream, soon()));
    }
    UniqueFd pass(const Answer& answer) {
        return pass_door(answer.door, answer.ticket, stream.secret(), soon());
    }
    void expect_end() {
        CHECK(error_of([&] { (void)reader.wait(stream, soon()); }).code == ErrorCode::peer_lost);
    }

    std::shared_ptr<Neighbourhood> neighbourhood = Neighbourhood::create();
    SecureStream stream;
    UpgradeReader reader;
};

// The server works on; the next client has memory.
void check_unharmed(TestServer& server) {
    const auto client = server.client(Neighbourhood::create());
    CHECK(client->link() == LinkKind::memory);
    REQUIRE(server.server->wait_for(1, soon()) >= 1);
    check_talk(*client, *server.server->connections().back());
}

}  // namespace

TEST_CASE("hostile clients: one that ends after any step costs nothing but its connection") {
    using Step = std::function<void(HandClient&)>;
    const std::vector<Step> steps = {
        [](HandClient&) {},
        [](HandClient& client) {
            const std::uint8_t half[] = {9, 0};  // of a length
            const iovec data{const_cast<std::uint8_t*>(half), sizeof half};
            CHECK(client.stream.try_write({&data, 1}) == sizeof half);
        },
        [](HandClient& client) { (void)client.introduce_truly(); },
        [](HandClient& client) { (void)client.pass(client.introduce_truly()); },
        [](HandClient& client) {
            UnixChannel channel(client.pass(client.introduce_truly()));
            (void)receive_pair_memory(channel, soon());
        },
    };
    TestServer server;
    for (const Step& step : steps) {
        {
            HandClient client(server);
            step(client);
        }
        check_unharmed(server);
    }
    const auto is_told = [&] { return has(server.server->describe_refusals(), "5 connections"); };
    const auto deadline = soon();
    while (!is_told() && !deadline.has_passed()) (void)server.server->wait_for(99, at_once());
    CHECK(is_told());
}

TEST_CASE("hostile clients: one that stands still after any step keeps nobody waiting") {
    TestServer server;
    HandClient silent(server);
    HandClient introduced(server);
    (void)introduced.introduce_truly();
    HandClient arrived(server);
    const UniqueFd socket = arrived.pass(arrived.introduce_truly());
    check_unharmed(server);
}

TEST_CASE("hostile clients: garbage ends the connection") {
    TestServer server;
    {
        HandClient client(server);
        client.write(Bytes(100, 0xff));
        client.expect_end();
    }
    {
        HandClient client(server);
        client.write(Bytes(upgrade_message_bytes_max + 1, 'I'));
        client.expect_end();
    }
    {
        HandClient client(server);
        (void)client.introduce_truly();
        client.write(encode(client.truth()));  // not what is due
        client.expect_end();
    }
    check_unharmed(server);
    CHECK(has(server.server->describe_refusals(), "3 connections were refused"));
}

TEST_CASE("hostile clients: one that cannot reach the door talks by socket") {
    TestServer server;
    HandClient client(server);
    CHECK(client.introduce_truly().kind == LinkKind::memory);
    const Verdict verdict = client.report({false, "no door\nhere"});
    CHECK(verdict.kind == LinkKind::socket);
    CHECK(verdict.reason == "no door?here");
    const auto other = server.only();
    CHECK(other->link() == LinkKind::socket);
    CHECK(other->link_reason() == verdict.reason);
    SocketLink link(std::move(client.stream));
    std::string text = "hello";
    const Part part{.data = text.data(), .count = text.size(), .dtype = Dtype::u8};
    link.send({}, {&part, 1}, 0, soon());
    CHECK(receive_text(*other) == "hello");
}

TEST_CASE(
    "hostile clients: one that claims to have memory that it was not given stays on its socket") {
    TestServer server;
    HandClient client(server);
    (void)client.introduce_truly();
    const Verdict verdict = client.report({true, ""});
    CHECK(verdict.kind == LinkKind::socket);
    CHECK(has(verdict.reason, "has not come to the door"));
}

TEST_CASE("hostile clients: another host, another user and no kernel at all are sockets") {
    TestServer server;
    const auto answer_to = [&](const auto& change) {
        HandClient client(server);
        Introduction introduction = client.truth();
        change(introduction);
        const Answer answer = client.introduce_as(introduction);
        CHECK(answer.kind == LinkKind::socket);
        CHECK(answer.door.empty());
        return answer.reason;
    };
    CHECK(has(answer_to([](Introduction& it) { it.boot_id = "another"; }), "different hosts"));
    CHECK(has(answer_to([](Introduction& it) { it.boot_id.clear(); }), "different hosts"));
    CHECK(has(answer_to([](Introduction& it) { it.uid += 1; }), "different users"));
}

TEST_CASE("hostile clients: the token of another's end opens nothing") {
    TestServer server;
    HandClient client(server);
    Introduction introduction = client.truth();
    introduction.neighbourhood = server.neighbourhood->impl().id;
    const Answer answer = client.introduce_as(introduction);
    CHECK(answer.kind == LinkKind::process);
    CHECK(!server.neighbourhood->impl().take_end(answer.token + 1));
    // Its own is gone with its connection.
    client.stream = dial(server.server->address(), {.key = test_key()}, soon());
    check_unharmed(server);
    const auto deadline = soon();
    while (!has(server.server->describe_refusals(), "1 connection") && !deadline.has_passed()) {
    }
    CHECK(!server.neighbourhood->impl().take_end(answer.token));
}
