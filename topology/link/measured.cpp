// SPDX-License-Identifier: Apache-2.0
#include "topology/link/measured.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/fail.hpp"

namespace ipcrun::topology {

namespace {

// Keeps keys in the order in which we write them.
using Json = nlohmann::ordered_json;

constexpr int format_number = 1;
constexpr std::size_t bytes_max = 64 << 10;
constexpr double us_max = 1e6;  // a second; for a byte, too

class Reader {
  public:
    explicit Reader(std::string_view name) : name_(name) {}

    [[noreturn]] void refuse(const std::string& why) const {
        fail(ErrorCode::config, "read measured links {}: {}; delete the file, or measure again",
             name_, why);
    }

    Json parse(std::string_view text) const {
        if (text.size() > bytes_max) refuse(fmt::format("it has more than {} bytes", bytes_max));
        Json json = Json::parse(text.begin(), text.end(), nullptr, false);
        if (json.is_discarded()) refuse("it is no JSON");
        return json;
    }

    // An object with these members, and no others.
    void expect(const Json& json, std::string_view what, std::set<std::string> keys) const {
        if (!json.is_object()) refuse(fmt::format("{} is no object", what));
        for (const auto& [key, value] : json.items())
            if (keys.erase(key) == 0) refuse(fmt::format("{} has an unknown member", what));
        if (!keys.empty()) refuse(fmt::format("{} has no '{}'", what, *keys.begin()));
    }

    std::string text(const Json& json, std::string_view what) const {
        if (!json.is_string()) refuse(fmt::format("'{}' is no text", what));
        return json.get<std::string>();
    }

    double time(const Json& json, std::string_view what) const {
        const double value = json.is_number() ? json.get<double>() : -1;
        if (!(value >= 0 && value <= us_max))
            refuse(fmt::format("'{}' is no time in microseconds", what));
        return value;
    }

  private:
    std::string_view name_;
};

std::uint64_t parse_hash(const Reader& reader, const std::string& text) {
    const bool is_hash =
        text.size() == 16 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
    if (!is_hash) reader.refuse("'machine' is not 16 hexadecimal digits");
    return std::stoull(text, nullptr, 16);
}

}  // namespace

std::string format_measured(const MeasuredCosts& costs) {
    Json links = Json::object();
    for (const LinkClass link : costs.measured) {
        const LinkCost& cost = costs.table.of(link);
        links[std::string(name_of(link))] = {{"latency_us", cost.latency_us},
                                             {"gap_us", cost.gap_us},
                                             {"us_per_byte", cost.us_per_byte}};
    }
    const Json json{{"format", format_number},
                    {"machine", fmt::format("{:016x}", costs.machine)},
                    {"when", costs.when},
                    {"links", std::move(links)},
                    {"reduce_us_per_byte", costs.table.reduce_us_per_byte}};
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

MeasuredCosts parse_measured(std::string_view text, std::string_view name) {
    const Reader reader(name);
    const Json json = reader.parse(text);
    reader.expect(json, "the file", {"format", "machine", "when", "links", "reduce_us_per_byte"});
    if (json["format"] != format_number) reader.refuse("it is of another format");
    MeasuredCosts costs;
    costs.machine = parse_hash(reader, reader.text(json["machine"], "machine"));
    costs.when = reader.text(json["when"], "when");
    costs.table.reduce_us_per_byte = reader.time(json["reduce_us_per_byte"], "reduce_us_per_byte");
    if (!json["links"].is_object()) reader.refuse("'links' is no object");
    for (const auto& [key, value] : json["links"].items()) {
        const auto link = parse_link_class(key);
        if (!link) reader.refuse("'links' names an unknown class");
        reader.expect(value, key, {"latency_us", "gap_us", "us_per_byte"});
        costs.measured.push_back(*link);
        costs.table.of(*link) = {reader.time(value["latency_us"], "latency_us"),
                                 reader.time(value["gap_us"], "gap_us"),
                                 reader.time(value["us_per_byte"], "us_per_byte")};
    }
    std::sort(costs.measured.begin(), costs.measured.end());
    return costs;
}

CostTable with_measured(CostTable assumed, const MeasuredCosts& costs) {
    const auto is_measured = [&](LinkClass link) {
        return std::find(costs.measured.begin(), costs.measured.end(), link) !=
               costs.measured.end();
    };
    for (const LinkClass link : costs.measured) assumed.of(link) = costs.table.of(link);
    if (costs.table.reduce_us_per_byte > 0)
        assumed.reduce_us_per_byte = costs.table.reduce_us_per_byte;
    // From the L2 outwards; ranks on one core wait for each other, and may be the slowest.
    LinkCost nearer = {};
    for (int link = static_cast<int>(LinkClass::l2); link <= static_cast<int>(LinkClass::machine);
         ++link) {
        LinkCost& cost = assumed.links[static_cast<std::size_t>(link)];
        if (is_measured(static_cast<LinkClass>(link))) {
            nearer = cost;
            continue;
        }
        cost = dearer(cost, nearer);
    }
    return assumed;
}

}  // namespace ipcrun::topology
