// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/neighbourhood.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/fail.hpp"
#include "runtime/connection/neighbourhood_impl.hpp"
#include "runtime/stream/key.hpp"

namespace ipcrun {

namespace {

template <typename T>
T random_value() {
    T value;
    std::memcpy(&value, Key::random().bytes.data(), sizeof value);
    return value;
}

// Empty where it cannot be read: then nobody is taken to be on this host.
std::string read_boot_id() {
    const UniqueFd file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
    std::array<char, 64> text;
    const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : 0;
    if (size <= 0) return "";
    std::string id(text.data(), static_cast<std::size_t>(size));
    while (!id.empty() && id.back() == '\n') id.pop_back();
    return id;
}

}  // namespace

Neighbourhood::Impl::Impl()
    : id(random_value<NeighbourhoodId>()),
      boot_id(read_boot_id()),
      doorbell_fd_(Doorbell::create()),
      doorbell_(std::make_shared<Doorbell>(doorbell_fd_.get())) {}

Neighbourhood::Impl::~Impl() {
    // What is registered with the loop goes in its thread.
    if (thread_ != nullptr) thread_->call([this] { door_.reset(); });
}

void Neighbourhood::Impl::check_ours(std::string_view attempt) const {
    if (!is_ours())
        fail(ErrorCode::usage,
             "{}: connections belong to the process that made them, which has forked this one",
             attempt);
}

LoopThread& Neighbourhood::Impl::thread() {
    const std::lock_guard lock(mutex_);
    if (thread_ == nullptr) thread_ = std::make_unique<LoopThread>();
    return *thread_;
}

Door& Neighbourhood::Impl::door() {
    if (door_ == nullptr) door_ = std::make_unique<Door>(thread());
    return *door_;
}

std::uint64_t Neighbourhood::Impl::leave_end(ProcessEnd end) {
    const std::lock_guard lock(mutex_);
    const auto token = random_value<std::uint64_t>();
    ends_.insert_or_assign(token, std::move(end));
    return token;
}

std::optional<ProcessEnd> Neighbourhood::Impl::take_end(std::uint64_t token) {
    const std::lock_guard lock(mutex_);
    auto end = ends_.extract(token);
    if (!end) return std::nullopt;
    return std::move(end.mapped());
}

Neighbourhood::Neighbourhood() : impl_(std::make_unique<Impl>()) {}

std::shared_ptr<Neighbourhood> Neighbourhood::create() {
    return std::shared_ptr<Neighbourhood>(new Neighbourhood());
}

Neighbourhood::~Neighbourhood() {
    // In a child after fork() its thread is not there, and everything else is the parent's.
    if (!impl_->is_ours()) (void)impl_.release();
}

}  // namespace ipcrun
