// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/fail.hpp"
#include "base/unique_fd.hpp"
#include "topology/link/measured.hpp"

namespace ipcrun::topology {

namespace {

// Longer files are none of ours; parse_measured says so.
constexpr std::size_t read_bytes_max = 128 << 10;

bool is_absolute(std::optional<std::string_view> path) {
    return path && path->starts_with('/');
}

void make_folders(const std::filesystem::path& folder) {
    std::error_code error;
    if (folder.empty() || std::filesystem::is_directory(folder, error)) return;
    make_folders(folder.parent_path());
    // Another job may make it at the same time.
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        fail_errno(errno, fmt::format("make the folder {}", folder.string()));
}

void write_all(int fd, std::string_view text, const std::string& path) {
    while (!text.empty()) {
        const ssize_t written = ::write(fd, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        check_syscall(written, "write " + path);
        text.remove_prefix(static_cast<std::size_t>(written));
    }
}

/// A file that goes away again unless it was given its name.
class TemporaryFile {
  public:
    // mkstemp makes it with mode 0600.
    explicit TemporaryFile(const std::string& path)
        : path_(path + ".XXXXXX"), fd_(::mkostemp(path_.data(), O_CLOEXEC)) {
        check_syscall(fd_.get(), "make a file beside " + path);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    ~TemporaryFile() {
        // Nothing can be done about a file that stays; the name says whose it was.
        if (!path_.empty()) (void)::unlink(path_.c_str());
    }

    void write(std::string_view text) { write_all(fd_.get(), text, path_); }
    void rename_to(const std::string& path) {
        // Else a crash of the machine could leave the name on an empty file.
        check_syscall(::fsync(fd_.get()), "write " + path_);
        check_syscall(::rename(path_.c_str(), path.c_str()),
                      fmt::format("rename {} to {}", path_, path));
        path_.clear();
    }

  private:
    std::string path_;
    UniqueFd fd_;
};

}  // namespace

std::optional<std::string> measured_path(std::uint64_t machine,
                                         std::optional<std::string_view> xdg_cache_home,
                                         std::optional<std::string_view> home) {
    const std::string name = fmt::format("ipcrun/links-{:016x}.json", machine);
    if (is_absolute(xdg_cache_home)) return fmt::format("{}/{}", *xdg_cache_home, name);
    if (is_absolute(home)) return fmt::format("{}/.cache/{}", *home, name);
    return std::nullopt;
}

void check_writable(const std::string& path) {
    make_folders(std::filesystem::path(path).parent_path());
    const TemporaryFile tried(path);
}

void write_measured(const MeasuredCosts& costs, const std::string& path) {
    make_folders(std::filesystem::path(path).parent_path());
    TemporaryFile file(path);
    file.write(format_measured(costs));
    file.rename_to(path);
}

std::optional<MeasuredCosts> read_measured(const std::string& path, std::uint64_t machine) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    // HOME may still be another user's, after su or sudo.
    if (!fd && (errno == ENOENT || errno == ENOTDIR || errno == EACCES)) return std::nullopt;
    check_syscall(fd.get(), "open " + path);
    std::string text(read_bytes_max, '\0');
    std::size_t bytes = 0;
    while (bytes < text.size()) {
        const ssize_t count = ::read(fd.get(), text.data() + bytes, text.size() - bytes);
        if (count < 0 && errno == EINTR) continue;
        check_syscall(count, "read " + path);
        if (count == 0) break;
        bytes += static_cast<std::size_t>(count);
    }
    text.resize(bytes);
    MeasuredCosts costs = parse_measured(text, path);
    if (costs.machine != machine)
        fail(ErrorCode::config,
             "read measured links {}: they are of another kind of machine ({:016x}, and this is "
             "{:016x}); delete the file, or measure again",
             path, costs.machine, machine);
    return costs;
}

}  // namespace ipcrun::topology
