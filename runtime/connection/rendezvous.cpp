// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/rendezvous.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include <array>
#include <memory>

#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/process_identity.hpp"
#include "runtime/connection/rendezvous_file.hpp"

namespace ipcrun {

namespace {

// Where no event can be had.
constexpr Seconds look_again{0.05};

std::string folder_path() {
    const std::string own = environment_variable("XDG_RUNTIME_DIR").value_or("");
    if (own.starts_with('/')) return fmt::format("{}/ipcrun", own);
    return fmt::format("/tmp/ipcrun-{}", ::geteuid());
}

// What is left by a process that has ended counts for nothing.
std::optional<RendezvousText> find_living(int folder, const std::string& name,
                                          const std::string& path) {
    const auto text = read_rendezvous(folder, name, path);
    if (text && has_ended(text->publisher, own_identity())) return std::nullopt;
    return text;
}

// Two that publish, or one that removes, at the same time.
class FolderLock {
  public:
    explicit FolderLock(int folder) : folder_(folder) {
        int result = 0;
        do result = ::flock(folder, LOCK_EX);
        while (result != 0 && errno == EINTR);
        check_syscall(result, "lock the folder of rendezvous files");
    }
    FolderLock(const FolderLock&) = delete;
    ~FolderLock() { (void)::flock(folder_, LOCK_UN); }  // of a lock that is held: cannot fail

  private:
    int folder_;
};

// What others have left that were killed: nobody else may ever ask for those names. Under the lock.
void remove_left_behind(const RendezvousFolder& folder) {
    UniqueFd copy(::openat(folder.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    check_syscall(copy.get(), fmt::format("open the folder {}", folder.path()));
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(copy.get()), ::closedir);
    check(entries != nullptr, "read a folder");
    (void)copy.release();  // it is that of `entries` now
    const ProcessIdentity own = own_identity();
    while (const dirent* entry = ::readdir(entries.get())) {  // NOLINT(concurrency-mt-unsafe)
        const std::string name = entry->d_name;
        try {
            const auto text = read_rendezvous(folder.fd(), name, name);
            if (text && has_ended(text->publisher, own))
                (void)::unlinkat(folder.fd(), name.c_str(), 0);  // if not, it only stays
        } catch (const Error&) {
            // It is no such file: who asks for that name hears of it.
            continue;
        }
    }
}

}  // namespace

RendezvousFolder::RendezvousFolder() : path_(folder_path()) {
    if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST)
        fail_errno(errno, fmt::format("make the folder {}", path_));
    folder_.reset(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder_)
        fail(ErrorCode::config,
             "open the folder {}: {}; take away what is there, or set XDG_RUNTIME_DIR", path_,
             errno == ELOOP || errno == ENOTDIR ? "it is no folder" : "it cannot be opened");
    struct stat status = {};
    check_syscall(::fstat(folder_.get(), &status), fmt::format("look at {}", path_));
    if (status.st_uid != ::geteuid())
        fail(ErrorCode::config,
             "use the folder {}: it belongs to user {}; take it away, or set XDG_RUNTIME_DIR",
             path_, status.st_uid);
    if ((status.st_mode & 077) != 0)
        fail(ErrorCode::config, "use the folder {}: others may use it (chmod 700 it)", path_);
}

Rendezvous Rendezvous::publish(const std::string& name, const MeetingPlace& place) {
    const RendezvousFolder folder;
    const std::string path = fmt::format("{}/{}", folder.path(), name);
    UniqueFd own(check_syscall(::fcntl(folder.fd(), F_DUPFD_CLOEXEC, 0), "keep a folder open"));
    const FolderLock lock(folder.fd());
    if (const auto other = find_living(folder.fd(), name, path))
        fail(ErrorCode::usage,
             "publish {}: process {} has done so and lives; give another number in its place", path,
             other->publisher.pid);
    remove_left_behind(folder);
    write_rendezvous(folder.fd(), name, path, {place, own_identity()});
    return {std::move(own), name, place.nonce};
}

void Rendezvous::remove() noexcept {
    const UniqueFd folder = std::move(folder_);
    if (!folder || publisher_ != ::getpid()) return;
    try {
        const FolderLock lock(folder.get());
        const auto text = read_rendezvous(folder.get(), name_, name_);
        if (text && text->place.nonce == nonce_) (void)::unlinkat(folder.get(), name_.c_str(), 0);
    } catch (const Error&) {
        // It is not ours any more, or cannot be read: whoever finds it sees that we have ended.
        return;
    }
}

std::optional<MeetingPlace> Rendezvous::wait(const std::string& name, Deadline deadline) {
    const RendezvousFolder folder;
    const std::string path = fmt::format("{}/{}", folder.path(), name);
    // A user may watch so many folders at a time, of all programs: who cannot looks again and
    // again.
    UniqueFd events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (::inotify_add_watch(events.get(), folder.path().c_str(), IN_MOVED_TO) < 0) events.reset();
    while (true) {
        if (const auto text = find_living(folder.fd(), name, path)) return text->place;
        pollfd waiting{.fd = events.get(), .events = POLLIN, .revents = 0};
        const Deadline turn =
            events ? deadline : Deadline::sooner(deadline, Deadline::after(look_again));
        const int count = ::poll(&waiting, 1, turn.remaining_ms());
        if (count < 0 && errno != EINTR) fail_errno(errno, fmt::format("wait for {}", path));
        if (count == 0 && deadline.has_passed()) return std::nullopt;
        std::array<char, 4096> ignored;  // which file it was is seen by reading ours
        while (::read(events.get(), ignored.data(), ignored.size()) > 0) {
        }
    }
}

}  // namespace ipcrun
