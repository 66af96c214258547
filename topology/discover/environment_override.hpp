// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What hwloc can be told by environment variables alone is told for a moment.

#include <stdlib.h>

#include <optional>
#include <string>

#include "base/environment.hpp"

namespace ipcrun::topology {

/// Sets or removes an environment variable as long as it lives.
class EnvironmentOverride {
  public:
    /// `value` null: removed.
    EnvironmentOverride(const char* name, const char* value)
        : name_(name), old_(environment_variable(name)) {
        set(value);
    }
    EnvironmentOverride(const EnvironmentOverride&) = delete;
    ~EnvironmentOverride() { set(old_ ? old_->c_str() : nullptr); }

  private:
    // Fails only without memory; then hwloc is slower, or noisy, and no less right.
    void set(const char* value) {
        (void)(value == nullptr ? ::unsetenv(name_) : ::setenv(name_, value, 1));
    }
    const char* name_;
    std::optional<std::string> old_;
};

}  // namespace ipcrun::topology
