// SPDX-License-Identifier: Apache-2.0
// The plug-in made of libfabric, over the provider that IPCRUN_FABRIC names.
#include <poll.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "tests/hosts/hosts.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

using TransferPtr = std::unique_ptr<Fabric::Transfer>;

const Address here{.host = "127.0.0.1"};

// Two endpoints that know each other, and what goes from a to b.
struct Ends {
    std::shared_ptr<Fabric> a = load_fabric(fabric_wish(), here, false);
    std::shared_ptr<Fabric> b = load_fabric(fabric_wish(), here, false);
    std::uint64_t to_b = a->add_peer(b->address()), to_a = b->add_peer(a->address());

    TransferPtr send(std::vector<std::uint8_t>& bytes, std::uint64_t tag) const {
        const iovec view{bytes.data(), bytes.size()};
        return a->send(to_b, tag, {&view, 1});
    }
    TransferPtr receive(std::vector<std::uint8_t>& bytes, std::uint64_t tag) const {
        const iovec view{bytes.data(), bytes.size()};
        return b->receive(to_a, tag, {&view, 1});
    }
    bool until(const std::function<bool()>& condition, Deadline deadline = soon()) const {
        while (!condition()) {
            if (deadline.has_passed()) return false;
            (void)a->progress();
            (void)b->progress();
        }
        return true;
    }
};

}  // namespace

TEST_CASE("libfabric: bodies come by their tags, whichever was posted first") {
    const Ends ends;
    auto one = pattern(100'000, 1), two = pattern(3 << 20, 2);
    std::vector<std::uint8_t> got_one(one.size()), got_two(two.size());
    const TransferPtr receive_two = ends.receive(got_two, 2),
                      receive_one = ends.receive(got_one, 1);
    const TransferPtr send_one = ends.send(one, 1), send_two = ends.send(two, 2);
    CHECK(ends.until([&] {
        return receive_one->is_over() && receive_two->is_over() && send_one->is_over() &&
               send_two->is_over();
    }));
    CHECK(receive_one->failure() == "");
    CHECK(send_two->failure() == "");
    CHECK(got_one == one);
    CHECK(got_two == two);
}

TEST_CASE("libfabric: more transfers than a provider takes at a time all come") {
    const Ends ends;
    std::vector<std::vector<std::uint8_t>> sent, got;
    std::vector<TransferPtr> transfers;
    for (unsigned i = 0; i < 300; ++i) {
        sent.push_back(pattern(40'000 + i, i));
        got.emplace_back(sent.back().size());
    }
    for (std::size_t i = 0; i < sent.size(); ++i) {
        transfers.push_back(ends.receive(got[i], i));
        transfers.push_back(ends.send(sent[i], i));
    }
    CHECK(ends.until([&] {
        return std::all_of(transfers.begin(), transfers.end(),
                           [](const TransferPtr& transfer) { return transfer->is_over(); });
    }));
    for (const TransferPtr& transfer : transfers) REQUIRE(transfer->failure() == "");
    CHECK(got == sent);
}

TEST_CASE("libfabric: a body of another size is a failure, and is written nowhere else") {
    for (const std::size_t size : {50'000, 200'000}) {
        CAPTURE(size);
        const Ends ends;
        auto sent = pattern(size, 1);
        std::vector<std::uint8_t> memory(300'000, 7);
        const iovec view{memory.data() + 100'000, 100'000};
        const TransferPtr receive = ends.b->receive(ends.to_a, 1, {&view, 1});
        const TransferPtr send = ends.send(sent, 1);
        CHECK(ends.until([&] { return receive->is_over(); }));
        CHECK(receive->failure() != "");
        CHECK(std::count(memory.begin(), memory.begin() + 100'000, 7) == 100'000);
        CHECK(std::count(memory.begin() + 200'000, memory.end(), 7) == 100'000);
        ends.a->close();
        CHECK(send->is_over());
    }
}

// Providers that register memory keep registrations, which name the pages that were there.
TEST_CASE("libfabric: memory that was unmapped, and mapped anew at its place, is what it is now") {
    const Ends ends;
    constexpr std::size_t bytes = 1 << 20;
    void* places[2] = {};
    for (unsigned round = 0; round < 4; ++round) {
        CAPTURE(round);
        for (void*& place : places) {
            void* const mapped = ::mmap(
                place, bytes, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | (place == nullptr ? 0 : MAP_FIXED_NOREPLACE), -1, 0);
            REQUIRE(mapped != MAP_FAILED);
            place = mapped;
        }
        const auto expected = pattern(bytes, round);
        std::memcpy(places[0], expected.data(), bytes);
        const iovec out{places[0], bytes}, in{places[1], bytes};
        const TransferPtr receive = ends.b->receive(ends.to_a, round, {&in, 1});
        const TransferPtr send = ends.a->send(ends.to_b, round, {&out, 1});
        CHECK(ends.until([&] { return receive->is_over() && send->is_over(); }));
        CHECK(receive->failure() == "");
        CHECK(std::memcmp(places[1], expected.data(), bytes) == 0);
        for (void* const place : places) REQUIRE(::munmap(place, bytes) == 0);
    }
}

// Where malloc() maps such a block by itself, it is gone without a call of munmap() that is seen.
TEST_CASE("libfabric: memory that was freed, and allocated anew at its place, is what it is now") {
    const Ends ends;
    for (unsigned round = 0; round < 8; ++round) {
        CAPTURE(round);
        auto sent = pattern(1 << 20, round);
        std::vector<std::uint8_t> got(sent.size());
        const TransferPtr receive = ends.receive(got, round);
        const TransferPtr send = ends.send(sent, round);
        CHECK(ends.until([&] { return receive->is_over() && send->is_over(); }));
        CHECK(receive->failure() == "");
        CHECK(got == sent);
    }
}

TEST_CASE("libfabric: a receive that is cancelled is over, and touches its memory no more") {
    const Ends ends;
    auto sent = pattern(100'000, 1);
    std::vector<std::uint8_t> first(sent.size()), second(sent.size());
    const TransferPtr receive = ends.receive(first, 1);
    receive->cancel();
    CHECK(ends.until([&] { return receive->is_over(); }));
    CHECK(receive->failure() != "");
    const TransferPtr again = ends.receive(second, 1);
    const TransferPtr send = ends.send(sent, 1);
    CHECK(ends.until([&] { return again->is_over() && send->is_over(); }));
    CHECK(again->failure() == "");
    CHECK(second == sent);
    CHECK(std::count(first.begin(), first.end(), 0) == 100'000);
}

TEST_CASE("libfabric: once an endpoint is closed all its transfers are over, and new ones fail") {
    const Ends ends;
    std::vector<std::uint8_t> bytes(100'000);
    const TransferPtr receive = ends.receive(bytes, 1);
    ends.b->close();
    CHECK(receive->is_over());
    CHECK(receive->failure() != "");
    CHECK(ends.receive(bytes, 2)->is_over());
    CHECK(error_of([&] { (void)ends.b->add_peer(ends.a->address()); }).code == ErrorCode::config);
}

TEST_CASE("libfabric: who may sleep is woken by what comes") {
    const Ends ends;
    REQUIRE(ends.b->fd() >= 0);
    auto sent = pattern(100'000, 1);
    std::vector<std::uint8_t> got(sent.size());
    const TransferPtr receive = ends.receive(got, 1);
    while (ends.b->progress() || !ends.b->may_sleep()) {
    }
    std::jthread sender([&] {
        const TransferPtr send = ends.send(sent, 1);
        while (!send->is_over()) (void)ends.a->progress();
    });
    const Deadline deadline = soon();
    while (!receive->is_over() && !deadline.has_passed()) {
        pollfd poll_fd{ends.b->fd(), POLLIN, 0};
        if (ends.b->may_sleep()) CHECK(::poll(&poll_fd, 1, deadline.remaining_ms()) == 1);
        (void)ends.b->progress();
    }
    CHECK(receive->failure() == "");
    CHECK(got == sent);
}

TEST_CASE("libfabric: an address of another size is refused") {
    const Ends ends;
    const std::vector<std::uint8_t> nonsense(3, 1);
    CHECK(error_of([&] { (void)ends.a->add_peer(nonsense); }).code == ErrorCode::config);
}

TEST_CASE("libfabric: a provider that is not there is named, and those that are") {
    const Error error = error_of([] { (void)load_fabric("no_such_provider", here, false); });
    CHECK(error.code == ErrorCode::unsupported);
    const std::string text = error.what();
    INFO(text);
    CHECK(text.find("'no_such_provider'") != std::string::npos);
    CHECK(text.find("tcp") != std::string::npos);
    CHECK(text.find("sockets") == std::string::npos);
}

TEST_CASE("libfabric: providers that are not for messages between hosts are refused") {
    for (const char* const name : {"sockets", "shm", "udp", "udp;ofi_rxd"}) {
        CAPTURE(name);
        CHECK(error_of([&] { (void)load_fabric(name, here, false); }).code == ErrorCode::config);
    }
}

TEST_CASE("libfabric: a provider of TCP does not listen where the rank does not") {
    const Error error =
        error_of([] { (void)load_fabric(fabric_wish(), {.host = "192.0.2.77"}, false); });
    INFO(std::string(error.what()));
    // Some ask the kernel already when they say what they offer.
    CHECK((error.code == ErrorCode::system || error.code == ErrorCode::unsupported));
    CHECK(std::string(error.what()).find(fabric_wish()) != std::string::npos);
}
