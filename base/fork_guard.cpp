// SPDX-License-Identifier: Apache-2.0
#include "base/fork_guard.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <new>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t page_bytes = 4096;

}  // namespace

ForkGuard::ForkGuard() {
    void* page =
        ::mmap(nullptr, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) fail_errno(errno, "map a page that fork() wipes");
    if (::madvise(page, page_bytes, MADV_WIPEONFORK) != 0) {
        const int error_number = errno;
        (void)::munmap(page, page_bytes);
        fail_errno(error_number, "have a page wiped by fork()");
    }
    ours_ = new (page) std::atomic<bool>(true);
}

ForkGuard::~ForkGuard() {
    (void)::munmap(static_cast<void*>(ours_), page_bytes);
}

}  // namespace ipcrun
