// SPDX-License-Identifier: Apache-2.0
#include "runtime/job.hpp"

#include <unistd.h>

#include <bit>
#include <cstdlib>
#include <numeric>

#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/socket.hpp"
#include "base/text.hpp"
#include "runtime/heap.hpp"
#include "runtime/join.hpp"
#include "runtime/node_communicator.hpp"
#include "runtime/queue_requests.hpp"
#include "runtime/wire/rank_environment.hpp"
#include "runtime/wire/worker_protocol.hpp"
#include "runtime/world/hosts_communicator.hpp"
#include "runtime/world/job_queues.hpp"
#include "runtime/world/step.hpp"

namespace ipcrun {

namespace {

AskForEnd ask_over(int control_fd) {
    return [control_fd](int rank) {
        try {
            // A packet is whole, whichever threads send at the same time.
            (void)send_packet(control_fd, encode(Fence{rank}));
        } catch (const std::exception&) {
            // The agent is gone, and so is that rank presently: the launcher sweeps. Or there is no
            // memory: others ask, too.
        }
    };
}

std::shared_ptr<Wires> make_wires(const RankEnvironment& own,
                                  const std::shared_ptr<NodeMemory>& memory, int table_fd,
                                  UniqueFd listener) {
    JobTable table(table_fd);
    const auto secret = memory->control().secret();
    const bool fits = table.ranks() == own.size && table.host_of(own.rank) == own.node &&
                      table.local_rank_of(own.rank) == own.local_rank && secret.has_value();
    if (!fits)
        fail(ErrorCode::protocol,
             "join the job: the agent's table is not of the job that the environment names");
    return std::make_shared<Wires>(own.rank, std::move(table), std::move(listener), *secret,
                                   memory);
}

// The program of the same installation.
std::string find_installed() {
    std::string path = IPCRUN_BIN_FOLDER "/ipcrun";
    if (::access(path.c_str(), X_OK) == 0) return path;
    const std::string folders = environment_variable("PATH").value_or("");
    for (const std::string_view folder : split(folders, ':')) {
        path = fmt::format("{}/ipcrun", folder);
        if (!folder.empty() && ::access(path.c_str(), X_OK) == 0) return path;
    }
    fail(ErrorCode::config,
         "join the others: the program ipcrun, which finds them, is neither in {} nor in PATH",
         IPCRUN_BIN_FOLDER);
}

std::shared_ptr<NodeMemory> create_alone() {
    constexpr std::uint64_t arena_bytes = 1ull << 30;
    return NodeMemory::create(1, 1, arena_bytes);
}

}  // namespace

struct Job::Impl {
    Place place;
    bool is_deterministic = wants_determinism();
    bool has_joined_step = false;
    int control_fd = -1;  // inherited and borrowed: the environment names it to all of this process
    const pid_t pid = ::getpid();
    std::shared_ptr<Heap> heap = nullptr;
    std::shared_ptr<Wires> wires = nullptr;  // null: all ranks are on this host
    std::unique_ptr<Communicator> world = nullptr;
    std::unique_ptr<Communicator> messages = nullptr;
    std::unique_ptr<JobQueues> queues = nullptr;  // null: this process is alone
    bool serves_queues = false;

    Identity identity(std::uint64_t block_offset) const;
    std::unique_ptr<Communicator> make_world(const Faults& faults, const AskForEnd& ask) const;
    std::unique_ptr<Communicator> make_messages() const;
    std::vector<int> all_ranks() const;
};

// Of a communicator of all ranks on this host.
Identity Job::Impl::identity(std::uint64_t block_offset) const {
    Identity all;
    all.members.resize(static_cast<std::size_t>(place.local_size));
    std::iota(all.members.begin(), all.members.end(), 0);
    all.rank = place.local_rank;
    all.block_offset = block_offset;
    all.is_deterministic = is_deterministic;
    if (wires != nullptr) all.called = all.ranks = wires->table().ranks_on(place.node);
    return all;
}

std::vector<int> Job::Impl::all_ranks() const {
    std::vector<int> result(static_cast<std::size_t>(place.size));
    std::iota(result.begin(), result.end(), 0);
    return result;
}

std::unique_ptr<Communicator> Job::Impl::make_world(const Faults& faults,
                                                    const AskForEnd& ask) const {
    const ControlHeader& header = heap->memory()->control().header();
    auto node =
        std::make_unique<NodeCommunicator>(heap, identity(header.world_offset), faults, ask);
    if (wires == nullptr) return std::make_unique<Communicator>(std::move(node));
    auto steps =
        std::make_unique<NodeCommunicator>(heap, identity(header.steps_offset), faults, ask);
    steps->group.waiter().report_with(node->group.waiter());
    return std::make_unique<Communicator>(
        std::make_unique<HostsCommunicator>(HostsParts{.wires = wires,
                                                       .ranks = all_ranks(),
                                                       .context = Wires::world_context,
                                                       .for_messages = std::move(node),
                                                       .for_collectives = std::move(steps)}));
}

std::unique_ptr<Communicator> Job::Impl::make_messages() const {
    Group& group = world->impl().node().group;
    Identity messages = identity(group.control().header().messages_offset);
    messages.ends_are_departures = true;
    auto node = std::make_unique<NodeCommunicator>(heap, std::move(messages), group.faults());
    node->group.waiter().report_with(group.waiter());
    if (wires == nullptr) return std::make_unique<Communicator>(std::move(node));
    return std::make_unique<Communicator>(
        std::make_unique<HostsCommunicator>(HostsParts{.wires = wires,
                                                       .ranks = all_ranks(),
                                                       .context = wires->messages_context(),
                                                       .for_messages = std::move(node),
                                                       .for_collectives = nullptr}));
}

Job::Job(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::shared_ptr<Job> Job::join(const std::function<std::string()>& find_ipcrun) {
    auto environment = RankEnvironment::read();
    // A program that a rank started inherits the variables but not the socket: it is no rank.
    const bool is_given = environment.has_value();
    if (!is_given)
        environment = join_step(find_ipcrun ? find_ipcrun : find_installed);
    else if (!is_packet_socket(environment->control_fd))
        environment.reset();
    const RankEnvironment own = environment.value_or(RankEnvironment());
    std::shared_ptr<NodeMemory> memory;
    AskForEnd ask_for_end;
    // From here on whatever is thrown leaves the job again.
    std::shared_ptr<Job> job(new Job(std::make_unique<Impl>(
        Impl{.place = {own.rank, own.size, own.node, own.local_rank, own.local_size}})));
    Impl& impl = *job->impl_;
    if (environment) {
        set_close_on_exec(own.control_fd);
        const bool has_wires = own.local_size != own.size;
        // Control segment and heap; the table of all ranks, and the socket to listen at.
        auto fds = ask_to_join(own.control_fd, has_wires ? 4 : 2, "join the job");
        memory = std::make_shared<NodeMemory>(std::move(fds[0]), std::move(fds[1]));
        if (has_wires) impl.wires = make_wires(own, memory, fds[2].get(), std::move(fds[3]));
        impl.control_fd = own.control_fd;
        impl.has_joined_step = !is_given;
        ask_for_end = ask_over(own.control_fd);
    } else {
        memory = create_alone();
    }
    Faults faults;
    if (const auto text = environment_variable("IPCRUN_FAULT")) faults = Faults(*text, own.rank);
    if (const auto allowed = environment_variable("IPCRUN_PEER_ACCESS")) {
        if (*allowed != "0" && *allowed != "1")
            fail(ErrorCode::config, "read IPCRUN_PEER_ACCESS '{}': it must be 0 or 1", *allowed);
        if (*allowed == "0")
            memory->control().rank(own.local_rank).peer_access = PeerAccess::refused;
    }
    impl.heap = std::make_shared<Heap>(memory, own.local_rank);
    impl.world = impl.make_world(faults, ask_for_end);
    if (environment) impl.queues = std::make_unique<JobQueues>(own.control_fd, memory, impl.wires);
    return job;
}

Job::~Job() {
    // Before the others hear that this rank has left: then it does nothing more there.
    impl_->messages.reset();
    // A child after fork() holds a copy of this: it is no rank, and cannot leave for its parent.
    if (is_alone() || ::getpid() != impl_->pid) return;
    try {
        (void)send_packet(impl_->control_fd, encode(Leave{}));
    } catch (const Error&) {
        // The agent is gone, and with it everybody who could be told.
    }
    // Whom it serves it may stay for; who waits for it waits no longer.
    impl_->world.reset();
    if (impl_->queues != nullptr) impl_->queues->leave(impl_->serves_queues);
    if (impl_->has_joined_step) leave_step(impl_->control_fd);
}

const Job::Place& Job::place() const {
    return impl_->place;
}

bool Job::is_alone() const {
    return impl_->control_fd < 0;
}

std::optional<JobSecret> Job::secret() const {
    return impl_->heap->memory()->control().secret();
}

Communicator& Job::world() {
    return *impl_->world;
}

Communicator& Job::messages() {
    if (impl_->messages != nullptr) return *impl_->messages;
    impl_->messages = impl_->make_messages();
    return *impl_->messages;
}

std::shared_ptr<SharedQueue> Job::open_queue(const std::string& name, std::uint64_t capacity) {
    check_queue_name(name);
    if (is_alone())
        fail(ErrorCode::usage,
             "open the queue '{}': queues have names among the ranks of a job, and this process is "
             "none (start it with ipcrun, or share a queue without a name)",
             name);
    if (::getpid() != impl_->pid)
        fail(ErrorCode::usage,
             "open the queue '{}': this process was forked from a rank, and is none itself", name);
    return impl_->queues->open(name, capacity, impl_->world->impl().node().group.faults());
}

void Job::serve_queues_to_the_end() {
    impl_->serves_queues = true;
}

const std::shared_ptr<Heap>& Job::heap() const {
    return impl_->heap;
}

std::optional<Job::MemoryName> Job::name_memory(const void* data, std::size_t bytes) const {
    const auto ref = impl_->heap->memory()->locate(data, bytes);
    if (!ref) return std::nullopt;
    return std::bit_cast<MemoryName>(*ref);
}

std::byte* Job::find_memory(const MemoryName& name, std::size_t bytes) const {
    return impl_->heap->memory()->resolve(std::bit_cast<HeapRef>(name), bytes);
}

}  // namespace ipcrun
