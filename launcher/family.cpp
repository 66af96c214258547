// SPDX-License-Identifier: Apache-2.0
#include "launcher/family.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <map>
#include <optional>

#include "base/child.hpp"
#include "base/event_loop.hpp"
#include "base/fail.hpp"
#include "base/own_machine.hpp"
#include "launcher/agent_process.hpp"
#include "launcher/family_plan.hpp"
#include "launcher/membership.hpp"
#include "launcher/out_of_memory.hpp"
#include "launcher/packets.hpp"
#include "launcher/program.hpp"
#include "launcher/surroundings.hpp"
#include "launcher/sweep.hpp"
#include "runtime/wire/family_protocol.hpp"
#include "runtime/wire/pair_shape.hpp"

namespace ipcrun {

namespace {

constexpr int parent_rank = 0;
constexpr int child_rank = 1;
constexpr int socket_number = 3;  // where a child finds its control socket
/// For children to end by themselves when their parent is gone, before they are killed; with the
/// time of a sweep it makes less than a second.
constexpr std::chrono::milliseconds farewell{250};
constexpr Seconds sweep_time_max{0.5};
/// To have them closed a parent waits for longer: a process with much memory takes seconds to end.
constexpr Seconds closing_time_max{4.0};

struct FamilyMember {
    FamilyMember(EventLoop& loop, std::uint32_t number, const Membership::Shape& shape)
        : id(number),
          membership(loop, shape,
                     {.report = [this](int, const Report& sent) { report = sent.text; },
                      // Of two nobody can ask for another's end: the parent is an outsider.
                      .fence = [](int) {}}) {}

    void signal(int number) const {
        // It has not been reaped, so it keeps its pid, and with it the number of its group; unless
        // it has gone to another one.
        if (::kill(-process.pid, number) != 0 && errno == ESRCH) (void)process.signal(number);
    }

    std::uint32_t id;
    Child process;
    std::string report;
    bool is_kill_expected = false;
    Membership membership;
};

class Family {
  public:
    explicit Family(UniqueFd parent)
        : open_files_(raise_open_files()),
          environment_(without_place(read_surroundings().environment)),
          null_(check_syscall(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null")),
          parent_(loop_, std::move(parent),
                  {.packet = [this](Packet& packet) { handle(packet); },
                   .closed = [this] { lose_parent(); }}),
          child_watch_(loop_.on_signal(SIGCHLD, [this] { reap(); })) {}

    void run() {
        try {
            loop_.run();
        } catch (...) {
            part();
            (void)sweep();
            throw;
        }
        (void)sweep();  // what survives it cannot be ended, and nobody is left to be told
    }

  private:
    void send(const ToParent& message, std::span<const int> fds = {}) {
        parent_.send(encode(message), fds);
    }

    void handle(Packet& packet) {
        const ToFamilyAgent message = decode_to_family_agent(packet.bytes);
        std::visit([&](const auto& body) { act(body, packet.fds); }, message);
    }

    void act(const Hello& hello, std::vector<UniqueFd>& fds) {
        if (hello.version != family_protocol_version)
            refusal_ = fmt::format(
                "this ipcrun-agent speaks version {} of its protocol, and the program version {}: "
                "install both from one release",
                family_protocol_version, hello.version);
        if (fds.size() != 1) fail(ErrorCode::protocol, "a parent came without its doorbell");
        doorbell_fd_ = std::move(fds.front());
        doorbell_ = std::make_shared<Doorbell>(doorbell_fd_.get());
        parent_pid_ = hello.pid;
        parent_pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, parent_pid_, 0)));
        // A fork of the parent may hold its socket open when it is gone.
        if (!parent_pidfd_ || ::getppid() != parent_pid_) return lose_parent();
        parent_watch_ = loop_.on_readable(parent_pidfd_.get(), [this] { lose_parent(); });
    }

    void act(const Spawn& request, std::vector<UniqueFd>& fds) {
        try {
            if (!refusal_.empty()) fail(ErrorCode::unsupported, "{}", refusal_);
            if (doorbell_ == nullptr || fds.size() != 1 || by_id_.contains(request.id))
                fail(ErrorCode::protocol, "the parent asks for a child in a way it must not");
            // Programs and their search path may be relative to it, too.
            check_syscall(::fchdir(fds.front().get()), "enter the parent's working directory");
            start(request);
        } catch (const Error& error) {
            send(NotSpawned{request.id, std::string(error.what()) +
                                            std::string(spawn_advice(error.system_errno))});
        }
    }

    void act(const SignalChild& request, const std::vector<UniqueFd>&) {
        const auto entry = by_id_.find(request.id);
        if (entry == by_id_.end()) return;
        if (request.number == SIGKILL) entry->second->is_kill_expected = true;
        entry->second->signal(request.number);
    }

    void act(const CloseAll& request, const std::vector<UniqueFd>&) {
        terminate();
        is_closing_ = true;
        if (running_.empty()) return finish_closing();
        timer_ =
            loop_.after(std::chrono::milliseconds(request.grace_ms), [this] { finish_closing(); });
    }

    void start(const Spawn& request) {
        const std::string file = find_executable(request.program);
        const int children = static_cast<int>(running_.size()) + 1;
        auto member = std::make_unique<FamilyMember>(
            loop_, request.id,
            Membership::Shape{
                .ranks = 2,
                .usable_cpus = pair_usable_cpus(allowed_cpus_, children + 1),
                .arena_bytes = pair_arena_bytes(memory_bytes_, children),
                .doorbell_fd = doorbell_fd_.get(),
                .doorbell = doorbell_,
                .is_job = false,
                .secret = request.secret,
            });
        Membership& membership = member->membership;
        membership.add_outsider(parent_rank, parent_pid_);
        {
            const UniqueFd socket = membership.open_socket(child_rank);
            SpawnOptions options;
            options.file = file;
            options.argv = request.argv;
            options.environment =
                child_environment(environment_, request.environment, socket_number);
            options.descriptors = {{null_.get(), STDIN_FILENO}, {socket.get(), socket_number}};
            options.death_signal = SIGKILL;
            options.open_files = open_files_;
            member->process = spawn(options);
        }
        const pid_t pid = member->process.pid;
        membership.worker_started(child_rank, pid);
        FamilyMember& started = *running_.emplace(pid, std::move(member)).first->second;
        try {
            send(Spawned{request.id, pid}, membership.memory());
        } catch (const Error&) {
            started.signal(SIGKILL);  // nobody will ever ask about it
            throw;
        }
        by_id_.emplace(request.id, &started);
    }

    void terminate() {
        for (const auto& [pid, member] : running_) {
            member->signal(SIGTERM);
            member->signal(SIGCONT);  // a stopped process cannot answer
        }
    }

    void reap() {
        const bool has_descendants =
            reap_children([this](pid_t pid, int status) { tell(pid, status); });
        if (is_parent_gone_ && !has_descendants) loop_.stop();
        if (is_closing_ && running_.empty()) finish_closing();
    }

    void tell(pid_t pid, int wait_status) {
        const auto entry = running_.find(pid);
        if (entry == running_.end()) return;  // an orphan of theirs
        const auto member = std::move(entry->second);
        running_.erase(entry);
        by_id_.erase(member->id);
        member->membership.hear_out(child_rank);
        const bool was_killed = WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
        const bool is_out_of_memory =
            was_killed && !member->is_kill_expected && out_of_memory_.has_grown();
        // Whoever sees the mark finds the message.
        send(ChildEnded{member->id, wait_status, is_out_of_memory, member->report});
        member->membership.worker_ended(child_rank, wait_status);
    }

    int sweep(Seconds time_max = sweep_time_max) {
        for (const auto& [pid, member] : running_) member->is_kill_expected = true;
        return kill_descendants({.deadline = Deadline::after(time_max),
                                 .reaped = [this](pid_t pid, int status) { tell(pid, status); }});
    }

    void finish_closing() {
        is_closing_ = false;
        timer_.reset();
        send(Closed{static_cast<std::uint32_t>(sweep(closing_time_max))});
    }

    // What children wait for from their parent does not come any more.
    void part() {
        for (const auto& [pid, member] : running_) member->membership.outsider_ended(parent_rank);
    }

    void lose_parent() {
        if (std::exchange(is_parent_gone_, true)) return;
        is_closing_ = false;
        parent_watch_.reset();
        parent_.close();
        part();
        terminate();
        timer_ = loop_.after(farewell, [this] { loop_.stop(); });
        reap();
    }

    rlimit open_files_;
    std::vector<std::string> environment_;
    UniqueFd null_;
    int allowed_cpus_ = count_allowed_cpus();
    std::uint64_t memory_bytes_ = machine_memory_bytes();
    OutOfMemoryCount out_of_memory_;
    EventLoop loop_;
    PacketStream parent_;
    SignalWatch child_watch_;
    std::string refusal_;  // of an agent that cannot serve its parent
    UniqueFd doorbell_fd_;
    std::shared_ptr<Doorbell> doorbell_;  // shared with the segments of all children
    pid_t parent_pid_ = 0;
    UniqueFd parent_pidfd_;
    FdWatch parent_watch_;
    std::map<pid_t, std::unique_ptr<FamilyMember>> running_;
    std::map<std::uint32_t, FamilyMember*> by_id_;
    Timer timer_;  // ends the grace, or the farewell
    bool is_closing_ = false;
    bool is_parent_gone_ = false;
};

}  // namespace

void run_family(UniqueFd parent) {
    become_subreaper();
    Family(std::move(parent)).run();
}

}  // namespace ipcrun
