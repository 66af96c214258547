// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A folder for the files of one test; it goes with everything in it.

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "base/fail.hpp"

namespace ipcrun::testing {

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string name = std::filesystem::temp_directory_path() / "ipcrun-test-XXXXXX";
        if (::mkdtemp(name.data()) == nullptr) fail_errno(errno, "make a temporary folder");
        path_ = name;
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;  // a folder left in /tmp fails no test
        std::filesystem::remove_all(path_, ignored);
    }

    std::string path() const { return path_; }

    /// Writes a file, with the folders above it; `name` is relative. Returns its whole path.
    std::string write(std::string_view name, std::string_view text) const {
        const std::filesystem::path file = path_ / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
        return file;
    }

  private:
    std::filesystem::path path_;
};

}  // namespace ipcrun::testing
