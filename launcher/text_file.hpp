// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Files of text that people name on the command line.

#include <string>
#include <string_view>

namespace ipcrun {

/// The whole text of a file, without the mark of byte order that editors of other systems begin
/// files with. `what` named it, for messages: "option --rankfile". Throws Error{usage} for one that
/// cannot be read, or is longer than 64 MiB.
std::string read_text_file(std::string_view what, const std::string& path);

}  // namespace ipcrun
