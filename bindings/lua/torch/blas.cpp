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
        if (sgemm != nullptr && dgemm != nullptr && sgemv != nullptr && dgemv != nullptr) return;
        dlclose(library);
    }
    sgemm = nullptr;
    dgemm = nullptr;
    sgemv = nullptr;
    dgemv = nullptr;
}

}  // namespace ipcrun::lua
