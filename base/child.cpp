// SPDX-License-Identifier: Apache-2.0
#include "base/child.hpp"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <climits>
#include <memory>

#include "base/bit_mask.hpp"
#include "base/fail.hpp"

#ifdef __SANITIZE_THREAD__
// ThreadSanitizer's clone() does not know children that share memory and is confused ever after.
extern "C" int __clone(int (*entry)(void*), void* stack, int flags, void* argument, ...);
#define clone __clone
#endif

namespace ipcrun {

namespace {

enum class Step {
    none,
    session,
    group,
    death_signal,
    files,
    directory,
    cpus,
    memory,
    descriptors,
    execute
};

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

// All that the child needs, made before it exists: between clone and exec it may not allocate.
struct Plan {
    explicit Plan(const SpawnOptions& spawn_options)
        : options(spawn_options),
          argv(pointers(spawn_options.argv)),
          environment(pointers(spawn_options.environment)),
          cpu_mask(mask_of(spawn_options.cpus)),
          node_mask(mask_of(spawn_options.memory_nodes)) {}

    const SpawnOptions& options;
    std::vector<char*> argv;
    std::vector<char*> environment;
    BitMask cpu_mask;
    BitMask node_mask;
    sigset_t parent_mask = {};
    pid_t parent = ::getpid();
    Step failed_step = Step::none;  // written by the child: the memory is shared
    int failed_errno = 0;
};

bool prefer_nodes(const Plan& plan) {
    const unsigned long bits = plan.node_mask.size() * mask_word_bits + 1;
#ifdef MPOL_PREFERRED_MANY
    if (::syscall(SYS_set_mempolicy, MPOL_PREFERRED_MANY, plan.node_mask.data(), bits) == 0)
        return true;
#endif
    // Before Linux 5.15: the first of the nodes only.
    return ::syscall(SYS_set_mempolicy, MPOL_PREFERRED, plan.node_mask.data(), bits) == 0 ||
           errno == ENOSYS || errno == EPERM;  // a preference, and containers may forbid the call
}

// By system calls: sanitizers note whose descriptor is which, and take the child's for the
// parent's.
bool place_descriptors(const Plan& plan) {
    for (const auto& [here, there] : plan.options.descriptors) {
        const long placed = here == there ? ::syscall(SYS_fcntl, here, F_SETFD, 0)
                                          : ::syscall(SYS_dup3, here, there, 0);
        if (placed < 0) return false;
    }
    return true;
}

// By system calls: what C libraries and sanitizers note about handlers is the parent's memory.
void set_signals(const std::vector<int>& ignored) {
    // The kernel's struct sigaction, which begins with the handler; the rest is zero.
    constexpr unsigned long default_action[8] = {};
    const unsigned long ignore_action[8] = {reinterpret_cast<unsigned long>(SIG_IGN)};
    constexpr int signals = 64;
    // KILL and STOP refuse, rightly.
    for (int number = 1; number <= signals; ++number)
        (void)::syscall(SYS_rt_sigaction, number, default_action, nullptr, signals / 8);
    for (const int number : ignored)
        (void)::syscall(SYS_rt_sigaction, number, ignore_action, nullptr, signals / 8);
}

// Runs in the child, on memory shared with the parent, which sleeps: async-signal-safe calls only.
int child_main(void* argument) {
    Plan& plan = *static_cast<Plan*>(argument);
    const SpawnOptions& options = plan.options;
    const auto failed = [&plan](Step step) {
        plan.failed_errno = errno;
        plan.failed_step = step;
        ::_exit(127);
    };
    set_signals(options.ignored_signals);
    if (options.death_signal != 0) {
        if (::prctl(PR_SET_PDEATHSIG, options.death_signal) != 0) failed(Step::death_signal);
        if (::getppid() != plan.parent) ::_exit(127);  // it died before the line above
    }
    if (options.own_session && ::setsid() < 0) failed(Step::session);
    if (options.own_process_group && !options.own_session &&
        ::setpgid(0, options.process_group) != 0)
        failed(Step::group);
    if (options.open_files && ::setrlimit(RLIMIT_NOFILE, &*options.open_files) != 0)
        failed(Step::files);
    if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0)
        failed(Step::directory);
    if (!plan.cpu_mask.empty() &&
        ::syscall(SYS_sched_setaffinity, 0, plan.cpu_mask.size() * sizeof(unsigned long),
                  plan.cpu_mask.data()) != 0)
        failed(Step::cpus);
    if (!plan.node_mask.empty() && !prefer_nodes(plan)) failed(Step::memory);
    if (!place_descriptors(plan)) failed(Step::descriptors);
    (void)::sigprocmask(SIG_SETMASK, &plan.parent_mask, nullptr);
    ::execve(options.file.c_str(), plan.argv.data(), plan.environment.data());
    failed(Step::execute);
    return 127;
}

std::string describe(Step step, const SpawnOptions& options) {
    switch (step) {
        case Step::none:
            break;
        case Step::session:
            return "make a session";
        case Step::group:
            return "make a process group";
        case Step::death_signal:
            return "ask for a signal at the parent's death";
        case Step::files:
            return "set the limit of open files";
        case Step::directory:
            return fmt::format("change to directory '{}'", options.directory);
        case Step::cpus:
            return "bind to CPUs";
        case Step::memory:
            return "bind memory";
        case Step::descriptors:
            return "pass descriptors on";
        case Step::execute:
            return fmt::format("execute '{}'", options.file);
    }
    return "start a process";
}

// The limit that clone() meets.
const char* limit_hint(int error_number) {
    if (error_number == EAGAIN) return " (is there a limit on processes, ulimit -u?)";
    return "";
}

}  // namespace

bool Child::signal(int signal_number) const {
    return ::syscall(SYS_pidfd_send_signal, pidfd.get(), signal_number, nullptr, 0) == 0;
}

Child spawn(const SpawnOptions& options) {
    Plan plan(options);
    constexpr std::size_t stack_bytes = 64 * 1024;
    const auto stack = std::make_unique<char[]>(stack_bytes);
    // No handler of the parent may run in the child, where it would act on the parent's memory.
    sigset_t all;
    ::sigfillset(&all);
    check(::pthread_sigmask(SIG_SETMASK, &all, &plan.parent_mask) == 0, "block signals");
    sigset_t old_mask = plan.parent_mask;
    ::sigemptyset(&plan.parent_mask);  // the child starts with nothing blocked
    int pidfd = -1;
    const pid_t pid = ::clone(child_main, stack.get() + stack_bytes,
                              CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &pidfd);
    const int clone_errno = errno;
    check(::pthread_sigmask(SIG_SETMASK, &old_mask, nullptr) == 0, "restore signals");
    if (pid < 0)
        fail_errno(clone_errno, fmt::format("start '{}'{}", options.file, limit_hint(clone_errno)));
    Child child{pid, UniqueFd(pidfd)};
    if (plan.failed_step != Step::none) {
        while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
        }
        fail_errno(plan.failed_errno, describe(plan.failed_step, options));
    }
    return child;
}

}  // namespace ipcrun
