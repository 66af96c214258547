// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/shared_rendezvous.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>
#include <memory>

#include "base/fail.hpp"
#include "base/process_identity.hpp"
#include "base/unique_fd.hpp"
#include "runtime/connection/rendezvous_file.hpp"

namespace ipcrun {

namespace {

// Between two looks, where no event comes: that of another host is none here.
constexpr Seconds first_pause{0.01}, longest_pause{1};
// A file lies here until all have come. Who is killed while he waits for them leaves it.
constexpr std::time_t left_behind_after = 7 * 24 * 3600;

// Anew each time: to open a folder is what makes NFS ask its server whether it has changed.
UniqueFd open_folder(const std::string& folder) {
    UniqueFd opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened && errno != ENOENT && errno != ESTALE)
        fail(ErrorCode::config,
             "open the folder {}: {}; it has to be one that all hosts see, and that you may write",
             folder, errno == ENOTDIR ? "it is no folder" : "it cannot be opened");
    return opened;
}

std::optional<RendezvousText> look(const std::string& folder, const std::string& name) {
    const UniqueFd opened = open_folder(folder);
    if (!opened) return std::nullopt;  // who publishes makes it
    return read_rendezvous(opened.get(), name, fmt::format("{}/{}", folder, name));
}

void remove_left_behind(const UniqueFd& folder) {
    UniqueFd copy(::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(copy ? ::fdopendir(copy.get()) : nullptr,
                                                      ::closedir);
    if (entries == nullptr) return;  // they only stay
    (void)copy.release();            // it is that of `entries` now
    const std::string prefix = SharedRendezvous::prefix;
    const std::time_t limit = std::time(nullptr) - left_behind_after;
    while (const dirent* entry = ::readdir(entries.get())) {  // NOLINT(concurrency-mt-unsafe)
        const std::string name = entry->d_name;
        if (!name.starts_with(prefix) && !name.starts_with("." + prefix)) continue;
        struct stat status = {};
        if (::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(status.st_mode) && status.st_uid == ::geteuid() && status.st_mtime < limit)
            (void)::unlinkat(folder.get(), name.c_str(), 0);  // if not, it only stays
    }
}

}  // namespace

SharedRendezvous SharedRendezvous::publish(const std::string& folder, const std::string& name,
                                           const MeetingPlace& place) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    const UniqueFd opened = open_folder(folder);
    if (!opened)
        fail(ErrorCode::config, "make the folder {}: {}; it has to be one that all hosts see",
             folder, error.message());
    remove_left_behind(opened);
    write_rendezvous(opened.get(), name, fmt::format("{}/{}", folder, name),
                     {place, own_identity()});
    return {folder, name, place.nonce};
}

void SharedRendezvous::remove() noexcept {
    const std::string nonce = std::move(nonce_);
    nonce_.clear();
    if (!nonce.empty() && publisher_ == ::getpid()) remove(folder_, name_, nonce);
}

void SharedRendezvous::remove(const std::string& folder, const std::string& name,
                              const std::string& nonce) noexcept {
    try {
        const auto text = look(folder, name);
        const UniqueFd opened = open_folder(folder);
        if (text && text->place.nonce == nonce) (void)::unlinkat(opened.get(), name.c_str(), 0);
    } catch (const Error&) {
        // It is not ours any more, or cannot be reached: it stays, for a week.
        return;
    }
}

std::optional<MeetingPlace> SharedRendezvous::wait(const std::string& folder,
                                                   const std::string& name, Deadline deadline) {
    // Of what happens on this host; there may be too many that watch, or no such folder yet.
    UniqueFd events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    bool is_watching = false;
    for (Seconds pause = first_pause;; pause = std::min(2 * pause, longest_pause)) {
        if (events && !is_watching)
            is_watching = ::inotify_add_watch(events.get(), folder.c_str(), IN_MOVED_TO) >= 0;
        if (const auto text = look(folder, name)) return text->place;
        pollfd waiting{.fd = events.get(), .events = POLLIN, .revents = 0};
        const Deadline turn = Deadline::sooner(deadline, Deadline::after(pause));
        const int count = ::poll(&waiting, 1, turn.remaining_ms());
        if (count < 0 && errno != EINTR)
            fail_errno(errno, fmt::format("wait for {}/{}", folder, name));
        if (count == 0 && deadline.has_passed()) return std::nullopt;
        std::array<char, 4096> ignored;  // which file it was is seen by reading ours
        while (events && ::read(events.get(), ignored.data(), ignored.size()) > 0) {
        }
    }
}

}  // namespace ipcrun
