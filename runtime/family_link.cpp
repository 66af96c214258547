// SPDX-License-Identifier: Apache-2.0
#include "runtime/family_link.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <system_error>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

constexpr int agent_socket_number = 3;
constexpr Seconds agent_patience{30};
constexpr Seconds close_patience{5};  // beyond the grace: for a sweep of the machine

void check_texts(const ChildSpec& spec) {
    const auto check_text = [&spec](const std::string& text) {
        if (text.find('\0') != std::string::npos)
            fail(ErrorCode::usage, "start '{}': an argument or setting has a zero byte in it",
                 spec.program.c_str());
    };
    if (spec.argv.empty())
        fail(ErrorCode::usage, "start '{}': without argv[0], its name", spec.program);
    check_text(spec.program);
    for (const std::string& text : spec.argv) check_text(text);
    for (const std::string& text : spec.environment) {
        check_text(text);
        if (text.find('=') == std::string::npos || text.front() == '=')
            fail(ErrorCode::usage, "start '{}': '{}' in its environment is not NAME=value",
                 spec.program, text);
    }
}

}  // namespace

FamilyLink::FamilyLink(const std::string& agent_program) {
    const UniqueFd doorbell_fd = Doorbell::create();
    doorbell_ = std::make_shared<Doorbell>(doorbell_fd.get());
    stop_.reset(check_syscall(::eventfd(0, EFD_CLOEXEC), "create an event descriptor"));
    try {
        start(agent_program, doorbell_fd.get());
        start_listener();
    } catch (const Error& error) {
        finish();
        throw Error(ErrorCode::system, fmt::format("start the agent of children: {}", error.what()),
                    error.system_errno);
    }
}

void FamilyLink::start(const std::string& agent_program, int doorbell_fd) {
    auto [ours, theirs] = create_socket_pair(SocketKind::packet);
    SpawnOptions options;
    options.file = agent_program;
    options.argv = {"ipcrun-agent"};
    for (char** setting = environ; *setting != nullptr; ++setting)
        options.environment.emplace_back(*setting);
    options.descriptors = {{theirs.get(), agent_socket_number}};
    agent_ = ipcrun::spawn(options);
    set_nonblocking(ours.get());
    socket_ = std::move(ours);
    Hello hello;
    hello.pid = static_cast<std::int32_t>(pid_);
    (void)send_packet(socket_.get(), encode(ToFamilyAgent(hello)), {&doorbell_fd, 1});
}

void FamilyLink::start_listener() {
    // What signals do to this process is for its other threads to meet.
    sigset_t all, before;
    ::sigfillset(&all);
    check(::pthread_sigmask(SIG_SETMASK, &all, &before) == 0, "block signals");
    int error_number = 0;
    try {
        listener_ = std::thread([this] { listen(); });
    } catch (const std::system_error& error) {
        error_number = error.code().value();
    }
    check(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0, "restore signals");
    if (error_number != 0)
        fail_errno(error_number,
                   "start a thread (is there a limit on processes, ulimit -u, or on memory?)");
}

bool FamilyLink::is_ours() const {
    return ::getpid() == pid_;
}

void FamilyLink::check_ours() const {
    if (!is_ours())
        fail(ErrorCode::usage, "use children: they are those of the process that forked this one");
}

void FamilyLink::fail_without_agent(std::string_view attempt) const {
    fail(ErrorCode::peer_lost, "{}: {}", attempt,
         agent_end_.empty() ? "the agent of children is gone, and they with it" : agent_end_);
}

void FamilyLink::send(std::string_view attempt, const ToFamilyAgent& message,
                      std::span<const int> fds) {
    const Bytes bytes = encode(message);
    const auto deadline = Deadline::after(agent_patience);
    try {
        // A packet is whole, whichever threads send at the same time.
        while (!send_packet(socket_.get(), bytes, fds)) {
            pollfd polled{socket_.get(), POLLOUT, 0};
            if (::poll(&polled, 1, deadline.remaining_ms()) == 0)
                fail(ErrorCode::timeout, "{}: its agent takes no message", attempt);
        }
    } catch (const Error& error) {
        if (error.code != ErrorCode::system) throw;
        if (error.system_errno != EPIPE && error.system_errno != ECONNRESET)
            throw Error(error.code, fmt::format("{}: {}", attempt, error.what()),
                        error.system_errno);
        // Why it ended is known when the listener has seen it.
        Lock lock(mutex_);
        (void)wait(lock, deadline, [this] { return is_agent_gone_; });
        fail_without_agent(attempt);
    }
}

template <typename Condition>
bool FamilyLink::wait(Lock& lock, Deadline deadline, Condition condition) {
    for (;;) {
        read();
        if (condition()) return true;
        if (deadline.has_passed()) return false;
        if (deadline.is_never())
            news_.wait(lock);
        else
            (void)news_.wait_for(lock, *deadline.remaining());
    }
}

FamilyLink::Started FamilyLink::spawn(const ChildSpec& spec) {
    check_ours();
    check_texts(spec);
    const std::string attempt = fmt::format("start '{}'", spec.program);
    const UniqueFd directory(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory) fail_errno(errno, attempt + ": open the working directory");
    std::uint32_t id;
    {
        const Lock lock(mutex_);
        if (is_agent_gone_) fail_without_agent(attempt);
        id = ++last_id_;
        children_[id];
        asked_ = id;
    }
    const int fds[] = {directory.get()};
    Entry answer;
    try {
        send(
            attempt,
            Spawn{id, spec.program, spec.argv, spec.environment, spec.secret.value_or(JobSecret{})},
            fds);
        answer = await_answer(id);
    } catch (...) {
        forget(id);
        throw;
    }
    if (!answer.refusal.empty()) fail(ErrorCode::system, "{}: {}", attempt, answer.refusal);
    if (!answer.is_answered) {
        const Lock lock(mutex_);
        if (is_agent_gone_) fail_without_agent(attempt);
        fail(ErrorCode::timeout, "{}: the agent did not answer within {} s", attempt,
             agent_patience.count());
    }
    return {id, answer.pid, std::move(answer.control), std::move(answer.heap)};
}

// What has been told of the child when it has been answered for, or when nothing more will be told.
FamilyLink::Entry FamilyLink::await_answer(std::uint32_t id) {
    Lock lock(mutex_);
    (void)wait(lock, Deadline::after(agent_patience),
               [&] { return children_[id].is_answered || is_agent_gone_; });
    asked_.reset();
    Entry& entry = children_[id];
    Entry answer;
    answer.pid = entry.pid;
    answer.is_answered = entry.is_answered;
    answer.control = std::move(entry.control);
    answer.heap = std::move(entry.heap);
    answer.refusal = entry.refusal;
    if (!answer.is_answered || !answer.refusal.empty()) children_.erase(id);
    return answer;
}

void FamilyLink::watch(std::uint32_t id, std::shared_ptr<NodeMemory> memory) {
    const Lock lock(mutex_);
    Entry& entry = children_[id];
    entry.memory = std::move(memory);
    if (is_agent_gone_) mark_ends();
}

void FamilyLink::forget(std::uint32_t id) {
    const Lock lock(mutex_);
    if (asked_ == id) asked_.reset();
    const auto entry = children_.find(id);
    if (entry == children_.end()) return;
    if (!entry->second.end) is_one_out_of_sight_ = true;
    children_.erase(entry);
}

bool FamilyLink::have_ended() {
    check_ours();
    const Lock lock(mutex_);
    if (is_agent_gone_) return true;
    return !is_one_out_of_sight_ &&
           std::all_of(children_.begin(), children_.end(),
                       [](const auto& child) { return child.second.end.has_value(); });
}

void FamilyLink::abandon(std::uint32_t id) {
    try {
        send("end a child", SignalChild{id, SIGKILL});
    } catch (const Error&) {
        // The agent is gone, and the child with it; or it does not answer, and more will fail.
    }
    forget(id);
}

std::optional<ChildEnd> FamilyLink::end(std::uint32_t id) {
    return wait_end(id, Deadline::after(Seconds(0)));
}

std::optional<ChildEnd> FamilyLink::wait_end(std::uint32_t id, Deadline deadline) {
    check_ours();
    Lock lock(mutex_);
    const Entry& entry = children_.at(id);
    (void)wait(lock, deadline, [&entry] { return entry.end.has_value(); });
    return entry.end;
}

void FamilyLink::signal(std::uint32_t id, int number) {
    check_ours();
    if (number < 0 || number > SIGRTMAX)
        fail(ErrorCode::usage, "signal a child: {} is no signal: they are 1 to {}", number,
             SIGRTMAX);
    {
        const Lock lock(mutex_);
        if (is_agent_gone_) fail_without_agent("signal a child");
        if (children_.at(id).end) return;
    }
    send("signal a child", SignalChild{id, number});
}

void FamilyLink::close(Seconds grace) {
    check_ours();
    {
        const Lock lock(mutex_);
        if (is_agent_gone_) return;  // and with it the children
        closed_.reset();
    }
    const auto patience = grace > Seconds(0) ? std::min(grace, Seconds(1e6)) : Seconds(0);
    try {
        send("end children", CloseAll{static_cast<std::uint32_t>(patience.count() * 1e3)});
    } catch (const Error& error) {
        if (error.code == ErrorCode::peer_lost) return;  // it has gone just now
        throw;
    }
    Lock lock(mutex_);
    (void)wait(lock, Deadline::after(patience + close_patience),
               [this] { return closed_ || is_agent_gone_; });
    if (!closed_ && !is_agent_gone_)
        fail(ErrorCode::timeout, "end children: the agent (pid {}) does not answer", agent_.pid);
    if (closed_.value_or(0) != 0)
        fail(ErrorCode::system, "end children: {} of their processes cannot be killed", *closed_);
}

}  // namespace ipcrun
