// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Threads and forked processes that meet at a server, for tests of groups and trees.

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/address.hpp"
#include "base/fail.hpp"
#include "base/unique_fd.hpp"
#include "runtime/connection/neighbourhood.hpp"
#include "runtime/connection/server.hpp"
#include "runtime/connection/shared_group.hpp"
#include "runtime/stream/key.hpp"

namespace ipcrun::test {

inline Deadline soon() {
    return Deadline::after(Seconds(60));
}

/// Where the members of one test meet; a name that no other test has.
inline Address fresh_address() {
    static std::atomic<int> number = 0;
    return {.path = fmt::format("@ipcrun-group-test-{}-{}", ::getpid(), ++number)};
}

inline Key test_key() {
    return key_of_text("the key of tests of groups");
}

inline std::shared_ptr<Connection> connect_to_test(
    const Address& address, LinkChoice choice,
    const std::shared_ptr<Neighbourhood>& neighbourhood) {
    return Connection::connect(address, test_key(), false, choice, neighbourhood, soon());
}

/// A server, and `count` connections that have come to it.
struct Host {
    Host(const Address& address, LinkChoice choice, std::size_t count,
         const std::shared_ptr<Neighbourhood>& neighbourhood)
        : server(address, test_key(), false, choice, neighbourhood) {
        if (server.wait_for(count, soon()) != count)
            fail(ErrorCode::timeout, "nobody came: {}", server.describe_refusals());
    }
    Server server;
};

using GroupBody = std::function<void(SharedGroup&)>;

/// Runs `body` with a group of threads, in number order of who came when. What each threw.
inline std::vector<std::exception_ptr> run_group_of_threads(int members, LinkChoice choice,
                                                            const GroupBody& body) {
    const Address address = fresh_address();
    const auto common = Neighbourhood::create();
    std::vector<std::exception_ptr> outcomes(static_cast<std::size_t>(members));
    std::vector<std::thread> threads;
    for (int member = 0; member < members; ++member)
        threads.emplace_back([&, member] {
            try {
                if (member == 0) {
                    Host host(address, choice, static_cast<std::size_t>(members - 1), common);
                    const auto group = SharedGroup::found(host.server.connections(), soon());
                    return body(*group);
                }
                const auto connection = connect_to_test(address, choice, common);
                const auto group = SharedGroup::join(connection, soon());
                body(*group);
            } catch (...) {
                outcomes[static_cast<std::size_t>(member)] = std::current_exception();
            }
        });
    for (std::thread& thread : threads) thread.join();
    return outcomes;
}

/// What a process left: its wait status, and what it wrote.
struct Remains {
    int status = 0;
    std::string text;
    bool was_killed() const { return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; }
};

/// A forked process that runs `body`, and whose result is what that returns. To be made while this
/// process has one thread.
class Forked {
  public:
    explicit Forked(const std::function<std::string()>& body) {
        int ends[2];
        check_syscall(::pipe2(ends, O_CLOEXEC), "make a pipe");
        read_.reset(ends[0]);
        UniqueFd write(ends[1]);
        pid_ = check_syscall(::fork(), "fork");
        if (pid_ != 0) return;
        std::string text;
        try {
            text = body();
        } catch (const std::exception& error) {
            text = fmt::format("failed: {}", error.what());
        }
        const auto written = ::write(write.get(), text.data(), text.size());
        ::_exit(written == static_cast<ssize_t>(text.size()) ? 0 : 1);
    }
    Forked(const Forked&) = delete;
    ~Forked() {
        if (pid_ <= 0) return;
        (void)::kill(pid_, SIGKILL);
        (void)::kill(pid_, SIGCONT);
        (void)::waitpid(pid_, nullptr, 0);
    }
    pid_t pid() const { return pid_; }
    /// Waits for its end.
    Remains remains() {
        Remains result;
        char buffer[4096];
        for (ssize_t got; (got = ::read(read_.get(), buffer, sizeof buffer)) > 0;)
            result.text.append(buffer, static_cast<std::size_t>(got));
        check_syscall(::waitpid(pid_, &result.status, 0), "wait for a process");
        pid_ = -1;
        return result;
    }

  private:
    pid_t pid_ = -1;
    UniqueFd read_;
};

struct ProcessOptions {
    int members = 2;
    std::string fault = "";  ///< of all members, see Faults
};

using ProcessBody = std::function<std::string(SharedGroup&)>;

/// Starts the members of a group, each a process: the first is the founder.
inline std::vector<std::unique_ptr<Forked>> start_group_of_processes(const ProcessOptions& options,
                                                                     const ProcessBody& body) {
    const Address address = fresh_address();
    const int members = options.members;
    std::vector<std::unique_ptr<Forked>> processes;
    for (int member = 0; member < members; ++member)
        processes.push_back(std::make_unique<Forked>([&, member]() -> std::string {
            if (!options.fault.empty()) ::setenv("IPCRUN_FAULT", options.fault.c_str(), 1);
            const auto neighbourhood = Neighbourhood::create();
            if (member == 0) {
                Host host(address, LinkChoice::fastest, static_cast<std::size_t>(members - 1),
                          neighbourhood);
                const auto group = SharedGroup::found(host.server.connections(), soon());
                return body(*group);
            }
            const auto connection = connect_to_test(address, LinkChoice::fastest, neighbourhood);
            const auto group = SharedGroup::join(connection, soon());
            return body(*group);
        }));
    return processes;
}

inline std::vector<Remains> remains_of(std::vector<std::unique_ptr<Forked>> processes) {
    std::vector<Remains> result;
    for (const auto& process : processes) result.push_back(process->remains());
    return result;
}

/// Descriptors of this process, and its mappings of shared memory.
struct Holdings {
    std::ptrdiff_t descriptors = 0, mappings = 0;
    bool operator==(const Holdings&) const = default;

    static Holdings now() {
        Holdings result;
        result.descriptors = std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                                           std::filesystem::directory_iterator());
        std::ifstream maps("/proc/self/maps");
        for (std::string line; std::getline(maps, line);)
            result.mappings += line.find("memfd:ipcrun") != std::string::npos;
        return result;
    }
};

}  // namespace ipcrun::test
