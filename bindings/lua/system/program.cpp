// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/system/program.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/socket.hpp"
#include "bindings/lua/system/poll.hpp"

namespace ipcrun::lua {

namespace {

constexpr Seconds grace{1};  // between TERM and KILL, and after that
constexpr std::size_t read_bytes = 64 * 1024;

// Away from 0 to 2: those are the child's names for its ends (see SpawnOptions::descriptors).
UniqueFd above_standard(UniqueFd fd) {
    if (fd.get() > STDERR_FILENO) return fd;
    return UniqueFd(check_syscall(::fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1),
                                  "ipc.spawn: move a descriptor of a pipe"));
}

// {the end to read, the end to write}
std::pair<UniqueFd, UniqueFd> create_pipe() {
    int fds[2];
    check_syscall(::pipe2(fds, O_CLOEXEC), "ipc.spawn: create a pipe");
    UniqueFd read(fds[0]);
    UniqueFd write(fds[1]);
    return {above_standard(std::move(read)), above_standard(std::move(write))};
}

// As execvp(3), which searches in the child: the path that the child executes.
std::string find_in_path(const std::string& file) {
    if (file.find('/') != std::string::npos) return file;
    const std::string path = environment_variable("PATH").value_or("/usr/local/bin:/usr/bin:/bin");
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find(':', begin), path.size());
        const std::string folder = end > begin ? path.substr(begin, end - begin) : ".";
        std::string found = folder + "/" + file;
        if (::access(found.c_str(), X_OK) == 0) return found;
        begin = end + 1;
    }
    fail(ErrorCode::system, "ipc.spawn: execute '{}': it is in no folder of PATH", file);
}

std::vector<std::string> own_environment() {
    std::vector<std::string> result;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
        result.emplace_back(*entry);
    return result;
}

// A write to a pipe that nobody reads ends the process by SIGPIPE, and has no flag against it. What
// the process does with that signal is not ours to change: it is blocked for the call, and taken
// back when the call has caused it.
ssize_t write_without_signal(int fd, std::string_view text) {
    sigset_t pipe_signal;
    sigset_t before;
    sigset_t pending;
    ::sigemptyset(&pipe_signal);
    ::sigaddset(&pipe_signal, SIGPIPE);
    ::sigpending(&pending);
    const bool was_pending = ::sigismember(&pending, SIGPIPE) == 1;
    check(::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before) == 0, "block SIGPIPE");
    const ssize_t written = ::write(fd, text.data(), text.size());
    const int write_errno = errno;
    if (written < 0 && write_errno == EPIPE && !was_pending) {
        const timespec at_once{};
        while (::sigtimedwait(&pipe_signal, nullptr, &at_once) < 0 && errno == EINTR) {
        }
    }
    check(::pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0, "restore signals");
    errno = write_errno;
    return written;
}

// By the pidfd: where somebody else has reaped it, its number may be another child's by now.
int reap(int pidfd, siginfo_t& info, int options) {
    for (;;) {
        const int result = ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | options);
        if (result == 0 || errno != EINTR) return result;
    }
}

}  // namespace

Program::Program(const ProgramSpec& spec) {
    auto [input_there, input_here] = create_pipe();
    auto [output_here, output_there] = create_pipe();
    set_nonblocking(input_here.get());
    SpawnOptions options;
    options.file = find_in_path(spec.file);
    options.argv = {spec.file};
    options.argv.insert(options.argv.end(), spec.arguments.begin(), spec.arguments.end());
    options.environment = spec.environment ? *spec.environment : own_environment();
    options.descriptors = {{input_there.get(), STDIN_FILENO}, {output_there.get(), STDOUT_FILENO}};
    // Ctrl-C at the terminal is for all of the program.
    options.own_process_group = false;
    child_ = spawn(options);
    input_ = std::move(input_here);
    output_ = std::move(output_here);
}

Program& Program::operator=(Program&& other) noexcept {
    std::swap(child_, other.child_);
    std::swap(input_, other.input_);
    std::swap(output_, other.output_);
    std::swap(has_ended_, other.has_ended_);
    std::swap(taken_, other.taken_);
    buffer_.swap(other.buffer_);
    return *this;
}

bool Program::is_running() const {
    pollfd ended{child_.pidfd.get(), POLLIN, 0};
    return ::poll(&ended, 1, 0) == 0;
}

// Reads what is there into the buffer, once; false when the output has ended.
bool Program::fill(const Context& thread, const char* operation) {
    if (has_ended_) return false;
    pollfd readable{output_.get(), POLLIN, 0};
    wait_ready(thread, {&readable, 1}, Deadline::never(), operation);
    buffer_.erase(0, std::exchange(taken_, 0));
    const std::size_t size = buffer_.size();
    buffer_.resize(size + read_bytes);
    const ssize_t count = ::read(output_.get(), buffer_.data() + size, read_bytes);
    const int read_errno = errno;
    buffer_.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count < 0 && read_errno != EINTR && read_errno != EAGAIN) fail_errno(read_errno, operation);
    has_ended_ = count == 0;
    return !has_ended_;
}

void Program::write(const Context& thread, std::string_view text) {
    if (!input_) fail(ErrorCode::usage, "spawn:stdin: it was closed already");
    while (!text.empty()) {
        std::array<pollfd, 2> fds{pollfd{input_.get(), POLLOUT, 0},
                                  pollfd{has_ended_ ? -1 : output_.get(), POLLIN, 0}};
        wait_ready(thread, fds, Deadline::never(), "spawn:stdin");
        if (fds[1].revents != 0) fill(thread, "spawn:stdin");
        if (fds[0].revents == 0) continue;
        const ssize_t written = write_without_signal(input_.get(), text);
        if (written >= 0)
            text.remove_prefix(static_cast<std::size_t>(written));
        else if (errno == EPIPE)
            fail(ErrorCode::system, "spawn:stdin: write to the program: it reads no more");
        else if (errno != EINTR && errno != EAGAIN)
            fail_errno(errno, "spawn:stdin: write to the program");
    }
}

// The next `count` bytes, of which the caller does not want to see the last `beyond`.
Program::Found Program::take(std::size_t count, std::size_t beyond) {
    const std::string_view found = pending().substr(0, count - beyond);
    taken_ += count;
    return found;
}

Program::Found Program::read_some(const Context& thread, std::size_t count) {
    while (pending().empty()) {
        if (!fill(thread, "spawn:stdout")) return std::nullopt;
    }
    return take(std::min(count, pending().size()));
}

Program::Found Program::read_line(const Context& thread) {
    std::size_t searched = 0;
    for (;;) {
        const std::size_t end = pending().find('\n', searched);
        if (end != std::string_view::npos) return take(end + 1, 1);
        searched = pending().size();
        if (!fill(thread, "spawn:stdout")) break;
    }
    if (pending().empty()) return std::nullopt;
    return take(pending().size());
}

Program::Found Program::read_all(const Context& thread) {
    while (fill(thread, "spawn:stdout")) {
    }
    if (pending().empty()) return std::nullopt;
    return take(pending().size());
}

// Others may have inherited the output and hold it open, so its end is not waited for beyond that
// of the program.
ProgramEnd Program::wait(const Context& thread, bool drains) {
    close_input();
    if (!drains) output_.reset();
    for (bool runs = true; runs;) {
        std::array<pollfd, 2> fds{pollfd{child_.pidfd.get(), POLLIN, 0},
                                  pollfd{has_ended_ ? -1 : output_.get(), POLLIN, 0}};
        wait_ready(thread, fds, Deadline::never(), "spawn:wait");
        if (fds[1].revents != 0) {
            taken_ = buffer_.size();
            fill(thread, "spawn:wait");
        }
        runs = fds[0].revents == 0;
    }
    siginfo_t info{};
    const int waited = reap(child_.pidfd.get(), info, 0);
    child_ = Child();
    check_syscall(waited, "spawn:wait: ask how the program ended");
    if (info.si_code == CLD_EXITED) return {.exit_status = info.si_status};
    return {.signal = info.si_status};
}

void Program::stop() noexcept {
    if (child_.pid < 0) return;
    input_.reset();
    output_.reset();
    for (const int number : {SIGTERM, SIGKILL}) {
        if (!is_running()) break;
        (void)signal(number);  // it may end just now
        const Deadline deadline = Deadline::after(grace);
        pollfd ended{child_.pidfd.get(), POLLIN, 0};
        while (::poll(&ended, 1, deadline.remaining_ms()) < 0 && errno == EINTR) {
        }
    }
    // What not even KILL has ended, the kernel holds: it is not waited for.
    siginfo_t info{};
    (void)reap(child_.pidfd.get(), info, WNOHANG);
    child_ = Child();
}

}  // namespace ipcrun::lua
