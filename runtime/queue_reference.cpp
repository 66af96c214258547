// SPDX-License-Identifier: Apache-2.0
// How a process finds a queue that another has named: by the descriptor that it has of it.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <type_traits>

#include "base/fail.hpp"
#include "runtime/memory_queue.hpp"
#include "runtime/queue_attachment.hpp"

namespace ipcrun {

namespace {

// It travels as bytes.
static_assert(std::has_unique_object_representations_v<SharedQueue::Reference>);

[[noreturn]] void fail_gone(const SharedQueue::Reference& reference, std::string_view why) {
    fail(ErrorCode::peer_lost, "open the queue of process {}: {}", reference.pid, why);
}

// Looked at before it is opened: opening some other file could block, or do something.
void check_is_queue(const SharedQueue::Reference& reference, const std::string& path) {
    std::array<char, 64> target;
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    if (size < 0 && errno == ENOENT) fail_gone(reference, "it has let go of the queue");
    if (size < 0 && (errno == EACCES || errno == EPERM))
        fail(ErrorCode::config,
             "open the queue of process {}: it may not be looked into (is it another user's, or "
             "has it forbidden that?)",
             reference.pid);
    check_syscall(size, fmt::format("look at {}", path));
    if (!std::string_view(target.data(), static_cast<std::size_t>(size))
             .starts_with("/memfd:ipcrun-queue"))
        fail_gone(reference, "it has let go of the queue");
}

}  // namespace

SharedQueue::Reference MemoryQueue::reference() const {
    attachment_->check_ours();
    const ProcessIdentity& own = attachment_->own();
    return {own.start_time, own.pid_namespace, attachment_->memory().nonce(), own.pid,
            descriptor()};
}

std::shared_ptr<SharedQueue> SharedQueue::open(const Reference& reference, Faults faults) {
    const ProcessIdentity own = own_identity();
    if (reference.pid <= 0 || reference.fd < 0)
        fail(ErrorCode::usage, "open a queue by its name: the name names none");
    if (reference.pid_namespace != own.pid_namespace)
        fail(ErrorCode::config, "open the queue of process {}: it is in another pid namespace",
             reference.pid);
    if (has_ended({reference.pid, reference.start_time, reference.pid_namespace}, own))
        fail_gone(reference, "the process has ended");
    const std::string path = fmt::format("/proc/{}/fd/{}", reference.pid, reference.fd);
    check_is_queue(reference, path);
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    if (!fd && errno == ENOENT) fail_gone(reference, "it has let go of the queue");
    check_syscall(fd.get(), fmt::format("open {}", path));
    auto attachment = std::make_shared<QueueAttachment>(std::move(fd), std::move(faults));
    // Its descriptor may be another queue's by now.
    if (attachment->memory().nonce() != reference.nonce)
        fail_gone(reference, "it has let go of the queue");
    return std::make_shared<MemoryQueue>(std::move(attachment));
}

}  // namespace ipcrun
