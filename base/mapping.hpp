// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Shared memory without names: sealed memfds and their mappings.

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/unique_fd.hpp"

namespace ipcrun {

/// A sparse memfd of `bytes`, close-on-exec, sealed against growing, shrinking and further seals.
/// Nothing appears in a file system; the memory goes with the last descriptor and mapping.
UniqueFd create_memfd(const std::string& name, std::uint64_t bytes);

/// The size of the memory behind `fd`, in bytes.
std::uint64_t memfd_bytes(int fd);

/// An owned mapping of shared memory; unmapped when it goes.
class Mapping {
  public:
    Mapping() = default;
    /// Maps `bytes` of `fd` from `offset` (a multiple of the page size), shared, for reading and
    /// writing. Pages appear on first touch; no swap is reserved.
    Mapping(int fd, std::uint64_t offset, std::size_t bytes);
    Mapping(Mapping&& other) noexcept;
    Mapping& operator=(Mapping&& other) noexcept;
    ~Mapping() { reset(); }

    std::byte* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }
    explicit operator bool() const { return data_ != nullptr; }
    void reset();

  private:
    std::byte* data_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace ipcrun
