// SPDX-License-Identifier: Apache-2.0
#include "base/mapping.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <utility>

#include "base/fail.hpp"

namespace ipcrun {

UniqueFd create_memfd(const std::string& name, std::uint64_t bytes) {
    UniqueFd fd(check_syscall(::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING),
                              "create shared memory"));
    if (::ftruncate(fd.get(), static_cast<off_t>(bytes)) != 0) {
        const int error_number = errno;
        fail_errno(error_number,
                   fmt::format("size shared memory '{}' to {} bytes{}", name, bytes,
                               error_number == EFBIG
                                   ? " (is there a limit on the size of files, ulimit -f?)"
                                   : ""));
    }
    check_syscall(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL),
                  fmt::format("seal shared memory '{}'", name));
    return fd;
}

std::uint64_t memfd_bytes(int fd) {
    struct stat status = {};
    check_syscall(::fstat(fd, &status), "ask for the size of shared memory");
    return static_cast<std::uint64_t>(status.st_size);
}

Mapping::Mapping(int fd, std::uint64_t offset, std::size_t bytes) : bytes_(bytes) {
    void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd,
                           static_cast<off_t>(offset));
    if (address == MAP_FAILED) {
        const int error_number = errno;
        fail_errno(
            error_number,
            fmt::format(
                "map {} bytes of shared memory{}", bytes,
                error_number == ENOMEM ? " (is there a limit on address space, ulimit -v?)" : ""));
    }
    data_ = static_cast<std::byte*>(address);
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
    if (this != &other) {
        reset();
        data_ = std::exchange(other.data_, nullptr);
        bytes_ = std::exchange(other.bytes_, 0);
    }
    return *this;
}

void Mapping::reset() {
    if (data_ != nullptr) (void)::munmap(data_, bytes_);
    data_ = nullptr;
    bytes_ = 0;
}

}  // namespace ipcrun
