// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/hwloc_xml.hpp"

#include <fmt/format.h>

#include <pugixml.hpp>
#include <string_view>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "topology/discover/hwloc_topology.hpp"

namespace ipcrun::topology {

namespace {

/// Text that grows.
class StringWriter : public pugi::xml_writer {
  public:
    void write(const void* data, std::size_t size) override {
        text.append(static_cast<const char*>(data), size);
    }
    std::string text;
};

/// The plain form of hwloc's built-in parser: no comments, no declaration, double quotes. What
/// libxml may do beside (entities, files of others) so never happens.
std::string plain_form(const pugi::xml_node& topology, const std::string& version) {
    StringWriter out;
    out.text =
        version.empty() ? "<topology>\n" : fmt::format("<topology version=\"{}\">\n", version);
    for (const pugi::xml_node& child : topology.children()) child.print(out, "", pugi::format_raw);
    out.text += "\n</topology>\n";
    // Tabs, of which pugixml writes a form that hwloc cannot read.
    for (std::size_t at = 0; (at = out.text.find("&#09;", at)) != std::string::npos;)
        out.text.replace(at, 5, " ");
    return std::move(out.text);
}

}  // namespace

Machine read_hwloc(const pugi::xml_node& topology, const std::string& source) {
    const std::string version = topology.attribute("version").value();
    const auto major = parse_number<int>(std::string_view(version).substr(0, version.find('.')));
    if (!version.empty() && !major)
        fail(ErrorCode::usage, "read the topology {}: its version '{}' is none of hwloc", source,
             version);
    if (major.value_or(1) > 2)
        fail(ErrorCode::usage,
             "read the topology {}: hwloc {} wrote it, and hwloc 2 cannot read that (write it with "
             "`lstopo --export-xml-flags v2 FILE.xml` there)",
             source, version);
    const std::string_view root = topology.child("object").attribute("type").value();
    // hwloc crashes on some other roots (https://github.com/open-mpi/hwloc/pull/800).
    if (root != "Machine" && root != "System")
        fail(ErrorCode::usage, "read the topology {}: it holds no object of the type Machine",
             source);
    const HwlocTopology loaded = HwlocTopology::load_xml(plain_form(topology, version), source);
    const std::vector<int> cpus = loaded.all_cpus();
    if (cpus.empty())
        fail(ErrorCode::usage, "read the topology {}: it has no CPU that may be used", source);
    return loaded.machine(cpus);
}

}  // namespace ipcrun::topology
