// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/join.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <utility>

#include "base/affinity.hpp"
#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/quiet_thread.hpp"
#include "base/reachable_address.hpp"
#include "base/socket.hpp"
#include "base/stream_socket.hpp"
#include "base/text.hpp"
#include "launcher/agent_process.hpp"
#include "launcher/bootstrap/bootstrap.hpp"
#include "launcher/hosts/addresses.hpp"
#include "launcher/step/node_agent.hpp"
#include "launcher/switches.hpp"
#include "runtime/stream/key.hpp"
#include "runtime/wire/step_protocol.hpp"
#include "topology/discover/discover.hpp"
#include "topology/discover/live_devices.hpp"

namespace ipcrun {

namespace {

constexpr int usage_status = 2;
constexpr int failure_status = 1;

// What it was that failed is of use to the task alone.
void refuse(int socket, const Error& error) noexcept {
    try {
        (void)send_packet(socket, encode(NotSeated{error.code, error.what()}));
    } catch (const std::exception&) {
        // The task is gone, or there is no memory: it finds the socket closed.
    }
}

std::string own_host() {
    std::string name = environment_variable("SLURMD_NODENAME").value_or("");
    if (!name.empty()) return name;
    utsname names{};
    check_syscall(::uname(&names), "ask for the name of this host");
    return names.nodename;
}

// The library of a bootstrap may block without end; and the task may end meanwhile.
class Watchdog {
  public:
    explicit Watchdog(int socket)
        : stop_(check_syscall(::eventfd(0, EFD_CLOEXEC), "create an event descriptor")),
          thread_(start_quiet_thread([this, socket] {
              pollfd watched[] = {{socket, POLLRDHUP, 0}, {stop_.get(), POLLIN, 0}};
              while (::poll(watched, 2, -1) < 0 && errno == EINTR) {
              }
              if (watched[1].revents == 0) ::_exit(failure_status);
          })) {}
    ~Watchdog() {
        (void)::eventfd_write(stop_.get(), 1);
        thread_.join();
    }
    Watchdog(const Watchdog&) = delete;

  private:
    UniqueFd stop_;
    std::thread thread_;
};

int pmi_descriptor() {
    return parse_number<int>(environment_variable("PMI_FD").value_or("")).value_or(-1);
}

// Pipes of the task, say, whose readers wait for their end: all but the socket, what is said to
// people, and the way to PMI.
UniqueFd take_socket() {
    constexpr int first = STDERR_FILENO + 1;
    const int pmi = pmi_descriptor();
    // One that is inherited by its name alone must not be the number of something of ours.
    if (pmi >= first && ::fcntl(pmi, F_GETFD) < 0) {
        UniqueFd null(check_syscall(::open("/dev/null", O_RDWR), "open /dev/null"));
        if (null.get() == pmi)
            (void)null.release();
        else
            (void)::dup2(null.get(), pmi);  // fails for numbers that none of ours can have
    }
    const int kept = pmi < first ? first - 1 : pmi;
    if (kept > first) (void)::close_range(first, static_cast<unsigned>(kept) - 1, 0);
    (void)::close_range(static_cast<unsigned>(kept) + 1, ~0u, 0);
    return UniqueFd(check_syscall(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, first),
                                  "keep the socket of the task"));
}

// From here on nothing of this process is the task's: who waits for the end of its output waits
// for no agent.
void let_go_of_task() {
    const UniqueFd null(check_syscall(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        check_syscall(::dup2(null.get(), fd), "let go of the task's output");
    if (const int pmi = pmi_descriptor(); pmi > STDERR_FILENO)
        (void)::dup2(null.get(), pmi);  // where it is none there is nothing to let go of
    check_syscall(::chdir("/"), "let go of the task's working directory");
}

// It made the pair of sockets.
pid_t pid_of_task(int socket) {
    ucred task{};
    socklen_t bytes = sizeof task;
    check_syscall(::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &task, &bytes), "ask who calls");
    return task.pid;
}

// What the machine is for all ranks of the node, which the batch system may have bound each apart.
topology::Machine discover_for_all(const StepSeats& seats, const StepNode& node) {
    std::vector<int> cpus;
    for (const int rank : node.ranks)
        for (const int cpu : parse_list(seats.card(rank).cpus).value_or(std::vector<int>()))
            if (cpu >= 0) cpus.push_back(cpu);
    // Where the kernel refuses, each has CPUs of its own: those of the first stand for all.
    (void)try_affinity(cpus);
    return topology::discover(topology::count_adapters() > 1);
}

// Where ranks on other nodes reach this one.
std::string address_for_others() {
    const std::string interface = environment_variable("IPCRUN_IFACE").value_or("");
    return interface.empty()
               ? reachable_address(environment_variable("SLURM_LAUNCH_NODE_IPADDR").value_or(""))
               : address_of_interface(interface);
}

// The socket is the caller's again when it throws.
void join(UniqueFd& answer, Deadline deadline) {
    const BootstrapChoice choice = choose_bootstrap(lookup_in_process(), can_load_library);
    if (choice.kind == BootstrapKind::alone) {
        (void)send_packet(answer.get(), encode(Alone{}));
        return;
    }
    const pid_t task = pid_of_task(answer.get());
    TaskArrival own;
    own.process.reset(static_cast<int>(
        check_syscall(::syscall(SYS_pidfd_open, task, 0), "watch the task that calls")));
    const std::string address = address_for_others();
    own.listener = listen_at({.host = address});
    UniqueFd agents = listen_at({.host = address});
    Door door = open_door();
    Card card{.node_id = own_node_id(),
              .host = own_host(),
              .address = format_address(own_address(own.listener.get())),
              .door = door.name,
              .cpus = format_list(read_affinity()),
              .switches = own_switches(),
              .agent_address = format_address(own_address(agents.get()))};
    std::vector<std::string> cards;
    {
        const Watchdog watchdog(answer.get());
        const auto bootstrap = open_bootstrap(choice.kind, deadline, [&answer](const Error& error) {
            refuse(answer.get(), error);
            ::_exit(failure_status);
        });
        own.rank = bootstrap->rank();
        if (own.rank == 0) card.secret = Key::random().bytes;
        cards = bootstrap->exchange(encode_card(card));
    }
    let_go_of_task();
    const StepSeats seats = seat_ranks(cards);
    const int index = seats.node_of[static_cast<std::size_t>(own.rank)];
    const StepNode& node = seats.node(index);
    if (node.leader() == own.rank) {
        // No other thread is left here: discovery writes to the environment.
        NodeAgent agent(
            seats, index, [&seats](const StepNode& all) { return discover_for_all(seats, all); },
            std::move(door.listener), std::move(agents), deadline);
        own.answer = std::move(answer);
        agent.run(std::move(own));
        ::_exit(EXIT_SUCCESS);  // its sockets are the last of it: who sees them close sees its end
    }
    own.answer = std::move(answer);
    try {
        knock(seats.card(node.leader()).door, seats.card(0).secret, own, deadline);
    } catch (...) {
        answer = std::move(own.answer);
        throw;
    }
}

}  // namespace

int run_join(const char* seconds_text) {
    const auto seconds = parse_number<double>(seconds_text);
    if (!seconds || !is_packet_socket(STDIN_FILENO)) {
        (void)std::fputs(
            "ipcrun: option --join: processes give it that srun started; it is not "
            "for people\n",
            stderr);
        return usage_status;
    }
    // A child that the task need not wait for.
    const pid_t child = ::fork();
    if (child != 0) return child > 0 ? EXIT_SUCCESS : failure_status;
    ignore_terminal_signals();
    (void)::setsid();  // signals are the task's; cannot fail for a process that has just been born
    UniqueFd answer;
    try {
        answer = take_socket();
        (void)raise_open_files();
        join(answer, Deadline::after(Seconds(*seconds)));
    } catch (const Error& error) {
        refuse(answer.get(), error);
        return failure_status;
    } catch (const std::exception& error) {
        refuse(answer.get(), Error(ErrorCode::system, error.what()));
        return failure_status;
    }
    return EXIT_SUCCESS;
}

}  // namespace ipcrun
