// SPDX-License-Identifier: Apache-2.0
// Proves that threads that met by connections are a communicator like any other.
#include "runtime/connection/shared_group.hpp"

#include <doctest/doctest.h>

#include <cstring>
#include <future>
#include <mutex>

#include "runtime/heap.hpp"
#include "tests/connection/meetings.hpp"
#include "tests/support/every_collective.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

void rethrow_first(const std::vector<std::exception_ptr>& outcomes) {
    for (const std::exception_ptr& outcome : outcomes)
        if (outcome) std::rethrow_exception(outcome);
}

void run_group(int members, LinkChoice choice, const GroupBody& body) {
    rethrow_first(run_group_of_threads(members, choice, body));
}

float sum_over(Communicator& members, std::size_t count) {
    std::vector<float> values(count, static_cast<float>(members.rank()));
    const Part part{values.data(), count, Dtype::f32};
    members.allreduce({&part, 1}, Op::sum, soon());
    for (const float value : values)
        if (value != values[0]) return -1;
    return values[0];
}

Error error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error;
    }
    return Error(ErrorCode::internal, "no error came");
}

}  // namespace

TEST_CASE("shared group: hundreds of threads meet") {
#if defined(__SANITIZE_THREAD__)
    const int size = 16;  // there is address space for few
#else
    const int size = 300;
#endif
    run_group(size, LinkChoice::fastest, [&](SharedGroup& group) {
        CHECK(sum_over(group.communicator(), 5) == size * (size - 1) / 2);
    });
}

TEST_CASE("shared group: threads of one process run every collective in every memory") {
    for (const LinkChoice choice : {LinkChoice::fastest, LinkChoice::memory})
        run_group(3, choice, [&](SharedGroup& group) {
            Communicator& members = group.communicator();
            for (const Memory memory : {Memory::heap, Memory::strided, Memory::outside})
                for (const std::size_t count : {10, 3000})
                    for (Form form : all_forms(count)) {
                        form.memory = memory;
                        Exercise exercise(*group.heap(), form, members.rank(), members.size());
                        for (int root = 0; root < 3; ++root)
                            members.run(exercise.collective(root), soon());
                        CHECK(exercise.is_all_one());
                        CHECK(exercise.is_intact());
                        members.barrier(soon());  // nobody frees what others read
                    }
        });
}

TEST_CASE("shared group: members are numbered, the founder first, however many there are") {
#if defined(__SANITIZE_THREAD__)
    const int most = 16;  // it takes long over address space, of which each link has much
#else
    const int most = 64;
#endif
    for (const int size : {1, 2, 5, most}) {
        std::mutex mutex;
        std::vector<int> ranks;
        run_group(size, LinkChoice::fastest, [&](SharedGroup& group) {
            CHECK(group.communicator().size() == size);
            for (const std::size_t count : {1, 5000})
                CHECK(sum_over(group.communicator(), count) ==
                      static_cast<float>(size * (size - 1) / 2));
            CHECK(group.communicator().tree_place(0).parent < size);
            const std::lock_guard lock(mutex);
            ranks.push_back(group.communicator().rank());
        });
        std::ranges::sort(ranks);
        for (int rank = 0; rank < size; ++rank)
            CHECK(ranks[static_cast<std::size_t>(rank)] == rank);
    }
}

TEST_CASE("shared group: a member finds what another names, where it lies") {
    run_group(3, LinkChoice::memory, [&](SharedGroup& group) {
        Communicator& members = group.communicator();
        auto* own = static_cast<int*>(group.heap()->allocate(sizeof(int)));
        *own = 100 + members.rank();
        std::vector<Job::MemoryName> names(3);
        const auto mine = group.name_memory(own, sizeof(int));
        REQUIRE(mine);
        const Part from{const_cast<Job::MemoryName*>(&*mine), sizeof *mine, Dtype::u8};
        const Part to{names.data(), 3 * sizeof *mine, Dtype::u8};
        members.run(Collective::allgather(from, to), soon());
        for (int other = 0; other < 3; ++other)
            CHECK(*reinterpret_cast<int*>(group.find_memory(names[static_cast<std::size_t>(other)],
                                                            sizeof(int))) == 100 + other);
        int outside = 0;
        CHECK_FALSE(group.name_memory(&outside, sizeof outside));
        members.barrier(soon());
        group.heap()->deallocate(own);
    });
}

TEST_CASE("shared group: a member that leaves is missed by those who need it, and named") {
    for (const LinkChoice choice : {LinkChoice::fastest, LinkChoice::memory})
        for (const int leaver : {0, 1, 3})
            run_group(4, choice, [&](SharedGroup& group) {
                Communicator& members = group.communicator();
                CHECK(sum_over(members, 5000) == 6);
                if (members.rank() == leaver) return;
                const Error error = error_of([&] {
                    for (;;) sum_over(members, 5000);
                });
                CHECK(error.code == ErrorCode::peer_lost);
                CHECK(error.rank == leaver);
            });
}

TEST_CASE("shared group: over a socket there is none, and the error says why it is one") {
    const Address address = fresh_address();
    const auto neighbourhood = Neighbourhood::create();
    std::atomic<bool> is_over = false;
    std::thread client([&] {
        const auto connection = connect_to_test(address, LinkChoice::socket, neighbourhood);
        CHECK_FALSE(SharedGroup::is_possible(*connection));
        CHECK(error_of([&] { (void)SharedGroup::join(connection, soon()); }).code ==
              ErrorCode::usage);
        is_over.wait(false);
    });
    Host host(address, LinkChoice::socket, 1, neighbourhood);
    const auto others = host.server.connections();
    const Error error = error_of([&] { (void)SharedGroup::found(others, soon()); });
    CHECK(error.code == ErrorCode::usage);
    CHECK(std::string(error.what()).find(others[0]->link_reason()) != std::string::npos);
    is_over = true;
    is_over.notify_all();
    client.join();
}

TEST_CASE("shared group: when one member does not join, nobody waits for ever") {
    const Address address = fresh_address();
    const auto neighbourhood = Neighbourhood::create();
    std::atomic<int> over = 0;
    std::vector<std::thread> clients;
    for (int client = 0; client < 3; ++client)
        clients.emplace_back([&, client] {
            const auto connection = connect_to_test(address, LinkChoice::memory, neighbourhood);
            if (client == 0) {
                while (over.load() < 3) std::this_thread::yield();
                return;
            }
            const Error error = error_of([&] { (void)SharedGroup::join(connection, soon()); });
            CHECK(error.code == ErrorCode::timeout);
            ++over;
        });
    Host host(address, LinkChoice::memory, 3, neighbourhood);
    const Error error = error_of([&] {
        (void)SharedGroup::found(host.server.connections(), Deadline::after(Seconds(0.3)));
    });
    CHECK(error.code == ErrorCode::timeout);
    CHECK(error.rank.value_or(0) > 0);
    ++over;
    for (std::thread& client : clients) client.join();
}

TEST_CASE("shared group: a member that goes before it has joined is an error to the others") {
    const Address address = fresh_address();
    const auto neighbourhood = Neighbourhood::create();
    std::atomic<bool> all_are_there = false;
    std::vector<std::thread> clients;
    for (int client = 0; client < 3; ++client)
        clients.emplace_back([&, client] {
            const auto connection = connect_to_test(address, LinkChoice::fastest, neighbourhood);
            all_are_there.wait(false);
            if (client == 0) return;
            CHECK(error_of([&] { (void)SharedGroup::join(connection, soon()); }).code ==
                  ErrorCode::peer_lost);
        });
    Host host(address, LinkChoice::fastest, 3, neighbourhood);
    const auto others = host.server.connections();
    all_are_there = true;
    all_are_there.notify_all();
    CHECK(error_of([&] { (void)SharedGroup::found(others, soon()); }).code == ErrorCode::peer_lost);
    for (std::thread& client : clients) client.join();
}

TEST_CASE("shared group: after an attempt that failed half-way another one goes well") {
    for (const LinkChoice choice : {LinkChoice::fastest, LinkChoice::memory}) {
        const Address address = fresh_address();
        const auto neighbourhood = Neighbourhood::create();
        std::atomic<int> attempts = 0;
        std::atomic<int> sum = 0;
        std::vector<std::thread> clients;
        for (int client = 0; client < 3; ++client)
            clients.emplace_back([&, client] {
                const auto connection = connect_to_test(address, choice, neighbourhood);
                // One comes when two attempts have failed already.
                for (int seen = attempts; client == 0 && seen < 2; seen = attempts)
                    attempts.wait(seen);
                for (;;) {
                    std::unique_ptr<SharedGroup> group;
                    const Error error =
                        error_of([&] { group = SharedGroup::join(connection, soon()); });
                    if (group == nullptr) {
                        CHECK(error.code == ErrorCode::timeout);
                        continue;
                    }
                    sum += static_cast<int>(sum_over(group->communicator(), 5000));
                    return;
                }
            });
        Host host(address, choice, 3, neighbourhood);
        const auto others = host.server.connections();
        for (int attempt = 0; attempt < 2; ++attempt) {
            const Error error =
                error_of([&] { (void)SharedGroup::found(others, Deadline::after(Seconds(0.1))); });
            CHECK(error.code == ErrorCode::timeout);
            ++attempts;
            attempts.notify_all();
        }
        const auto group = SharedGroup::found(others, soon());
        CHECK(sum_over(group->communicator(), 5000) == 6);
        for (std::thread& client : clients) client.join();
        CHECK(sum == 18);
    }
}

TEST_CASE("shared group: a member that gives up while the others are set up can join the next") {
    for (const LinkChoice choice : {LinkChoice::fastest, LinkChoice::memory}) {
        const Address address = fresh_address();
        const auto neighbourhood = Neighbourhood::create();
        std::atomic<bool> has_given_up = false;
        std::vector<std::future<void>> clients;
        for (int client = 0; client < 2; ++client)
            clients.push_back(std::async(std::launch::async, [&, client] {
                const auto connection = connect_to_test(address, choice, neighbourhood);
                if (client == 0) {
                    // It tells that it is ready, which takes its time, too, and does not wait for
                    // the other.
                    connection->wait(1, soon());
                    const Error error = error_of(
                        [&] { (void)SharedGroup::join(connection, Deadline::after(Seconds(2))); });
                    CHECK(error.code == ErrorCode::timeout);
                    has_given_up = true;
                    has_given_up.notify_all();
                } else {
                    has_given_up.wait(false);
                    const auto group = SharedGroup::join(connection, soon());
                    const Error error = error_of([&] { sum_over(group->communicator(), 5000); });
                    CHECK(error.code == ErrorCode::peer_lost);
                }
                const auto group = SharedGroup::join(connection, soon());
                CHECK(sum_over(group->communicator(), 5000) == 3);
            }));
        Host host(address, choice, 2, neighbourhood);
        const auto others = host.server.connections();
        {
            const auto group = SharedGroup::found(others, soon());
            const Error error = error_of([&] { sum_over(group->communicator(), 5000); });
            CHECK(error.code == ErrorCode::peer_lost);
            CHECK(error.rank.value_or(-1) > 0);
        }
        const auto group = SharedGroup::found(others, soon());
        CHECK(sum_over(group->communicator(), 5000) == 3);
        for (auto& client : clients) client.get();
    }
}

TEST_CASE("shared group: a member that is interrupted ends its wait, and has left") {
    for (const LinkChoice choice : {LinkChoice::fastest, LinkChoice::memory})
        run_group(3, choice, [&](SharedGroup& group) {
            Communicator& members = group.communicator();
            CHECK(sum_over(members, 5000) == 3);
            if (members.rank() == 1) {
                std::thread other([&] { group.interrupt(); });
                const Error error =
                    error_of([&] { members.barrier(soon()), sum_over(members, 5); });
                CHECK(error.code == ErrorCode::peer_lost);
                CHECK(std::string(error.what()).find("rank 1 ends with its program") !=
                      std::string::npos);
                other.join();
                return;
            }
            // They come to nothing that the other could be waiting for in vain: it has to be told.
            const Error error = error_of([&] { (void)members.receive_message(1, 7, soon()); });
            CHECK(error.code == ErrorCode::peer_lost);
            CHECK(error.rank == 1);
        });
}

TEST_CASE("shared group: nothing of it stays") {
    run_group(2, LinkChoice::memory, [](SharedGroup&) {});  // what stays for good is there
    const Holdings before = Holdings::now();
    for (int round = 0; round < 3; ++round)
        run_group(5, round == 0 ? LinkChoice::fastest : LinkChoice::memory,
                  [](SharedGroup& group) { CHECK(sum_over(group.communicator(), 5000) == 10); });
    const Holdings after = Holdings::now();
    CHECK(after.descriptors == before.descriptors);
    CHECK(after.mappings == before.mappings);
}
