// SPDX-License-Identifier: Apache-2.0
#include "launcher/text_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/fail.hpp"
#include "base/unique_fd.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t file_bytes_max = 64 << 20;

// Editors of other systems begin files with it.
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

}  // namespace

std::string read_text_file(std::string_view what, const std::string& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) fail(ErrorCode::usage, "{} {}: {}", what, path, std::strerror(errno));
    std::string text;
    char buffer[1 << 16];
    for (;;) {
        const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
        if (count == 0) return text.starts_with(byte_order_mark) ? text.substr(3) : text;
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) fail(ErrorCode::usage, "{} {}: {}", what, path, std::strerror(errno));
        text.append(buffer, static_cast<std::size_t>(count));
        if (text.size() > file_bytes_max)
            fail(ErrorCode::usage, "{} {}: longer than {} MiB", what, path, file_bytes_max >> 20);
    }
}

}  // namespace ipcrun
