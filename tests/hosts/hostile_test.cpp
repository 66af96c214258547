// SPDX-License-Identifier: Apache-2.0
// Ranks that know the secret and send nonsense, or next to nothing.
#include "base/bytes.hpp"
#include "tests/hosts/pretend_fabric.hpp"
#include "tests/hosts/raw_peer.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;
using Kind = HostFrameKind;

namespace {

// A world where rank 0 alone has a fabric, if anybody.
struct StageWorld : World {
    explicit StageWorld(PretendNetwork* network) : World(3) {
        make_fabric = [network](int rank) -> std::shared_ptr<Fabric> {
            if (rank != 0 || network == nullptr) return nullptr;
            return std::make_shared<PretendFabric>(*network, rank);
        };
    }
};

// Rank 0 as it is, rank 1 raw, and rank 2 as it is.
struct Stage {
    StageWorld world;
    Member member{world, 0}, other{world, 2};
    std::optional<RawPeer> raw;

    explicit Stage(PretendNetwork* network = nullptr) : world(network) {
        const Carrier carrier(member.peers);
        raw.emplace(world.address(0), world.secret, Introduction{1, 0}, Introduction{1, 0});
    }
    bool until(const std::function<bool()>& condition) {
        return progress_until({member.peers.get(), other.peers.get()}, condition);
    }
    Error await_error(int from = 1, int tag = 9) {
        const auto receiving = member.box.start_receive(std::nullopt, from, tag);
        CHECK(until([&] { return receiving->is_done(); }));
        return receiving->error() == nullptr ? Error(ErrorCode::internal, "no error at all")
                                             : *receiving->error();
    }
};

HostFrame announcement(std::uint64_t number, std::uint64_t bytes) {
    return {.kind = Kind::announcement, .context = 1, .number = number, .bytes = bytes};
}

// What a rank says whose fabric has this name and address.
void tell_fabric(RawPeer& raw, const std::string& provider, std::size_t address_bytes) {
    Encoder body;
    body.string(provider);
    body.bytes(std::string(address_bytes, 1));
    const Bytes bytes = body.take();
    raw.write({.kind = Kind::fabric, .bytes = bytes.size()});
    raw.write(bytes);
}

}  // namespace

TEST_CASE("remote peers: nonsense is an error of protocol, of that stream alone") {
    const std::vector<std::vector<HostFrame>> nonsense{
        {{.kind = Kind::welcome}},
        {{.kind = Kind::body, .number = 1, .bytes = 5}},
        {announcement(1, 1 << 20), {.kind = Kind::body, .number = 1, .bytes = 5}},
        {announcement(2, 1 << 20)},
        {announcement(1, 1 << 20), announcement(1, 1 << 20)},
        {{.kind = Kind::request, .number = 1}},
        {{.kind = Kind::withdrawal, .number = 1}},
        {{.kind = Kind::credit, .context = 1, .bytes = 1}},
        {{.kind = Kind::goodbye}, {.kind = Kind::held, .context = 1}},
        {{.kind = Kind::message, .dtype = dtype_count}},
    };
    for (std::size_t i = 0; i < nonsense.size(); ++i) {
        CAPTURE(i);
        Stage stage;
        std::vector<std::uint8_t> bytes;
        for (const HostFrame& frame : nonsense[i]) {
            const auto more = encode_host_frame(frame);
            bytes.insert(bytes.end(), more.begin(), more.end());
        }
        stage.raw->write(bytes);
        for (int again = 0; again < 2; ++again) {
            const Error error = stage.await_error();
            CHECK((error.code == ErrorCode::protocol || nonsense[i][0].kind == Kind::goodbye));
            CHECK(std::string(error.what()).find("rank 1 on host h1") != std::string::npos);
        }
        std::vector<int> items{4};
        const Part part = part_of(items);
        (void)stage.other.box.start_send({&part, 1}, 0, 0);
        CHECK(stage.until([&] { return stage.member.box.find(2, 0).has_value(); }));
    }
}

TEST_CASE("remote peers: random bytes after the proof end the stream, whatever they are") {
    for (unsigned seed = 0; seed < 8; ++seed) {
        Stage stage;
        stage.raw->write(pattern(1'000, seed));
        CHECK(stage.await_error().code == ErrorCode::protocol);
    }
}

TEST_CASE("remote peers: what is sent beyond the lag, and not received, is an error") {
    for (const std::uint32_t context : {1u, 77u}) {
        CAPTURE(context);
        Stage stage;
        const auto head = encode_host_frame(
            {.kind = Kind::message, .context = context, .bytes = host_eager_bytes_max});
        std::vector<std::uint8_t> bytes(head.begin(), head.end());
        bytes.resize(bytes.size() + host_eager_bytes_max);
        const auto receiving = stage.member.box.start_receive(std::nullopt, 1, 9);
        {
            const Carrier carrier(stage.member.peers);
            const Error error = error_of([&] {
                for (int i = 0; i < 8'192 + 2'000; ++i) stage.raw->write(bytes);
            });
            CHECK(error.code == ErrorCode::peer_lost);
        }
        CHECK(stage.until([&] { return receiving->is_done(); }));
        CHECK(receiving->error()->code == ErrorCode::protocol);
        // What was within is whole.
        if (context == 1) CHECK(stage.member.box.find(1, 0)->bytes == host_eager_bytes_max);
    }
}

TEST_CASE("remote peers: who speaks of more and more communicators is stopped") {
    Stage stage;
    for (std::uint32_t context = 100; context < 2'000; ++context)
        stage.raw->write({.kind = Kind::held, .context = context});
    CHECK(stage.await_error().code == ErrorCode::protocol);
}

TEST_CASE("remote peers: a long message that breaks off is an error, and not half a message") {
    Stage stage;
    stage.raw->write(announcement(1, 1 << 20));
    std::vector<std::uint8_t> got(1 << 20);
    const Part part = part_of(got);
    const auto receiving = stage.member.box.start_receive(std::span(&part, 1), 1, 0);
    HostFrame request;
    {
        const Carrier carrier(stage.member.peers);
        request = stage.raw->read_frame();
    }
    CHECK(request == HostFrame{.kind = Kind::request, .number = 1});
    stage.raw->write({.kind = Kind::body, .number = 1, .bytes = 1'000});
    stage.raw->write(pattern(500, 1));
    stage.raw->close();
    CHECK(stage.until([&] { return receiving->is_done(); }));
    REQUIRE(receiving->error() != nullptr);
    CHECK(receiving->error()->code == ErrorCode::peer_lost);
    CHECK_FALSE(stage.member.box.find(1, any_tag));
}

// Sanitizers end a program that asks for so much.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("remote peers: a message that is too long for memory is an error, and stays") {
    Stage stage;
    stage.raw->write(announcement(1, host_message_bytes_max));
    CHECK(stage.await_error(1, 0).code == ErrorCode::system);
    CHECK(stage.member.box.find(1, 0)->bytes == host_message_bytes_max);
}
#endif

TEST_CASE("remote peers: nonsense about a fabric is an error of protocol") {
    const std::vector<std::vector<HostFrame>> nonsense{
        {{.kind = Kind::pull, .number = 1, .bytes = 5}},
        {{.kind = Kind::arrival, .number = 1}},
        {{.kind = Kind::fabric, .bytes = 2}, {}},
        {{.kind = Kind::offer, .context = 1, .number = 2, .bytes = 1 << 20}},
    };
    for (std::size_t i = 0; i < nonsense.size(); ++i) {
        CAPTURE(i);
        PretendNetwork network;
        Stage stage(&network);
        for (const HostFrame& frame : nonsense[i]) stage.raw->write(frame);
        CHECK(stage.await_error().code == ErrorCode::protocol);
    }
    PretendNetwork network;
    Stage stage(&network);
    tell_fabric(*stage.raw, "other", 3);
    tell_fabric(*stage.raw, "other", 3);
    CHECK(stage.await_error().code == ErrorCode::protocol);
}

TEST_CASE("remote peers: what is offered is pulled once, and what is only announced never") {
    for (const bool is_offered : {false, true}) {
        CAPTURE(is_offered);
        PretendNetwork network;
        Stage stage(&network);
        // An address that is none makes the stream do.
        tell_fabric(*stage.raw, "pretend", is_offered ? 1 : 2);
        stage.raw->write({.kind = Kind::message, .context = 1});
        const auto heard = stage.member.box.start_receive(std::nullopt, 1, 0);
        CHECK(stage.until([&] { return heard->is_done(); }));
        auto bytes = pattern(1 << 20, 1);
        const Part part = part_of(bytes);
        const auto sending = stage.member.box.start_send({&part, 1}, 1, 0);
        stage.raw->write({.kind = Kind::pull, .number = 1, .bytes = 5});
        if (is_offered) {
            CHECK(stage.until([&] { return !network.sends.empty(); }));
            stage.raw->write({.kind = Kind::pull, .number = 1, .bytes = 5});
        }
        CHECK(stage.await_error().code == ErrorCode::protocol);
        CHECK(sending->error() != nullptr);
        CHECK(network.sends.empty());
    }
}

TEST_CASE("remote peers: a body by the stream that was pulled is one that nobody asked for") {
    PretendNetwork network;
    Stage stage(&network);
    tell_fabric(*stage.raw, "pretend", 1);
    stage.raw->write({.kind = Kind::offer, .context = 1, .number = 1, .bytes = 1 << 20});
    std::vector<std::uint8_t> got(1 << 20);
    const Part part = part_of(got);
    const auto receiving = stage.member.box.start_receive(std::span(&part, 1), 1, 0);
    CHECK(stage.until([&] { return !network.receives.empty(); }));
    stage.raw->write({.kind = Kind::body, .number = 1, .bytes = 1'000});
    CHECK(stage.until([&] { return receiving->is_done(); }));
    CHECK(receiving->error()->code == ErrorCode::protocol);
    CHECK(network.receives.empty());
}
