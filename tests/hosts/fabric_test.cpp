// SPDX-License-Identifier: Apache-2.0
// Bodies that go by fabric: a pretended one, which misbehaves when told to.
#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "tests/hosts/hosts.hpp"
#include "tests/hosts/pretend_fabric.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

constexpr std::size_t long_bytes = 1 << 20;

// Two ranks that know each other's fabric, and have sent nothing long yet.
struct FabricPair {
    PretendNetwork network;
    std::array<PretendFabric*, 2> fabrics = {};
    World world{2};
    int ended = -1;  // which rank the other takes to be dead
    std::optional<Member> a, b;

    explicit FabricPair(const std::array<const char*, 2>& providers = {"pretend", "pretend"}) {
        world.make_fabric = [&](int rank) -> std::shared_ptr<Fabric> {
            const char* const provider = providers[static_cast<std::size_t>(rank)];
            if (provider == nullptr) return nullptr;
            auto fabric = std::make_shared<PretendFabric>(network, rank, provider);
            fabrics[static_cast<std::size_t>(rank)] = fabric.get();
            return fabric;
        };
        for (const int rank : {0, 1}) {
            RemotePeers::Options options = world.options(rank);
            options.end_of = [this, rank](int other) -> std::optional<std::string> {
                if (other == rank || other != ended) return std::nullopt;
                return "was ended";
            };
            (rank == 0 ? a : b).emplace(std::make_shared<RemotePeers>(std::move(options)), 2, rank);
        }
        for (int i = 0; i < 2; ++i) {
            exchange(*a, *b);
            exchange(*b, *a);
        }
    }

    bool until(const std::function<bool()>& condition) {
        return progress_until({a->peers.get(), b->peers.get()}, condition);
    }
    void exchange(Member& from, Member& to) {
        std::vector<int> item{1}, got(1);
        const Part part = part_of(item), got_part = part_of(got);
        const int sender = &from == &*a ? 0 : 1;
        const auto sending = from.box.start_send({&part, 1}, 1 - sender, 99);
        const auto receiving = to.box.start_receive(std::span(&got_part, 1), sender, 99);
        CHECK(until([&] { return receiving->is_done() && sending->is_done(); }));
    }
    SendingPtr send(std::vector<std::uint8_t>& bytes, int tag = 0) {
        const Part part = part_of(bytes);
        return a->box.start_send({&part, 1}, 1, tag);
    }
    ReceivingPtr receive(std::vector<std::uint8_t>& bytes, int tag = 0) {
        const Part part = part_of(bytes);
        return b->box.start_receive(std::span(&part, 1), 0, tag);
    }
    // One long message from a to b; by fabric?
    bool goes_by_fabric(std::size_t bytes = long_bytes) {
        const int before = network.carried;
        auto sent = pattern(bytes, 3);
        std::vector<std::uint8_t> got(bytes);
        const auto sending = send(sent);
        const auto receiving = receive(got);
        CHECK(until([&] { return receiving->is_done() && sending->is_done(); }));
        CHECK(receiving->error() == nullptr);
        CHECK(sending->error() == nullptr);
        CHECK(got == sent);
        return network.carried != before;
    }
    bool is_idle() const { return network.sends.empty() && network.receives.empty(); }
};

}  // namespace

TEST_CASE("fabric: long messages go by it, and neither short ones nor those that are too long") {
    FabricPair pair;
    CHECK(pair.goes_by_fabric());
    CHECK(!pair.goes_by_fabric(1'000));
    CHECK(!pair.goes_by_fabric((8 << 20) + 1));
    CHECK(pair.goes_by_fabric(8 << 20));
    CHECK(pair.is_idle());
}

TEST_CASE("fabric: a message of any size goes by it into new memory") {
    FabricPair pair;
    auto sent = pattern(long_bytes, 1);
    const auto sending = pair.send(sent);
    const auto receiving = pair.b->box.start_receive(std::nullopt, 0, 0);
    CHECK(pair.until([&] { return receiving->is_done() && sending->is_done(); }));
    const Message message = receiving->take();
    REQUIRE(message.storage->bytes() == sent.size());
    CHECK(std::memcmp(message.storage->data(), sent.data(), sent.size()) == 0);
    CHECK(pair.network.carried == 1);
}

TEST_CASE("fabric: what is strided at either end goes by the stream, what is in parts does not") {
    FabricPair pair;
    std::vector<int> matrix(200'000), got(200'000), flat(200'000);
    std::iota(matrix.begin(), matrix.end(), 0);
    const std::array<std::int64_t, 2> sizes{100, 2'000}, strides{1, 100};
    const Part strided{.data = matrix.data(),
                       .count = matrix.size(),
                       .dtype = Dtype::i32,
                       .sizes = sizes,
                       .strides = strides};
    const std::array<Part, 2> halves{
        Part{.data = got.data(), .count = 50'000, .dtype = Dtype::i32},
        Part{.data = got.data() + 50'000, .count = 150'000, .dtype = Dtype::i32}};
    const Part whole = part_of(flat);
    const auto carry = [&](std::span<const Part> from, std::span<const Part> to) {
        const int before = pair.network.carried;
        const auto sending = pair.a->box.start_send(from, 1, 0);
        const auto receiving = pair.b->box.start_receive(to, 0, 0);
        CHECK(pair.until([&] { return receiving->is_done() && sending->is_done(); }));
        return pair.network.carried != before;
    };
    CHECK(!carry({&strided, 1}, halves));
    CHECK(carry(halves, {&whole, 1}));
    CHECK(flat == got);
    CHECK(!carry({&whole, 1}, {&strided, 1}));
    CHECK(matrix != flat);
    CHECK(!carry({&strided, 1}, {&whole, 1}));
    CHECK(flat == got);
}

TEST_CASE("fabric: ends with different ones, or with one alone, use the stream") {
    for (const std::array<const char*, 2>& providers :
         {std::array<const char*, 2>{"pretend", "other"},
          {"pretend", nullptr},
          {nullptr, "other"}}) {
        FabricPair pair(providers);
        CHECK(!pair.goes_by_fabric());
    }
}

TEST_CASE(
    "fabric: a receive that is dropped leaves its memory alone, and its message to the next") {
    for (const bool is_under_way : {false, true}) {
        CAPTURE(is_under_way);
        FabricPair pair;
        pair.network.holds = true;
        auto sent = pattern(long_bytes, 5);
        std::vector<std::uint8_t> first(long_bytes), second(long_bytes);
        const auto sending = pair.send(sent);
        auto receiving = pair.receive(first);
        CHECK(pair.until([&] {
            return is_under_way ? !pair.network.sends.empty() : !pair.network.receives.empty();
        }));
        receiving.reset();
        CHECK(pair.network.receives.size() == 1);  // of memory of its own
        const auto next = pair.receive(second);
        pair.network.holds = false;
        CHECK(pair.until([&] { return next->is_done() && sending->is_done(); }));
        CHECK(second == sent);
        CHECK(std::count(first.begin(), first.end(), 0) == long_bytes);
        CHECK(pair.network.carried == 1);
        CHECK(pair.goes_by_fabric());
    }
}

TEST_CASE("fabric: a message that comes after its communicator was closed is thrown away") {
    FabricPair pair;
    pair.network.holds = true;
    auto sent = pattern(long_bytes, 5);
    const std::vector<int> both{0, 1};
    std::optional<RemoteMailbox> here(std::in_place, pair.a->peers, 2u, both, 0);
    std::optional<RemoteMailbox> there(std::in_place, pair.b->peers, 2u, both, 1);
    const Part part = part_of(sent);
    const auto sending = here->start_send({&part, 1}, 1, 0);
    auto receiving = there->start_receive(std::nullopt, 0, 0);
    CHECK(pair.until([&] { return !pair.network.sends.empty(); }));
    receiving.reset();
    there.reset();
    pair.network.holds = false;
    CHECK(pair.until([&] { return sending->is_done(); }));
    CHECK(sending->error() == nullptr);
    CHECK(pair.is_idle());
    CHECK(pair.goes_by_fabric());
}

TEST_CASE("fabric: a send that is taken back before it was heard of leaves no receive behind") {
    FabricPair pair;
    auto sent = pattern(long_bytes, 5), other = pattern(long_bytes, 6);
    std::vector<std::uint8_t> got(long_bytes);
    auto sending = pair.send(sent);
    const auto receiving = pair.receive(got);
    CHECK(progress_until({pair.b->peers.get()}, [&] { return !pair.network.receives.empty(); }));
    sending.reset();
    const auto second = pair.send(other);
    CHECK(pair.until([&] { return receiving->is_done() && second->is_done(); }));
    CHECK(got == other);
    CHECK(pair.network.carried == 1);
    CHECK(pair.is_idle());
}

TEST_CASE("fabric: what it fails goes by the stream, and so does all that follows") {
    FabricPair pair;
    pair.network.fails = true;
    CHECK(!pair.goes_by_fabric());
    pair.network.fails = false;
    CHECK(!pair.goes_by_fabric());
    CHECK(pair.is_idle());
}

TEST_CASE("fabric: a transfer that cannot be stopped costs the endpoint, and no message") {
    FabricPair pair;
    pair.network.holds = pair.network.never_cancels = true;
    auto sent = pattern(long_bytes, 5);
    std::vector<std::uint8_t> first(long_bytes), second(long_bytes);
    const auto sending = pair.send(sent);
    auto receiving = pair.receive(first);
    CHECK(pair.until([&] { return !pair.network.sends.empty(); }));
    receiving.reset();  // takes a second
    CHECK(pair.fabrics[1]->is_closed);
    const auto next = pair.receive(second);
    CHECK(pair.until([&] { return next->is_done(); }));
    CHECK(second == sent);
    // The sender's endpoint is stuck, too: it is given up in the end.
    CHECK(pair.until([&] { return sending->is_done(); }));
    CHECK(sending->error() == nullptr);
    CHECK(pair.fabrics[0]->is_closed);
    CHECK(!pair.goes_by_fabric());
}

TEST_CASE("fabric: an endpoint that is closed with transfers to others gives them to the stream") {
    FabricPair pair;
    pair.network.holds = true;
    std::vector<std::vector<std::uint8_t>> sent, got(5);
    std::vector<SendingPtr> sendings;
    std::vector<ReceivingPtr> receivings;
    for (unsigned i = 0; i < 5; ++i) sent.push_back(pattern(long_bytes, i));
    for (std::size_t i = 0; i < 5; ++i) {
        got[i].resize(long_bytes);
        sendings.push_back(pair.send(sent[i]));
        receivings.push_back(pair.receive(got[i]));
    }
    CHECK(pair.until([&] { return pair.network.sends.size() == 5; }));
    pair.network.never_cancels = true;
    receivings.pop_back();  // takes a second, and its endpoint
    CHECK(pair.fabrics[1]->is_closed);
    CHECK(pair.until([&] {
        return std::all_of(receivings.begin(), receivings.end(),
                           [](const auto& receiving) { return receiving->is_done(); });
    }));
    for (std::size_t i = 0; i < 4; ++i) CHECK(got[i] == sent[i]);
    CHECK(pair.until([&] {
        return std::all_of(sendings.begin(), sendings.begin() + 4,
                           [](const auto& sending) { return sending->is_done(); });
    }));
}

TEST_CASE("fabric: when a peer ends nothing of its transfers is left") {
    for (const bool is_sender : {false, true}) {
        CAPTURE(is_sender);
        FabricPair pair;
        pair.network.holds = true;
        auto sent = pattern(long_bytes, 5);
        std::vector<std::uint8_t> got(long_bytes);
        auto sending = pair.send(sent);
        auto receiving = pair.receive(got);
        CHECK(pair.until([&] { return !pair.network.sends.empty(); }));
        pair.ended = is_sender ? 1 : 0;
        Member& left = is_sender ? *pair.a : *pair.b;
        CHECK(progress_until({left.peers.get()}, [&] {
            return is_sender ? sending->is_done() : receiving->is_done();
        }));
        const Error* const error = is_sender ? sending->error() : receiving->error();
        REQUIRE(error != nullptr);
        CHECK(error->code == ErrorCode::peer_lost);
        CHECK((is_sender ? pair.network.sends : pair.network.receives).empty());
    }
}
