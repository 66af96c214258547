// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/blas.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <initializer_list>

#include "base/futex.hpp"

namespace ipcrun::lua {

namespace {

template <typename Function>
void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
}

// Of the process, as the library is.
std::atomic<std::uint32_t> users = 0;
std::atomic<bool> is_exiting = false;
// A product that takes longer is left alone, whatever comes of it.
constexpr Seconds exit_patience{10.0};

void keep_out() {
    is_exiting = true;
    const Deadline deadline = Deadline::after(exit_patience);
    while (const std::uint32_t now = users.load()) {
        if (deadline.has_passed()) return;
        const FutexWait word{&users, now};
        futex_wait_any({&word, 1}, deadline);
    }
}

// When the process exits, before libraries do: handlers run in the opposite order. Not as late as
// when the library is loaded: a thread may do that while the process exits, and then libraries may
// have begun to.
void keep_out_at_exit() {
    static const int is_registered = std::atexit(keep_out);
    (void)is_registered;  // where there is no memory for it, an exit stays as it was
}

}  // namespace

Blas::Use::Use() {
    users.fetch_add(1);
    if (!is_exiting.load()) return;
    users.fetch_sub(1);
    futex_wake_all(users);
    for (;;) ::pause();
}

Blas::Use::~Use() {
    users.fetch_sub(1);
    if (is_exiting.load()) futex_wake_all(users);
}

Blas::Blas() {
    keep_out_at_exit();
}

void Blas::load() {
    if (searched) return;
    searched = true;
    for (const char* name : {"libopenblas.so.0", "libblas.so.3"}) {
        void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
        if (library == nullptr) continue;
        find(library, "cblas_sgemm", sgemm);
        find(library, "cblas_dgemm", dgemm);
        find(library, "cblas_sgemv", sgemv);
        find(library, "cblas_dgemv", dgemv);
        if (sgemm != nullptr && dgemm != nullptr && sgemv != nullptr && dgemv != nullptr) {
            find(library, "openblas_set_num_threads", set_threads_);
            find(library, "openblas_get_num_threads", get_threads_);
            if (wanted_threads_ > 0) use_threads(wanted_threads_);
            return;
        }
        dlclose(library);
    }
    sgemm = nullptr;
    dgemm = nullptr;
    sgemv = nullptr;
    dgemv = nullptr;
}

void Blas::use_threads(int count) {
    wanted_threads_ = count;
    if (set_threads_ == nullptr) return;
    const Use use;
    set_threads_(count);
}

int Blas::thread_count() {
    if (!searched && wanted_threads_ > 0) return wanted_threads_;
    load();
    const Use use;
    return get_threads_ != nullptr ? get_threads_() : 1;
}

}  // namespace ipcrun::lua
