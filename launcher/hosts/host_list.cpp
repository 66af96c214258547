// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/host_list.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "launcher/hosts/host_words.hpp"

namespace ipcrun {

namespace {

/// Hosts in the order of their first mention, each once.
class Gathering {
  public:
    void add(const HostWord& word, const std::string& where) {
        for (const std::string& name : word.names) {
            const auto [entry, is_new] = index_.try_emplace(name, hosts_.size());
            if (is_new) {
                hosts_.push_back({.name = name});
                mentions_.push_back({});
            }
            Mentions& mentions = mentions_[entry->second];
            if (word.slots == 0)
                ++mentions.without_slots;
            else
                mentions.slots += word.slots;
            if (mentions.slots + mentions.without_slots > slots_max)
                refuse(where, "host '{}' would have more than {} slots", excerpt(name), slots_max);
            if (++all_mentions_ > hosts_max)
                refuse(where, "more than {} hosts are named", hosts_max);
        }
    }

    /// Of the hosts of `word`, which have been added.
    void settle(const HostWord& word, std::string NamedHost::*member, std::string_view key,
                const std::string& value, const std::string& where) {
        if (value.empty()) return;
        for (const std::string& name : word.names) {
            std::string& known = hosts_[index_.at(name)].*member;
            if (!known.empty() && known != value)
                refuse(where, "host '{}' has {}={} already", excerpt(name), key, excerpt(known));
            known = value;
        }
    }

    std::vector<NamedHost> take() {
        for (std::size_t i = 0; i < hosts_.size(); ++i) {
            const Mentions& mentions = mentions_[i];
            // Once without a number is no number: as many as it has cores.
            if (mentions.slots > 0 || mentions.without_slots > 1)
                hosts_[i].slots = mentions.slots + mentions.without_slots;
        }
        return std::move(hosts_);
    }

  private:
    struct Mentions {
        int slots = 0;
        int without_slots = 0;
    };
    std::vector<NamedHost> hosts_;
    std::vector<Mentions> mentions_;
    std::unordered_map<std::string, std::size_t> index_;
    int all_mentions_ = 0;
};

/// What stands behind the hosts of a line.
struct Attributes {
    int slots = 0;
    std::string directory;
    std::string agent_path;
};

void read_attribute(Attributes& attributes, std::string_view word, const std::string& where) {
    const auto equals = word.find('=');
    const std::string_view key = word.substr(0, equals);
    constexpr std::string_view known = "slots=N, wdir=DIR and ipcrun=PATH";
    if (equals == word.npos)
        refuse(where, "'{}' stands behind a host, where {} may (hosts have commas between them)",
               excerpt(word), known);
    const std::string_view value = word.substr(equals + 1);
    if (key == "max_slots" || key == "max-slots")
        refuse(where, "'{}': there is no most of slots; slots=N says how many ranks a host is for",
               excerpt(word));
    if (value.empty()) refuse(where, "'{}' has no value", excerpt(word));
    const auto set_once = [&](std::string& text) {
        if (!text.empty()) refuse(where, "'{}': there is a {}= before it", excerpt(word), key);
        text = value;
    };
    if (key == "slots") {
        if (attributes.slots != 0)
            refuse(where, "'{}': there is a slots= before it", excerpt(word));
        attributes.slots = parse_slots(value, where);
    } else if (key == "wdir") {
        set_once(attributes.directory);
        if (!value.starts_with('/'))
            refuse(where, "'{}': the directory is one from the root on, as wdir=/scratch",
                   excerpt(word));
    } else if (key == "ipcrun") {
        set_once(attributes.agent_path);
    } else {
        refuse(where, "'{}' is unknown; behind a host stand {}", excerpt(word), known);
    }
}

std::vector<std::string_view> words_of(std::string_view line) {
    constexpr std::string_view blanks = " \t";
    std::vector<std::string_view> words;
    for (auto begin = line.find_first_not_of(blanks); begin != line.npos;
         begin = line.find_first_not_of(blanks)) {
        line.remove_prefix(begin);
        words.push_back(line.substr(0, line.find_first_of(blanks)));
        line.remove_prefix(words.back().size());
    }
    return words;
}

void read_line(Gathering& gathering, std::string_view line, const std::string& where) {
    const std::vector<std::string_view> words = words_of(line);
    Attributes attributes;
    for (std::size_t i = 1; i < words.size(); ++i) read_attribute(attributes, words[i], where);
    for (const std::string_view piece : split_list(words[0])) {
        HostWord word = parse_host_word(piece, where);
        if (attributes.slots > 0 && word.slots > 0)
            refuse(where, "'{}' has slots already: either ':{}' or 'slots={}'", excerpt(piece),
                   word.slots, attributes.slots);
        word.slots = std::max(word.slots, attributes.slots);
        gathering.add(word, where);
        gathering.settle(word, &NamedHost::directory, "wdir", attributes.directory, where);
        gathering.settle(word, &NamedHost::agent_path, "ipcrun", attributes.agent_path, where);
    }
}

}  // namespace

std::vector<NamedHost> parse_host_list(std::string_view what, std::string_view text) {
    const std::string where(what);
    if (trim(text).empty()) refuse(where, "no host is named; for example a:4,b:4 or node[01-04]");
    Gathering gathering;
    for (const std::string_view piece : split_list(text))
        gathering.add(parse_host_word(trim(piece), where), where);
    return gathering.take();
}

std::vector<NamedHost> parse_hostfile(std::string_view text, const std::string& file_name) {
    Gathering gathering;
    int number = 0;
    for (std::string_view line : split(text, '\n')) {
        ++number;
        line = trim(line.substr(0, line.find('#')));
        if (!line.empty()) read_line(gathering, line, fmt::format("{}:{}", file_name, number));
    }
    std::vector<NamedHost> hosts = gathering.take();
    if (hosts.empty()) refuse(file_name, "no host is named; a line reads 'HOST slots=N'");
    return hosts;
}

std::vector<NamedHost> without(std::vector<NamedHost> hosts, std::string_view excluded) {
    const std::string where = "option --exclude";
    if (trim(excluded).empty()) refuse(where, "no host is named; for example a or node[01-04]");
    std::unordered_set<std::string> present;
    for (const NamedHost& host : hosts) present.insert(host.name);
    std::unordered_set<std::string> unwanted;
    for (const std::string_view piece : split_list(excluded)) {
        HostWord word = parse_host_word(trim(piece), where);
        if (word.slots > 0)
            refuse(where, "'{}': a host is excluded with all its slots", excerpt(piece));
        for (std::string& name : word.names) {
            if (!present.contains(name))
                refuse(where, "'{}' is none of the hosts, which are {}{}", excerpt(name),
                       excerpt(hosts[0].name),
                       hosts.size() == 1 ? "" : fmt::format(" and {} more", hosts.size() - 1));
            unwanted.insert(std::move(name));
        }
    }
    std::erase_if(hosts, [&](const NamedHost& host) { return unwanted.contains(host.name); });
    if (hosts.empty()) refuse(where, "no host is left");
    return hosts;
}

}  // namespace ipcrun
