// SPDX-License-Identifier: Apache-2.0
#include "topology/place/mapping.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/fail.hpp"
#include "base/text.hpp"

namespace ipcrun::topology {

namespace {

// More ranks than this on one object are a typing error.
constexpr int per_object_max = 1 << 20;

template <typename Value, std::size_t count>
std::optional<Value> find(const std::pair<std::string_view, Value> (&words)[count],
                          std::string_view text) {
    for (const auto& [word, value] : words)
        if (word == text) return value;
    return std::nullopt;
}

template <typename Value, std::size_t count>
std::string_view find_name(const std::pair<std::string_view, Value> (&words)[count], Value wanted) {
    for (const auto& [word, value] : words)
        if (value == wanted) return word;
    return "auto";
}

constexpr std::pair<std::string_view, BindTo> bindings[] = {
    {"auto", BindTo::automatic},  {"none", BindTo::none}, {"hwthread", BindTo::hwthread},
    {"core", BindTo::core},       {"l3", BindTo::l3},     {"numa", BindTo::numa},
    {"package", BindTo::package},
};

// Of several words for one object the first is ours, and what is printed.
constexpr std::pair<std::string_view, Object> objects[] = {
    {"node", Object::host},      {"package", Object::package},
    {"socket", Object::package}, {"numa", Object::numa},
    {"l3", Object::l3},          {"l3cache", Object::l3},
    {"core", Object::core},      {"hwthread", Object::hwthread},
    {"gpu", Object::gpu},
};

// What other launchers call things that are called otherwise here, or that machines do not tell
// apart any more. The answer to such a word names ours.
constexpr std::pair<std::string_view, std::string_view> foreign_words[] = {
    {"socket", "a socket is called package here"},
    {"board", "boards are not told apart: the largest part of a node is a package"},
    {"machine", "a host as a whole is called node here"},
    {"host", "a host as a whole is called node here"},
    {"l1cache", "each core has its own first-level cache: take core"},
    {"l2cache", "second-level caches are not dealt out: take core or l3"},
    {"l3cache", "that cache is called l3 here"},
    {"thread", "a hardware thread is called hwthread here"},
    {"pu", "a hardware thread is called hwthread here"},
    {"seq", "for a place of its own for each rank there is --rankfile"},
    {"rankfile", "the file is named by --rankfile FILE"},
    {"dist", "ranks are placed near their GPUs by gpu"},
    {"span", "the words for the order of ranks are slot and node"},
    {"fill", "ranks along the machine are called slot here"},
};

std::string answer_to(std::string_view text) {
    if (text.substr(0, 4) != "ppr:" && text.find(':') != std::string_view::npos)
        return "; words behind a colon are not known";
    const auto answer = find(foreign_words, text);
    return answer ? fmt::format("; {}", *answer) : "";
}

MapBy parse_packed(std::string_view text) {
    const auto pieces = split(text, ':');
    const auto count = pieces.size() == 3 ? parse_number<int>(pieces[1]) : std::nullopt;
    const auto object = pieces.size() == 3 ? find(objects, pieces[2]) : std::nullopt;
    if (!count || *count < 1 || *count > per_object_max || !object)
        fail(ErrorCode::usage,
             "option --map-by ppr:N:OBJECT takes the number of ranks for each OBJECT, 1 to {}, and "
             "node, package, numa, l3, core, hwthread or gpu; not '{}'{}",
             per_object_max, text, pieces.size() == 3 && !object ? answer_to(pieces[2]) : "");
    return {MapBy::Policy::packed, *object, *count};
}

}  // namespace

MapBy parse_map_by(std::string_view text) {
    if (text == "auto") return {};
    if (text == "slot") return {MapBy::Policy::slot};
    if (text.substr(0, 4) == "ppr:") return parse_packed(text);
    if (const auto object = find(objects, text)) return {MapBy::Policy::round_robin, *object};
    fail(ErrorCode::usage,
         "option --map-by takes auto, slot, node, package, numa, l3, core, hwthread, gpu or "
         "ppr:N:OBJECT; not '{}'{}",
         text, answer_to(text));
}

std::string format_map_by(const MapBy& map_by) {
    const std::string_view object = find_name(objects, map_by.object);
    switch (map_by.policy) {
        case MapBy::Policy::automatic:
            return "auto";
        case MapBy::Policy::slot:
            return "slot";
        case MapBy::Policy::round_robin:
            return std::string(object);
        case MapBy::Policy::packed:
            return fmt::format("ppr:{}:{}", map_by.count, object);
    }
    return "auto";
}

RankBy parse_rank_by(std::string_view text) {
    if (text == "auto") return RankBy::automatic;
    if (text == "slot") return RankBy::slot;
    if (text == "node") return RankBy::host;
    fail(ErrorCode::usage, "option --rank-by takes auto, slot or node; not '{}'{}", text,
         text == "socket" ? "" : answer_to(text));
}

BindTo parse_bind_to(std::string_view text) {
    if (const auto binding = find(bindings, text)) return *binding;
    fail(ErrorCode::usage,
         "option --bind-to takes auto, none, hwthread, core, l3, numa or package; not '{}'{}", text,
         answer_to(text));
}

std::string_view name_of(BindTo bind_to) {
    return find_name(bindings, bind_to);
}

}  // namespace ipcrun::topology
