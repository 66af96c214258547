// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "topology/discover/source.hpp"

namespace ipcrun::topology {

namespace {

namespace fs = std::filesystem;

struct Part {
    std::string source;
    std::size_t count = 1;
};

bool exists(const std::string& path) {
    std::error_code ignored;  // what cannot be seen is reported when it is read
    return !path.empty() && fs::exists(path, ignored);
}

/// Pieces between commas outside parentheses.
std::vector<std::string> split_list(std::string_view argument) {
    std::vector<std::string> pieces(1);
    int depth = 0;
    for (const char c : argument) {
        if (c == '(') ++depth;
        if (c == ')') --depth;
        if (c == ',' && depth <= 0)
            pieces.emplace_back();
        else
            pieces.back() += c;
    }
    return pieces;
}

Part parse_part(const std::string& piece) {
    const std::string text(trim(piece));
    if (text.empty())
        fail(ErrorCode::usage,
             "read a topology: nothing is named (FILE.xml, a folder, or \"pack:2 core:4\", with "
             "commas between)");
    const auto star = text.rfind('*');
    if (star == std::string::npos || exists(text)) return {text};
    const auto count = parse_number<std::size_t>(trim(std::string_view(text).substr(star + 1)));
    if (!count || *count == 0 || *count > hosts_max)
        fail(ErrorCode::usage,
             "read the topology {}: behind the '*' stands how many hosts there are, 1 to {}", text,
             hosts_max);
    std::string source(trim(std::string_view(text).substr(0, star)));
    if (source.empty())
        fail(ErrorCode::usage, "read the topology {}: no machine is named before the '*'", text);
    return {std::move(source), *count};
}

/// A folder is all that is recorded in it.
void append(std::vector<Part>& parts, const Part& part) {
    std::error_code error;
    if (!fs::is_directory(part.source, error)) {
        parts.push_back(part);
        return;
    }
    std::vector<std::string> files;
    for (fs::directory_iterator at(part.source, error), end; !error && at != end;
         at.increment(error))
        if (at->path().extension() == ".xml") files.push_back(at->path());
    if (error)
        fail(ErrorCode::usage, "read the topologies in {}: {}", part.source, error.message());
    if (files.empty())
        fail(ErrorCode::usage,
             "read the topologies in {}: no file there ends in .xml (write one with `lstopo "
             "FILE.xml` on each host)",
             part.source);
    std::sort(files.begin(), files.end());
    for (std::string& file : files) parts.push_back({std::move(file), part.count});
}

std::vector<Part> parse_parts(const std::string& argument) {
    std::vector<Part> parts;
    if (exists(argument)) {
        append(parts, {argument});
        return parts;
    }
    for (const std::string& piece : split_list(argument)) append(parts, parse_part(piece));
    return parts;
}

/// "node" becomes "node7", and "node01" becomes "node01-7".
std::string name_of_copy(const std::string& name, std::size_t copy) {
    if (name.empty()) return name;
    const bool is_numbered = std::isdigit(static_cast<unsigned char>(name.back())) != 0;
    return fmt::format("{}{}{}", name, is_numbered ? "-" : "", copy);
}

/// A name that none has yet.
std::string unused_name(std::string name, std::size_t index, const std::set<std::string>& used) {
    if (name.empty() || used.contains(name)) name = fmt::format("host{}", index);
    while (used.contains(name)) name += '\'';
    return name;
}

}  // namespace

Cluster read_cluster(const std::string& argument) {
    const std::vector<Part> parts = parse_parts(argument);
    std::size_t hosts = 0;
    for (const Part& part : parts) hosts += part.count;
    if (hosts > hosts_max)
        fail(ErrorCode::usage, "read the topology {}: {} hosts, and {} is the most", argument,
             hosts, hosts_max);
    std::vector<Machine> machines;
    std::vector<std::string> own_names;
    for (const Part& part : parts) {
        machines.push_back(read_machine_apart(part.source));
        own_names.push_back(machines.back().host);
    }
    // Each part is read and compared once, however many hosts it stands for.
    Cluster cluster = cluster_of(std::move(machines));
    const std::vector<Host> kinds = std::exchange(cluster.hosts, {});
    std::set<std::string> used;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        for (std::size_t copy = 0; copy < parts[i].count; ++copy) {
            Host host = kinds[i];
            if (parts[i].count > 1) host.name = name_of_copy(own_names[i], copy);
            host.name = unused_name(std::move(host.name), cluster.hosts.size(), used);
            used.insert(host.name);
            cluster.hosts.push_back(std::move(host));
        }
    }
    return cluster;
}

}  // namespace ipcrun::topology
