// SPDX-License-Identifier: Apache-2.0
// Proves that processes that met by connections are a communicator, and what becomes of it when one
// of them is lost.
#include <doctest/doctest.h>

#include <chrono>

#include "runtime/connection/group_watch.hpp"
#include "runtime/heap.hpp"
#include "tests/connection/meetings.hpp"
#include "tests/support/survivor.hpp"

using namespace ipcrun;
using namespace ipcrun::test;
using namespace std::chrono_literals;

namespace {

std::string sum_over(Communicator& members, std::size_t count) {
    std::vector<float> values(count, static_cast<float>(members.rank()));
    const Part part{values.data(), count, Dtype::f32};
    members.allreduce({&part, 1}, Op::sum, soon());
    const auto size = static_cast<float>(members.size());
    const bool is_right =
        std::ranges::all_of(values, [size](float value) { return value == size * (size - 1) / 2; });
    return is_right ? "right" : "wrong";
}

std::string describe(const Survival& survival) {
    if (survival.seconds > 2) return fmt::format("late: {} s", survival.seconds);
    return fmt::format("{} {} {}", survival.code, survival.rank, survival.found);
}

// What a member of a group does that is about to lose one.
std::string survive_in(SharedGroup& group, const Form& form) {
    return describe(survive(group.communicator(), nullptr, *group.heap(), {.form = form}));
}

void check_lost(std::vector<Remains> all, int lost) {
    int killed = 0;
    for (const Remains& one : all) {
        if (one.was_killed())
            ++killed;
        else
            CHECK(one.text == fmt::format("peer_lost {} clean", lost));
    }
    CHECK(killed == 1);
}

void wait_until_stopped(pid_t pid) {
    siginfo_t info = {};
    check_syscall(::waitid(P_PID, static_cast<id_t>(pid), &info, WSTOPPED | WNOWAIT),
                  "wait until a process is stopped");
}

}  // namespace

TEST_CASE("shared group: processes reduce what they have, up to 64 of them") {
    for (const int members : {2, 8, 64})
        for (const Remains& one :
             remains_of(start_group_of_processes({members}, [](SharedGroup& group) {
                 for (const std::size_t count : {1, 100, 100'000})
                     if (sum_over(group.communicator(), count) != "right") return "wrong";
                 return "right";
             })))
            CHECK(one.text == "right");
}

TEST_CASE("shared group: a member that is killed at any step is lost to all, who go on at once") {
    using Kind = Collective::Kind;
    for (const char* point :
         {"after_publish", "after_arrive", "after_claim", "mid_chunk", "after_done"})
        for (const int lost : {0, 2})
            for (const Form form : {Form{Kind::allreduce, false, 20'000},
                                    Form{Kind::allgather, true, 20'000, Memory::outside}}) {
                INFO(point, " rank ", lost, " ", name_of(form));
                check_lost(remains_of(start_group_of_processes(
                               {4, fmt::format("{}:{}:20", point, lost)},
                               [&](SharedGroup& group) { return survive_in(group, form); })),
                           lost);
            }
}

TEST_CASE("shared group: a process that ends right after its part is lost to nobody") {
    constexpr int own_status = 7;
    for (int round = 0; round < 20; ++round)
        for (const Remains& one :
             remains_of(start_group_of_processes({16}, [](SharedGroup& group) -> std::string {
                 for (int operation = 0; operation < 3; ++operation)
                     if (sum_over(group.communicator(), 20'000) != "right") return "wrong";
                 ::_exit(own_status);  // nothing is closed
             }))) {
            INFO(one.text);
            CHECK(one.text.empty());
            CHECK(WEXITSTATUS(one.status) == own_status);
        }
}

TEST_CASE("shared group: the founder's threads are lost with it") {
    const Address address = fresh_address();
    const Form form{Collective::Kind::allreduce, false, 20'000};
    std::vector<std::unique_ptr<Forked>> processes;
    processes.push_back(std::make_unique<Forked>([&]() -> std::string {
        ::setenv("IPCRUN_FAULT", "mid_chunk:1:20", 1);
        const auto neighbourhood = Neighbourhood::create();
        std::vector<std::shared_ptr<Connection>> own;
        Server server(address, test_key(), false, LinkChoice::fastest, neighbourhood);
        std::vector<std::thread> threads;
        for (int i = 0; i < 2; ++i)
            threads.emplace_back([&] {
                const auto connection =
                    connect_to_test(address, LinkChoice::fastest, neighbourhood);
                const auto group = SharedGroup::join(connection, soon());
                (void)survive_in(*group, form);
            });
        (void)server.wait_for(4, soon());
        auto others = server.connections();
        // Numbers 1 and 2 are of this process.
        std::ranges::stable_partition(
            others, [](const auto& one) { return one->link() == LinkKind::process; });
        const auto group = SharedGroup::found(others, soon());
        (void)survive_in(*group, form);
        for (std::thread& thread : threads) thread.join();
        return "the founder lives";
    }));
    for (int i = 0; i < 2; ++i)
        processes.push_back(std::make_unique<Forked>([&] {
            const auto neighbourhood = Neighbourhood::create();
            const auto connection = connect_to_test(address, LinkChoice::fastest, neighbourhood);
            const auto group = SharedGroup::join(connection, soon());
            return survive_in(*group, form);
        }));
    const auto all = remains_of(std::move(processes));
    CHECK(all[0].was_killed());
    for (const Remains& one : {all[1], all[2]}) {
        INFO(one.text);
        CHECK(one.text.starts_with("peer_lost "));
        CHECK(one.text.ends_with(" clean"));
    }
}

TEST_CASE("shared group: a member that was stopped outside of copies holds up nobody") {
    auto processes = start_group_of_processes({3, "after_arrive:1:5:stop"}, [](SharedGroup& group) {
        const Survival survival = survive(
            group.communicator(), nullptr, *group.heap(),
            {.form = {Collective::Kind::allreduce, false, 20'000}, .deadline_seconds = 0.3});
        return describe(survival);
    });
    // Which of them has number 1 is left open.
    int stopped = 0;
    for (const auto& process : processes) {
        siginfo_t info = {};
        check_syscall(
            ::waitid(P_PID, static_cast<id_t>(process->pid()), &info, WSTOPPED | WEXITED | WNOWAIT),
            "wait for a process");
        if (info.si_code == CLD_EXITED) continue;
        ++stopped;
        (void)::kill(process->pid(), SIGKILL);
    }
    CHECK(stopped == 1);
    for (const Remains& one : remains_of(std::move(processes))) {
        INFO(one.text);
        CHECK((one.was_killed() || one.text.starts_with("timeout ")));
    }
}

TEST_CASE(
    "shared group: a member stopped in the middle of a copy is waited for, until it goes on "
    "or ends") {
    for (const int end : {SIGCONT, SIGKILL}) {
        auto processes =
            start_group_of_processes({2, "mid_chunk:0:5:stop"}, [](SharedGroup& group) {
                const Survival survival =
                    survive(group.communicator(), nullptr, *group.heap(),
                            {.form = {Collective::Kind::allreduce, false, 20'000},
                             .deadline_seconds = 0.2});
                return fmt::format("{} {}", survival.code, survival.found);
            });
        wait_until_stopped(processes[0]->pid());
        siginfo_t info = {};
        // The deadline passes, and the memory is still in the hands of the other.
        std::this_thread::sleep_for(800ms);
        check_syscall(::waitid(P_PID, static_cast<id_t>(processes[1]->pid()), &info,
                               WEXITED | WNOWAIT | WNOHANG),
                      "look for the end of a process");
        CHECK(info.si_pid == 0);
        (void)::kill(processes[0]->pid(), end);
        const auto begin = Clock::now();
        const Remains survivor = processes[1]->remains();
        CHECK(Clock::now() - begin < 2s);
        INFO(survivor.text);
        CHECK(survivor.text == "timeout clean");
    }
}

TEST_CASE("shared group: a process that closes its connection has left, and ends when it ends") {
    const Address address = fresh_address();
    std::vector<std::unique_ptr<Forked>> processes;
    processes.push_back(std::make_unique<Forked>([&]() -> std::string {
        const auto neighbourhood = Neighbourhood::create();
        Host host(address, LinkChoice::memory, 2, neighbourhood);
        auto others = host.server.connections();
        const UniqueFd control = ControlSegment::create(3, 1, 1 << 20);
        const auto memory =
            std::make_shared<NodeMemory>(UniqueFd(::fcntl(control.get(), F_DUPFD_CLOEXEC, 0)),
                                         create_memfd("ipcrun-heap", 3 << 20));
        memory->control().rank(1).state = RankState::joined;
        memory->control().rank(2).state = RankState::joined;
        GroupWatch watch(memory);
        for (int rank : {1, 2}) {
            int pid = 0;
            const auto& connection = others.at(static_cast<std::size_t>(rank - 1));
            const Part part{&pid, 1, Dtype::i32};
            connection->receive_into({&part, 1}, 0, soon());
            watch.add(connection, rank);
            const auto await = [&](RankState state) {
                while (memory->control().rank(rank).state.load() < state) std::this_thread::yield();
                return memory->control().rank(rank).state.load();
            };
            if (rank == 1) {
                connection->send({}, {&part, 1}, 0, soon());  // it closes
                if (await(RankState::left) != RankState::left) return "taken for ended";
            }
            (void)::kill(pid, SIGKILL);
            if (await(RankState::exited) != RankState::exited) return "its end was not seen";
        }
        return "right";
    }));
    for (int i = 0; i < 2; ++i)
        processes.push_back(std::make_unique<Forked>([&]() -> std::string {
            const auto connection =
                connect_to_test(address, LinkChoice::memory, Neighbourhood::create());
            int pid = ::getpid();
            const Part part{&pid, 1, Dtype::i32};
            connection->send({}, {&part, 1}, 0, soon());
            connection->receive_into({&part, 1}, 0, soon());
            connection->close();
            (void)::pause();
            return "not killed";
        }));
    CHECK(processes[0]->remains().text == "right");
}

TEST_CASE("shared group: of a member that closes its connection the others hear that it has left") {
    const Address address = fresh_address();
    std::vector<std::unique_ptr<Forked>> processes;
    const auto outcome = [](SharedGroup& group) -> std::string {
        try {
            for (;;) (void)sum_over(group.communicator(), 100'000);
        } catch (const Error& error) {
            return error.what();
        }
    };
    processes.push_back(std::make_unique<Forked>([&] {
        Host host(address, LinkChoice::memory, 2, Neighbourhood::create());
        return outcome(*SharedGroup::found(host.server.connections(), soon()));
    }));
    for (int i = 0; i < 2; ++i)
        processes.push_back(std::make_unique<Forked>([&]() -> std::string {
            const auto connection =
                connect_to_test(address, LinkChoice::memory, Neighbourhood::create());
            const auto group = SharedGroup::join(connection, soon());
            if (group->communicator().rank() == 2) return outcome(*group);
            for (int operation = 0; operation < 20; ++operation)
                (void)sum_over(group->communicator(), 100'000);
            connection->close();
            (void)::pause();  // it lives on, and keeps the group
            return "not killed";
        }));
    const Remains founder = processes[0]->remains();
    INFO(founder.text);
    CHECK(founder.text.find("rank 1 left") != std::string::npos);
}
