// SPDX-License-Identifier: Apache-2.0
// What goes wrong on the way between a client and a server, at every step of the handshake, of the
// upgrade and of a message: both sides learn it in time, the server serves others, nothing is left.
#include <poll.h>
#include <sys/socket.h>

#include <future>
#include <map>

#include "base/stream_socket.hpp"
#include "runtime/connection/upgrade.hpp"
#include "runtime/connection/upgrade_stream.hpp"
#include "runtime/stream/dial.hpp"
#include "tests/connection/census.hpp"
#include "tests/connection/connected.hpp"
#include "tests/connection/meddler.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

// The thread sanitizer takes ten times as long.
#ifdef __SANITIZE_THREAD__
constexpr std::size_t stride = 13;
#else
constexpr std::size_t stride = 1;
#endif

constexpr int handshake_steps = 2;
constexpr Way both_ways[] = {Way::to_server, Way::to_client};
constexpr LinkChoice choices[] = {LinkChoice::memory, LinkChoice::socket};

std::shared_ptr<Connection> connect_by(const Meddler& way, LinkChoice choice, Deadline deadline,
                                       bool encrypt = false) {
    return Connection::connect(way.address(), test_key(), encrypt, choice, Neighbourhood::create(),
                               deadline);
}

bool has_message(Connection& connection) {
    bool has = false;
    // Those that have ended are of no interest.
    (void)error_of([&] { has = connection.wait(0, at_once()).has_value(); });
    return has;
}

// Empty where its sender went in the middle of it.
std::string word_of(Connection& connection) {
    std::string word;
    (void)error_of([&] { word = receive_text(connection); });
    return word;
}

// Somebody else comes, talks and goes.
void check_serves(TestServer& server) {
    const auto client = server.client(Neighbourhood::create());
    send_text(*client, "honest");
    const auto deadline = soon();
    for (;;) {
        for (const auto& each : server.server->connections())
            if (has_message(*each) && word_of(*each) == "honest") return;
        REQUIRE(!deadline.has_passed());
    }
}

void wait_until_empty(TestServer& server) {
    const auto deadline = soon();
    while (!server.server->connections().empty() && !deadline.has_passed())
        for (const auto& each : server.server->connections())
            if (has_message(*each)) (void)word_of(*each);
    CHECK(server.server->connections().empty());
}

struct Course {
    std::map<Way, Bytes> passed;
    std::map<Way, std::vector<std::size_t>> steps;  // without the word
};

// An exchange that nobody disturbs; with a word in the end, where it goes by the socket.
Course watch_course(TestServer& server, LinkChoice choice) {
    Meddler watching(server.server->address(), {});
    Course course;
    {
        const auto client = connect_by(watching, choice, soon());
        for (const Way way : both_ways) course.steps[way] = watching.steps(way);
        course.passed[Way::to_client] = watching.passed(Way::to_client);
        send_text(*client, "a word");
        CHECK(receive_text(*server.only()) == "a word");
        course.passed[Way::to_server] = watching.passed(Way::to_server);
    }
    wait_until_empty(server);
    return course;
}

// Before each message, and in the middle of it.
std::vector<std::size_t> places_of(const std::vector<std::size_t>& steps) {
    std::vector<std::size_t> places;
    std::size_t begin = 0;
    for (const std::size_t end : steps) {
        places.insert(places.end(), {begin, begin + (end - begin) / 2});
        begin = end;
    }
    return places;
}

}  // namespace

namespace {

// The handshake at each of its messages (at every byte: see its own tests), and the rest by bytes.
std::vector<std::size_t> cuts_of(const Course& course, Way way) {
    const auto& steps = course.steps.at(way);
    std::vector<std::size_t> cuts = places_of({steps.begin(), steps.begin() + handshake_steps});
    for (std::size_t at = steps.at(handshake_steps - 1); at < course.passed.at(way).size();
         at += stride)
        cuts.push_back(at);
    return cuts;
}

}  // namespace

TEST_CASE("wire faults: a connection that is cut at any byte is an error of both, at once") {
    TestServer server;
    for (const LinkChoice choice : choices) {
        const Course course = watch_course(server, choice);
        check_serves(server);
        wait_until_empty(server);
        const Census before = Census::take();
        for (const Way way : both_ways) {
            for (const std::size_t at : cuts_of(course, way)) {
                CAPTURE(at);
                const Meddler meddler(server.server->address(), {Meddling::cut, way, at});
                // Whose handshake ends tries again.
                const bool is_handshake = at <= course.steps.at(way).at(handshake_steps - 1);
                const auto deadline = is_handshake ? Deadline::after(Seconds(0.1)) : soon();
                const auto begun = Clock::now();
                const Error error = error_of([&] {
                    const auto client = connect_by(meddler, choice, deadline);
                    // Of a socket the message is cut, or what is said about it; memory is there
                    // for whom the last word reached.
                    send_text(*client, "a word");
                    (void)receive_text(*client);
                });
                CAPTURE(std::string(error.what()));
                // Time may be over in the middle of another attempt, too.
                CHECK((error.code == ErrorCode::peer_lost ||
                       (is_handshake && error.code == ErrorCode::timeout)));
                CHECK(has(error.what(), "server 127.0.0.1:"));
                if (error.code == ErrorCode::peer_lost &&
                    at + 1 < course.steps.at(way).at(handshake_steps - 1))
                    CHECK(has(error.what(), "in the middle of a handshake"));
                CHECK(Clock::now() - begun < Seconds(5));
            }
        }
        wait_until_empty(server);
        CHECK(before.wait_for_it(soon()) <= before);
    }
    check_serves(server);
}

TEST_CASE("wire faults: who is held up at any step keeps nobody waiting, and times out") {
    TestServer server;
    std::vector<std::unique_ptr<Meddler>> meddlers;
    std::vector<std::pair<LinkChoice, const Meddler*>> held;
    for (const LinkChoice choice : choices) {
        const Course course = watch_course(server, choice);
        for (const Way way : both_ways)
            for (const std::size_t at : places_of(course.steps.at(way))) {
                meddlers.push_back(std::make_unique<Meddler>(
                    server.server->address(), MeddlingPlan{Meddling::hold, way, at}));
                held.emplace_back(choice, meddlers.back().get());
            }
    }
    CHECK(held.size() >= 20);
    std::vector<std::future<Error>> errors;
    for (const auto& [choice, meddler] : held)
        errors.push_back(std::async(std::launch::async, [choice = choice, meddler = meddler] {
            return error_of(
                [&] { (void)connect_by(*meddler, choice, Deadline::after(Seconds(1))); });
        }));
    check_serves(server);
    for (auto& each : errors) {
        REQUIRE(each.wait_for(patience) == std::future_status::ready);
        const Error error = each.get();
        CAPTURE(std::string(error.what()));
        CHECK(error.code == ErrorCode::timeout);
        CHECK(has(error.what(), "server 127.0.0.1:"));
        CHECK((has(error.what(), "it has taken the connection") ||
               has(error.what(), "agree on a link")));
    }
    check_serves(server);
    meddlers.clear();
    wait_until_empty(server);
}

TEST_CASE("wire faults: bytes that come one by one, every 10 ms, make a connection all the same") {
    TestServer server;
    std::vector<std::future<void>> clients;
    for (const LinkChoice choice : choices)
        clients.push_back(std::async(std::launch::async, [&server, choice] {
            const Meddler slow(server.server->address(), {Meddling::drip});
            const auto client = connect_by(slow, choice, soon());
            send_text(*client, "slowly");
            CHECK(receive_text(*client) == "slowly");
        }));
    REQUIRE(server.server->wait_for(clients.size(), soon()) == clients.size());
    for (const auto& each : server.server->connections()) send_text(*each, receive_text(*each));
    for (auto& each : clients) each.get();
}

TEST_CASE("wire faults: a changed byte of an upgrade ends it in time, or does not matter") {
    TestServer server;
    const Course course = watch_course(server, LinkChoice::memory);
    std::vector<std::future<Error>> errors;
    for (const Way way : both_ways) {
        const auto& steps = course.steps.at(way);
        // Of the handshake: see there.
        for (std::size_t at = steps.at(handshake_steps - 1); at < steps.back(); at += 3)
            errors.push_back(std::async(std::launch::async, [&server, way, at] {
                const Meddler meddler(server.server->address(), {Meddling::change, way, at});
                return error_of([&] {
                    (void)connect_by(meddler, LinkChoice::memory, Deadline::after(Seconds(1)));
                });
            }));
    }
    check_serves(server);
    std::size_t failures = 0;
    for (auto& each : errors) {
        REQUIRE(each.wait_for(patience) == std::future_status::ready);
        const Error error = each.get();
        CAPTURE(std::string(error.what()));
        CHECK((error.code == ErrorCode::internal || error.code == ErrorCode::timeout ||
               error.code == ErrorCode::protocol || error.code == ErrorCode::peer_lost));
        failures += error.code != ErrorCode::internal;
    }
    CHECK(failures > 0);
    check_serves(server);
    wait_until_empty(server);
}

TEST_CASE("wire faults: who brings no proof is refused, whatever it says, and others are served") {
    TestServer server;
    const Course course = watch_course(server, LinkChoice::socket);
    const Bytes& recorded = course.passed.at(Way::to_server);
    const auto text = [](std::string_view bytes) { return Bytes(bytes.begin(), bytes.end()); };
    Bytes other_version = recorded;
    other_version[8] ^= 0x40;
    Bytes garbled = recorded;
    std::fill(garbled.begin() + 100, garbled.end(), std::uint8_t{'x'});
    const std::pair<Bytes, const char*> strangers[] = {
        {text("GET / HTTP/1.1\r\nHost: x\r\n\r\n" + std::string(400, 'x')), "not"},
        {other_version, "version"},
        {recorded, "another key"},
        {garbled, "another key"},
    };
    check_serves(server);
    wait_until_empty(server);
    const Census before = Census::take();
    for (const auto& [bytes, reason] : strangers) {
        CAPTURE(reason);
        const UniqueFd stranger = connect_to(server.server->address(), soon());
        CHECK(::send(stranger.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
              static_cast<ssize_t>(bytes.size()));
        // Its end.
        pollfd end{stranger.get(), POLLRDHUP, 0};
        CHECK(::poll(&end, 1, static_cast<int>(patience.count() * 1000)) == 1);
        CHECK(has(server.server->describe_refusals(), reason));
        check_serves(server);
    }
    CHECK(has(server.server->describe_refusals(), "4 connections were refused"));
    wait_until_empty(server);
    CHECK(before.wait_for_it(soon()) <= before);
}

TEST_CASE("wire faults: garbage after the handshake and the upgrade ends that connection alone") {
    TestServer server;
    SecureStream stream = dial(server.server->address(), {.key = test_key()}, soon());
    const auto neighbourhood = Neighbourhood::create();
    write_upgrade_message(stream, encode(introduce(neighbourhood->impl(), LinkChoice::socket)),
                          soon());
    UpgradeReader reader;
    CHECK(decode_answer(reader.wait(stream, soon())).kind == LinkKind::socket);
    std::string garbage(1000, 'x');
    const iovec data{garbage.data(), garbage.size()};
    CHECK(stream.try_write({&data, 1}) == garbage.size());
    const auto other = server.only();
    CHECK(error_of([&] { (void)receive_text(*other); }).code == ErrorCode::protocol);
    check_serves(server);
}
