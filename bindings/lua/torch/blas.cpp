// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/blas.hpp"

#include <dlfcn.h>

#include <initializer_list>

namespace ipcrun::lua {

namespace {

template <typename Function>
void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
}

}  // namespace

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
    if (set_threads_ != nullptr) set_threads_(count);
}

int Blas::thread_count() {
    if (!searched && wanted_threads_ > 0) return wanted_threads_;
    load();
    return get_threads_ != nullptr ? get_threads_() : 1;
}

}  // namespace ipcrun::lua
