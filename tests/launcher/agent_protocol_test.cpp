// SPDX-License-Identifier: Apache-2.0
// Proves that messages come back as they were sent, and that damaged ones are refused, never
// misread and never an excuse to read or allocate beyond the bytes.
#include "launcher/agent_protocol.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "launcher/frames.hpp"

using namespace ipcrun;

namespace {

Launch sample_launch() {
    Launch launch{.program = "/bin/p",
                  .argv = {"p", "", "two words"},
                  .environment = {"A=b", "EMPTY="},
                  .directory = "/tmp",
                  .ignored_signals = {1, 13},
                  .stdin_rank = 1,
                  .terminal_group = 77,
                  .whole_lines = false,
                  .arena_bytes = 1ull << 40,
                  .usable_cpus = 3};
    launch.own_variables = {"HOME"};
    launch.stdin_is_sent = true;
    launch.address = "10.0.0.2";
    launch.job_ranks = 8;
    launch.secret.fill(7);
    launch.ranks = {{{0, 1}, {0}, 2, {"IPCRUN_RANK=0"}, {1, 3, 7, 0, 0}, no_rank}, {}};
    return launch;
}

std::vector<ToAgent> samples_to_agent() {
    return {Prepare{true, true, 2.5, "ib0"},
            sample_launch(),
            Input{std::string("a\0b", 3)},
            Consumed{Stream::err, 42},
            JobDirectory{{"a", "b"}, {{1, 0, "10.0.0.2:5", 2}, {0, 1, "[::1]:6", 0}}},
            RankEnded{3, 9},
            Signal{15},
            Kill{},
            Finish{},
            Alive{}};
}

std::vector<ToLauncher> samples_to_launcher() {
    topology::Machine machine;
    machine.host = "node07";
    machine.numa_nodes = {{.os_index = 1, .bytes = 1ull << 35}};
    machine.cores = {{{0, 8}, 1, 0, 3, 0}, {{1, 9}, 1, 0, 3, 1}};
    machine.cpu_quota = 2.5;
    return {Ready{.machine = machine, .route = {"10.0.0.2", "10.0.0.1"}, .switches = "s0.s1"},
            LaunchRefused{true, "no program"},
            Started{1, 4242},
            SpawnFailed{2, "no"},
            Listening{{"10.0.0.2:5"}},
            InputTaken{7, true},
            Output{3, Stream::err, std::string("a\0b\n", 4)},
            RankReport{1, Report::Kind::peer_error, "text"},
            Ended{1, 4242, 256, true, true},
            Failed{"why", true},
            Done{3},
            Alive{},
            Terminated{}};
}

template <typename Message, typename Decode>
void check_damaged(const Message& message, Decode decode) {
    const Bytes bytes = encode(message);
    CHECK(encode(decode(bytes)) == bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CAPTURE(size);
        CHECK_THROWS_AS((void)decode(std::span(bytes).first(size)), Error);
    }
    Bytes longer = bytes;
    longer.push_back(0);
    CHECK_THROWS_AS((void)decode(longer), Error);
}

}  // namespace

TEST_CASE("agent protocol: every message comes back as sent, and none of its beginnings does") {
    for (const ToAgent& message : samples_to_agent()) check_damaged(message, decode_to_agent);
    for (const ToLauncher& message : samples_to_launcher())
        check_damaged(message, decode_to_launcher);
}

TEST_CASE("agent protocol: the fields of a launch arrive in their places") {
    const ToAgent decoded = decode_to_agent(encode(ToAgent(sample_launch())));
    const auto& launch = std::get<Launch>(decoded);
    CHECK(launch.program == "/bin/p");
    CHECK(launch.argv == std::vector<std::string>{"p", "", "two words"});
    CHECK(launch.stdin_rank == 1);
    CHECK_FALSE(launch.whole_lines);
    CHECK(launch.arena_bytes == 1ull << 40);
    REQUIRE(launch.ranks.size() == 2);
    CHECK(launch.ranks[0].cpus == std::vector<int>{0, 1});
    CHECK(launch.ranks[0].threads == 2);
    CHECK(launch.ranks[0].spot.numa_node == 3);
    CHECK(launch.ranks[0].spot.last_level_cache == 7);
}

TEST_CASE("agent protocol: unknown messages and values beyond their kind are refused") {
    CHECK_THROWS_AS((void)decode_to_agent(Bytes{200}), Error);
    CHECK_THROWS_AS((void)decode_to_launcher(Bytes{200}), Error);
    Bytes consumed = encode(ToAgent(Consumed{Stream::out, 1}));
    consumed[1] = 2;  // neither output nor error
    CHECK_THROWS_AS((void)decode_to_agent(consumed), Error);
}

TEST_CASE("frames: come out whole however the bytes come in") {
    const Bytes stream = {2, 0, 0, 0, 'a', 'b', 0, 0, 0, 0, 1, 0, 0, 0, 'c'};
    for (std::size_t step = 1; step <= stream.size(); ++step) {
        FrameReader reader;
        std::vector<std::string> frames;
        for (std::size_t at = 0; at < stream.size(); at += step) {
            reader.feed(std::span(stream).subspan(at, std::min(step, stream.size() - at)));
            while (const auto frame = reader.next())
                frames.emplace_back(frame->begin(), frame->end());
        }
        CAPTURE(step);
        CHECK(frames == std::vector<std::string>{"ab", "", "c"});
    }
}

TEST_CASE("frames: a length beyond the limit is refused before anything is allocated") {
    FrameReader reader;
    reader.feed(Bytes{0xff, 0xff, 0xff, 0xff});
    CHECK_THROWS_AS((void)reader.next(), Error);
}
