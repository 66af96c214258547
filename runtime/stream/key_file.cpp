// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/key_file.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/unique_fd.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t random_bytes = 32;
// Two hexadecimal digits each, and the zero that libsodium puts behind them.
using KeyText = std::array<char, 2 * random_bytes + 1>;

// A file that is nobody else's business, or an error that says what to do about it.
void check_file(int fd, const std::string& path) {
    struct stat status {};
    check_syscall(::fstat(fd, &status), fmt::format("look at the key file {}", path));
    if (!S_ISREG(status.st_mode))
        fail(ErrorCode::config, "the key file {} is no regular file", path);
    if (status.st_uid != ::geteuid())
        fail(ErrorCode::config,
             "the key file {} belongs to the user {}, and this is {}: make one of your own", path,
             status.st_uid, ::geteuid());
    if ((status.st_mode & 077) != 0)
        fail(ErrorCode::config,
             "the key file {} is open to others (mode {:04o}): run chmod 600 {}; who may have seen "
             "it has the key, so better write a new one",
             path, status.st_mode & 07777u, path);
    if (status.st_size > static_cast<off_t>(key_file_bytes_max))
        fail(ErrorCode::config, "the key file {} is longer than {} bytes", path,
             key_file_bytes_max);
}

UniqueFd open_key_file(const std::string& path) {
    // Non-blocking: a named pipe must not make us wait.
    return UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
}

Key read_key(int fd, const std::string& path) {
    check_file(fd, path);
    std::array<char, key_file_bytes_max> text;
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = ::read(fd, text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        check_syscall(got, fmt::format("read the key file {}", path));
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    // Editors and echo end a line; so the same text is the same key in IPC_KEY.
    if (size > 0 && text[size - 1] == '\n') --size;
    if (size > 0 && text[size - 1] == '\r') --size;
    if (size < key_text_bytes_min) {
        sodium_memzero(text.data(), text.size());
        fail(ErrorCode::config, "the key file {} has {} bytes: {} are the least", path, size,
             key_text_bytes_min);
    }
    const Key key = key_of_text({text.data(), size});
    sodium_memzero(text.data(), text.size());
    return key;
}

[[noreturn]] void fail_to_make(const std::string& path, std::string_view attempt, int error) {
    fail(ErrorCode::config,
         "make the key file {}: {}: {} (set IPC_KEY, or IPC_KEY_FILE, to do without it)", path,
         attempt, std::strerror(error));
}

void make_folders(const std::string& path) {
    for (auto slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1)) {
        const std::string folder = path.substr(0, slash);
        if (::mkdir(folder.c_str(), 0700) == 0 || errno == EEXIST) continue;
        // An automounter may refuse what is there.
        const int error = errno;
        if (::access(folder.c_str(), X_OK) != 0)
            fail_to_make(path, fmt::format("make the folder {}", folder), error);
    }
}

// The new file under a name of its own; it goes with this object.
class Draft {
  public:
    explicit Draft(const std::string& path) : path_(path), name_(path + ".XXXXXX") {
        UniqueFd fd(::mkostemp(name_.data(), O_CLOEXEC));  // mode 0600
        if (!fd) fail_to_make(path_, "create it", errno);
        KeyText text;
        const Key random = Key::random();
        (void)sodium_bin2hex(text.data(), text.size(), random.bytes.data(), random_bytes);
        text.back() = '\n';
        const ssize_t written = ::write(fd.get(), text.data(), text.size());
        int error = written < 0 ? errno : written < static_cast<ssize_t>(text.size()) ? ENOSPC : 0;
        sodium_memzero(text.data(), text.size());
        // On disk before it has its name: a key that is cut off by a crash would be one for good.
        if (error == 0 && ::fsync(fd.get()) < 0) error = errno;
        if (error == 0) return;
        (void)::unlink(name_.c_str());  // the first error counts
        fail_to_make(path_, "write it", error);
    }
    Draft(const Draft&) = delete;
    // Gone already where it was renamed.
    ~Draft() { (void)::unlink(name_.c_str()); }

    // Another's file of that name stays.
    void publish() {
        if (::link(name_.c_str(), path_.c_str()) == 0 || errno == EEXIST) return;
        // A file system without links.
        if (::renameat2(AT_FDCWD, name_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) < 0 &&
            errno != EEXIST)
            fail_to_make(path_, "give it its name", errno);
    }

  private:
    const std::string path_;
    std::string name_;
};

}  // namespace

Key key_of_file(const std::string& path) {
    const UniqueFd fd = open_key_file(path);
    if (!fd) fail_errno(errno, fmt::format("open the key file {}", path));
    return read_key(fd.get(), path);
}

Key user_key(const std::string& path) {
    UniqueFd fd = open_key_file(path);
    if (!fd && errno == ENOENT) {
        make_folders(path);
        Draft(path).publish();
        fd = open_key_file(path);
    }
    if (!fd)
        fail(ErrorCode::config, "open the key file {}: {} (set IPC_KEY to do without it)", path,
             std::strerror(errno));
    return read_key(fd.get(), path);
}

std::string user_key_path() {
    // A relative one is to be ignored (XDG Base Directory Specification).
    const std::string folder = environment_variable("XDG_CONFIG_HOME").value_or("");
    if (folder.starts_with('/')) return fmt::format("{}/ipcrun/key", folder);
    std::vector<char> buffer(16 << 10);
    passwd entry{};
    passwd* found = nullptr;
    int result;
    while ((result = ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found)) ==
               ERANGE &&
           buffer.size() < (1 << 20))
        buffer.resize(2 * buffer.size());
    if (found == nullptr || found->pw_dir == nullptr || found->pw_dir[0] != '/')
        fail(ErrorCode::config,
             "find the key file: the system knows no home of the user {}{}{} (set IPC_KEY, "
             "IPC_KEY_FILE or XDG_CONFIG_HOME)",
             ::geteuid(), result != 0 ? ": " : "", result != 0 ? std::strerror(result) : "");
    return fmt::format("{}/.config/ipcrun/key", found->pw_dir);
}

}  // namespace ipcrun
