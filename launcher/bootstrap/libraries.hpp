// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Libraries of PMI, which are loaded when they are needed: they belong to the cluster.

#include <dlfcn.h>

#include <string_view>

#include "base/fail.hpp"

namespace ipcrun {

constexpr const char* pmix_library = "libpmix.so.2";
constexpr const char* pmi2_library = "libpmi2.so.0";
constexpr const char* pmi1_library = "libpmi.so.0";

/// Loaded for as long as the process lives: their threads may go on.
class LoadedLibrary {
  public:
    /// Throws Error{config} that says why it cannot be.
    explicit LoadedLibrary(const char* name) : name_(name) {
        // Plug-ins of PMIx look for its functions.
        library_ = ::dlopen(name, RTLD_NOW | RTLD_GLOBAL);
        if (library_ == nullptr) fail(ErrorCode::config, "load {}: {}", name, ::dlerror());
    }

    /// Takes a function out of it. Throws Error{config} where there is none.
    template <typename Function>
    void find(Function*& function, const char* name) const {
        function = reinterpret_cast<Function*>(::dlsym(library_, name));
        if (function == nullptr) fail(ErrorCode::config, "load {}: it has no {}", name_, name);
    }

  private:
    const char* name_;
    void* library_;
};

}  // namespace ipcrun
