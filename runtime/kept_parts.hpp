// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a call lends, for as long as an operation needs it.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/call_site.hpp"
#include "runtime/part.hpp"

namespace ipcrun {

/// Copies of an array of parts and of a call site; what the parts name stays borrowed.
class KeptParts {
  public:
    KeptParts(std::span<const Part> parts, CallSite site)
        : parts_(parts.begin(), parts.end()), file_(site.file), line_(site.line) {
        extents_.reserve(2 * parts.size());
        for (Part& part : parts_) {
            part.sizes = extents_.emplace_back(part.sizes.begin(), part.sizes.end());
            part.strides = extents_.emplace_back(part.strides.begin(), part.strides.end());
        }
    }
    KeptParts(const KeptParts&) = delete;

    std::span<const Part> parts() const { return parts_; }
    CallSite site() const { return {file_.c_str(), line_}; }

  private:
    std::vector<Part> parts_;
    std::vector<std::vector<std::int64_t>> extents_;  // sizes and strides of parts
    std::string file_;
    int line_;
};

}  // namespace ipcrun
