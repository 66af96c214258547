// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The text of a rendezvous file, and its way in and out. Private to rendezvous.cpp
/// and shared_rendezvous.cpp.

#include <optional>
#include <string>

#include "base/process_identity.hpp"
#include "runtime/connection/rendezvous.hpp"

namespace ipcrun {

struct RendezvousText {
    MeetingPlace place;
    ProcessIdentity publisher;
};

std::string format_rendezvous(const RendezvousText& text);
/// nullopt for what format_rendezvous() does not make.
std::optional<RendezvousText> parse_rendezvous(const std::string& text);

/// The file `name` of the folder; nullopt when there is none. Throws Error: config (it is no plain
/// file, not this user's, or others may write it; or it is no such text), system. `path` is for
/// errors.
std::optional<RendezvousText> read_rendezvous(int folder, const std::string& name,
                                              const std::string& path);
/// Writes it under another name, for this user alone, then renames it: so nobody reads a part.
/// Throws Error{system}.
void write_rendezvous(int folder, const std::string& name, const std::string& path,
                      const RendezvousText& text);

}  // namespace ipcrun
