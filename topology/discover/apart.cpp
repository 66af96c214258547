// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/apart.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <new>
#include <optional>

#include "base/fail.hpp"
#include "base/unique_fd.hpp"
#include "topology/machine_codec.hpp"

namespace ipcrun::topology {

namespace {

// Far more than the largest recorded machine takes: 24 packages, 384 CPUs: 0.1 s, 20 MB.
constexpr rlim_t memory_bytes_max = rlim_t{2} << 30;
constexpr rlim_t processor_seconds_max = 10;
constexpr std::size_t answer_bytes_max = 64 << 20;

enum class Answer : std::uint8_t { machine, error };

void limit(int resource, rlim_t most) {
    rlimit now{};
    if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &now) != 0) return;
    now.rlim_cur = std::min(most, now.rlim_max);
    // Refused: the deadline holds all the same.
    (void)::setrlimit(static_cast<__rlimit_resource_t>(resource), &now);
}

void confine_child(pid_t parent) {
    // The handlers of the parent have no business here.
    for (int number = 1; number < 32; ++number) (void)::signal(number, SIG_DFL);
    (void)::signal(SIGPIPE, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
    // What is to be said goes through the pipe; assertions of libraries would come beside it.
    if (const UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC)); nowhere)
        (void)::dup2(nowhere.get(), STDERR_FILENO);
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // It may have died before it could take this one along.
    if (::getppid() != parent) ::_exit(1);
// Sanitizers map terabytes.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    limit(RLIMIT_AS, memory_bytes_max);
#endif
    limit(RLIMIT_CPU, processor_seconds_max);
    limit(RLIMIT_CORE, 0);
}

Bytes encode_error(ErrorCode code, std::string_view text) {
    Encoder out;
    out.number(Answer::error);
    out.number(static_cast<std::uint8_t>(code));
    out.string(text);
    return out.take();
}

Bytes answer_for(const std::string& source, MachineReader read) {
    try {
        const Bytes machine = encode(read(source));
        Encoder out;
        out.number(Answer::machine);
        out.bytes({reinterpret_cast<const char*>(machine.data()), machine.size()});
        return out.take();
    } catch (const Error& error) {
        return encode_error(error.code, error.what());
    } catch (const std::bad_alloc&) {
        return encode_error(ErrorCode::usage,
                            fmt::format("read the topology {}: it takes more than {} MiB of memory",
                                        source, memory_bytes_max >> 20));
    } catch (const std::exception& error) {
        return encode_error(ErrorCode::usage,
                            fmt::format("read the topology {}: {}", source, error.what()));
    }
}

// In the child.
[[noreturn]] void answer_and_exit(int to, const Bytes& bytes) {
    for (std::size_t sent = 0; sent < bytes.size();) {
        const ssize_t count = ::write(to, bytes.data() + sent, bytes.size() - sent);
        if (count < 0 && errno != EINTR) ::_exit(1);  // the parent gave up
        if (count > 0) sent += static_cast<std::size_t>(count);
    }
    ::_exit(0);
}

/// Kills and reaps the child when it goes, if that has not happened.
class Reader {
  public:
    explicit Reader(pid_t pid) : pid_(pid) {}
    Reader(const Reader&) = delete;
    ~Reader() { (void)end(SIGKILL); }

    /// How it ended, as waitpid(2) says; sends a signal first unless that is 0.
    std::optional<int> end(int signal_number) {
        if (pid_ < 0) return std::nullopt;
        if (signal_number != 0) (void)::kill(pid_, signal_number);  // not reaped: it is there
        int status = 0;
        pid_t reaped = -1;
        while ((reaped = ::waitpid(pid_, &status, 0)) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        if (reaped < 0) return std::nullopt;  // somebody else reaps all children of this process
        return status;
    }

  private:
    pid_t pid_;
};

/// All that the child says; nullopt: it says too much, or for too long.
std::optional<Bytes> receive(int from, Deadline deadline) {
    Bytes bytes;
    std::array<std::uint8_t, 1 << 16> buffer;
    for (;;) {
        pollfd wanted{.fd = from, .events = POLLIN, .revents = 0};
        const int ready = ::poll(&wanted, 1, deadline.remaining_ms());
        if (ready < 0 && errno == EINTR) continue;
        if (ready == 0) return std::nullopt;
        const ssize_t count = ::read(from, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail_errno(errno, "read a topology from a process of its own");
        if (count == 0) return bytes;
        bytes.insert(bytes.end(), buffer.begin(), buffer.begin() + count);
        if (bytes.size() > answer_bytes_max) return std::nullopt;
    }
}

[[noreturn]] void report_end(const std::string& source, std::optional<int> status) {
    if (status && WIFSIGNALED(*status) && WTERMSIG(*status) == SIGXCPU)
        fail(ErrorCode::usage, "read the topology {}: it takes more than {} s of processor time",
             source, processor_seconds_max);
    fail(ErrorCode::usage,
         "read the topology {}: its reader ended with {}; the file is broken, or meant to do harm "
         "(does `lstopo -i FILE` read it?)",
         source,
         !status ? "no answer"
         : WIFSIGNALED(*status)
             ? fmt::format("signal {} ({})", WTERMSIG(*status), ::strsignal(WTERMSIG(*status)))
             : fmt::format("status {}", WEXITSTATUS(*status)));
}

Machine decode_answer(const std::string& source, const Bytes& bytes) {
    try {
        Decoder in(bytes);
        if (in.number<Answer>() == Answer::machine) return decode_machine(in.rest());
        const auto code = in.number<std::uint8_t>();
        const std::string text = in.string();
        in.end();
        throw Error(code <= static_cast<std::uint8_t>(ErrorCode::internal)
                        ? static_cast<ErrorCode>(code)
                        : ErrorCode::usage,
                    text);
    } catch (const Error& error) {
        if (error.code != ErrorCode::protocol) throw;
        fail(ErrorCode::usage, "read the topology {}: what its reader made of it is no machine: {}",
             source, error.what());
    }
}

}  // namespace

Machine read_apart(const std::string& source, MachineReader read, Seconds patience) {
    int ends[2];
    check_syscall(::pipe2(ends, O_CLOEXEC), "make a pipe to the reader of a topology");
    const UniqueFd from(ends[0]);
    UniqueFd to(ends[1]);
    const pid_t parent = ::getpid();
    const pid_t pid = check_syscall(::fork(), "start a process that reads a topology");
    if (pid == 0) {
        confine_child(parent);
        answer_and_exit(to.get(), answer_for(source, read));
    }
    Reader reader(pid);
    to.reset();
    const std::optional<Bytes> bytes = receive(from.get(), Deadline::after(patience));
    if (!bytes)
        fail(ErrorCode::usage, "read the topology {}: its reader gave no answer within {} s",
             source, patience.count());
    const std::optional<int> status = reader.end(0);
    if (bytes->empty() || (status && *status != 0)) report_end(source, status);
    return decode_answer(source, *bytes);
}

}  // namespace ipcrun::topology
