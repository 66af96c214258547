// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/socket.hpp"
#include "base/text.hpp"
#include "runtime/children.hpp"
#include "runtime/join.hpp"
#include "runtime/pair.hpp"
#include "runtime/wire/family_protocol.hpp"

namespace ipcrun {

namespace {

// The socket that the environment names; empty in a process that is no child, and in programs that
// a child started, which inherit the variable and not the descriptor.
UniqueFd find_socket() {
    const auto text = environment_variable(parent_fd_variable);
    if (!text) return {};
    const auto number = parse_number<int>(*text);
    if (!number || *number < 0)
        fail(ErrorCode::config,
             "join the parent: the environment variable {} is '{}', and a number was expected "
             "(unset it to run without a parent)",
             parent_fd_variable, *text);
    if (!is_packet_socket(*number)) return {};
    set_close_on_exec(*number);
    return UniqueFd(*number);
}

}  // namespace

struct ParentProcess::Impl {
    UniqueFd socket;
    pid_t pid;  // of this process
    Pair pair;
};

std::unique_ptr<ParentProcess> ParentProcess::join() {
    // Of the process, as the descriptor is.
    static std::atomic<bool> has_joined = false;
    if (has_joined.exchange(true)) return nullptr;
    UniqueFd socket = find_socket();
    if (!socket) return nullptr;
    constexpr std::size_t given = 3;  // control segment, heap, the parent's doorbell
    auto fds = ask_to_join(socket.get(), given, "join the parent");
    return std::make_unique<ParentProcess>(
        std::make_unique<Impl>(Impl{std::move(socket), ::getpid(),
                                    Pair(std::move(fds[0]), std::move(fds[1]),
                                         std::make_shared<Doorbell>(fds[2].get()), Pair::child)}));
}

bool ParentProcess::is_around() {
    return environment_variable(parent_fd_variable).has_value();
}

ParentProcess::ParentProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ParentProcess::~ParentProcess() {
    // A child after fork() cannot leave for its parent.
    if (::getpid() != impl_->pid) return;
    try {
        (void)send_packet(impl_->socket.get(), encode(Leave{}));
    } catch (const Error&) {
        // The agent is gone, and with it everybody who could be told.
    }
}

int ParentProcess::pid() const {
    return impl_->pair.control().rank(Pair::parent).pid.load();
}

Communicator& ParentProcess::communicator() {
    return impl_->pair.communicator();
}

const std::shared_ptr<Heap>& ParentProcess::heap() const {
    return impl_->pair.heap();
}

std::optional<JobSecret> ParentProcess::secret() const {
    return impl_->pair.control().secret();
}

void ParentProcess::report(std::string_view text) {
    if (::getpid() != impl_->pid)
        fail(ErrorCode::usage, "report to the parent: a child after fork() is not its child");
    (void)send_packet(impl_->socket.get(),
                      encode(Report{Report::Kind::runtime_error, std::string(text)}));
}

}  // namespace ipcrun
