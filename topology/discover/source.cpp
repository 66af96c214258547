// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/source.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <pugixml.hpp>
#include <string_view>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"
#include "topology/discover/apart.hpp"
#include "topology/discover/hwloc_topology.hpp"
#include "topology/discover/hwloc_xml.hpp"
#include "topology/discover/nccl_xml.hpp"

namespace ipcrun::topology {

namespace {

/// The largest recorded machines have some hundred kilobytes.
constexpr std::size_t file_bytes_max = 64 << 20;

[[noreturn]] void refuse(const std::string& source, std::string_view why) {
    fail(ErrorCode::usage, "read the topology {}: {}", source, why);
}

std::string read_file(const std::string& path) {
    // A FIFO would be waited for.
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd) refuse(path, std::strerror(errno));
    struct stat facts {};
    if (::fstat(fd.get(), &facts) != 0) refuse(path, std::strerror(errno));
    if (S_ISDIR(facts.st_mode)) refuse(path, "it is a folder; name a file in it");
    if (!S_ISREG(facts.st_mode)) refuse(path, "it is no regular file");
    std::string text;
    char buffer[1 << 16];
    for (;;) {
        const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
        if (count == 0) return text;
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) refuse(path, std::strerror(errno));
        text.append(buffer, static_cast<std::size_t>(count));
        if (text.size() > file_bytes_max)
            refuse(path, fmt::format("it is longer than {} MiB, which no machine is",
                                     file_bytes_max >> 20));
    }
}

/// A machine of the text of a file; `source` names it.
Machine parse_machine(const std::string& text, const std::string& source) {
    if (trim(text).empty()) refuse(source, "it is empty (write one with `lstopo FILE.xml`)");
    pugi::xml_document document;
    const pugi::xml_parse_result parsed =
        document.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_utf8);
    const pugi::xml_node root = document.document_element();
    if (!parsed || root.empty()) {
        const auto end = text.begin() + std::clamp<std::ptrdiff_t>(parsed.offset, 0,
                                                                   static_cast<long>(text.size()));
        refuse(source, fmt::format("it is no well-formed XML: {} in line {}",
                                   parsed ? "no element" : parsed.description(),
                                   1 + std::count(text.begin(), end, '\n')));
    }
    const std::string_view name = root.name();
    if (name == "topology" || name == "root") return read_hwloc(root, source);
    if (name == "system") return read_nccl(root, source);
    if (name == "graphs")
        refuse(source,
               "it holds the rings and trees that NCCL chose (NCCL_GRAPH_DUMP_FILE), not the "
               "machine; NCCL writes that with NCCL_TOPO_DUMP_FILE=FILE.xml");
    refuse(source, fmt::format("its root element is <{}>, and not <topology> as hwloc writes "
                               "(`lstopo FILE.xml`) or <system> as NCCL does",
                               name));
}

Machine read_synthetic(const std::string& description) {
    if (description.find(':') == std::string::npos)
        refuse(description,
               "there is no such file, and a description looks like \"pack:2 numa:2 l3:2 core:4 "
               "pu:2\"");
    // hwloc wants to be told of hardware threads even where a core has only one.
    const bool has_threads = description.find("pu:") != std::string::npos ||
                             description.find("PU:") != std::string::npos;
    const HwlocTopology topology =
        HwlocTopology::load_synthetic(has_threads ? description : description + " pu:1");
    return topology.machine(topology.all_cpus());
}

}  // namespace

Machine read_machine(const std::string& source) {
    struct stat facts {};
    const bool there = !source.empty() && ::stat(source.c_str(), &facts) == 0;
    const bool meant = source.find('/') != std::string::npos || source.ends_with(".xml");
    if (!there && !meant) return read_synthetic(source);
    Machine machine = parse_machine(read_file(source), source);
    if (machine.host.empty()) {
        const std::filesystem::path path = source;
        machine.host = path.extension() == ".xml" ? path.stem() : path.filename();
    }
    return machine;
}

Machine read_machine_apart(const std::string& source) {
    return read_apart(source, read_machine);
}

}  // namespace ipcrun::topology
