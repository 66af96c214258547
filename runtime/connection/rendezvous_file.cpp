// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/rendezvous_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cinttypes>
#include <cstdio>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t bytes_max = 1024;
constexpr const char* first_word = "ipcrun-rendezvous-1";

// The bytes of the file, all of them at most: what is longer is none of ours.
std::string read_all(int fd, const std::string& path) {
    std::array<char, bytes_max + 1> buffer;
    std::size_t length = 0;
    while (length < buffer.size()) {
        const ssize_t got = ::read(fd, buffer.data() + length, buffer.size() - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) fail_errno(errno, fmt::format("read {}", path));
        if (got == 0) break;
        length += static_cast<std::size_t>(got);
    }
    return {buffer.data(), length};
}

void check_ours(int fd, const std::string& path) {
    struct stat status = {};
    check_syscall(::fstat(fd, &status), fmt::format("look at {}", path));
    if (!S_ISREG(status.st_mode))
        fail(ErrorCode::config, "read {}: it is no plain file; take it away", path);
    if (status.st_uid != ::geteuid())
        fail(ErrorCode::config, "read {}: it belongs to user {}; take it away", path,
             status.st_uid);
    if ((status.st_mode & 022) != 0)
        fail(ErrorCode::config, "read {}: others may write it; take it away", path);
}

}  // namespace

std::string format_rendezvous(const RendezvousText& text) {
    return fmt::format("{} {} {} {} {} {} {}\n", first_word, text.place.address.host,
                       text.place.address.port, text.place.nonce, text.publisher.pid,
                       text.publisher.start_time, text.publisher.pid_namespace);
}

std::optional<RendezvousText> parse_rendezvous(const std::string& text) {
    std::array<char, 32> word = {};
    std::array<char, 257> host = {};
    std::array<char, 65> nonce = {};
    std::uint16_t port = 0;
    int pid = 0;
    std::uint64_t start_time = 0;
    std::uint64_t pid_namespace = 0;
    // NOLINTNEXTLINE(cert-err34-c): what does not fit is found by writing it anew, below
    const int fields = std::sscanf(
        text.c_str(), "%31s %256s %" SCNu16 " %64s %d %" SCNu64 " %" SCNu64 "\n", word.data(),
        host.data(), &port, nonce.data(), &pid, &start_time, &pid_namespace);
    if (fields != 7) return std::nullopt;
    RendezvousText result{{{.host = host.data(), .port = port}, nonce.data()},
                          {.pid = pid, .start_time = start_time, .pid_namespace = pid_namespace}};
    if (format_rendezvous(result) != text) return std::nullopt;
    return result;
}

std::optional<RendezvousText> read_rendezvous(int folder, const std::string& name,
                                              const std::string& path) {
    // Non-blocking: a fifo would wait for a writer.
    const UniqueFd file(
        ::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file && (errno == ENOENT || errno == ESTALE)) return std::nullopt;
    if (!file && errno == ELOOP)
        fail(ErrorCode::config, "read {}: it is a symbolic link; take it away", path);
    check_syscall(file.get(), fmt::format("open {}", path));
    check_ours(file.get(), path);
    const auto text = parse_rendezvous(read_all(file.get(), path));
    if (!text)
        fail(ErrorCode::config, "read {}: it is no rendezvous file of this version; take it away",
             path);
    return text;
}

void write_rendezvous(int folder, const std::string& name, const std::string& path,
                      const RendezvousText& text) {
    const std::string fresh = fmt::format(".{}.{}", name, text.place.nonce);
    const std::string line = format_rendezvous(text);
    {
        const UniqueFd file(
            check_syscall(::openat(folder, fresh.c_str(),
                                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600),
                          fmt::format("make {}", path)));
        if (::write(file.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
            const int error_number = errno;
            (void)::unlinkat(folder, fresh.c_str(), 0);  // there is an error to tell already
            fail_errno(error_number, fmt::format("write {}", path));
        }
    }
    if (::renameat(folder, fresh.c_str(), folder, name.c_str()) != 0) {
        const int error_number = errno;
        (void)::unlinkat(folder, fresh.c_str(), 0);
        fail_errno(error_number, fmt::format("rename to {}", path));
    }
}

}  // namespace ipcrun
