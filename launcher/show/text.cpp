// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "launcher/show/numbers.hpp"
#include "launcher/show/text_sections.hpp"

namespace ipcrun::show {

namespace {

constexpr std::size_t margin = 10;
constexpr std::size_t argv_characters = 300;

Lines plan_section(const Overview& overview, std::size_t columns) {
    const auto hosts = std::ranges::count_if(overview.placement.layout_of_host,
                                             [](int layout) { return layout >= 0; });
    const std::string program =
        overview.argv.empty()
            ? "no program"
            : cut(printable(fmt::format("{}", fmt::join(overview.argv, " "))), argv_characters);
    Lines lines = wrap(fmt::format("{} on {}: {}", counted(overview.ranks(), "rank"),
                                   counted(hosts, "host"), program),
                       columns);
    std::string settings;
    for (const Setting& setting : overview.settings)
        settings += fmt::format("{}--{} {}", settings.empty() ? "" : "  ", setting.name,
                                printable(setting.value));
    if (!settings.empty()) lines.push_back(settings);
    return lines;
}

Lines note_section(const Overview& overview, std::size_t columns) {
    Lines lines;
    for (const std::string& note : overview.notes)
        for (const std::string& line : wrap("! " + printable(note), columns - 2))
            lines.push_back(lines.empty() || line.starts_with("! ") ? line : "  " + line);
    return lines;
}

void add_section(std::string& text, const std::string& heading, const Lines& lines,
                 std::size_t columns) {
    if (lines.empty()) return;
    if (!text.empty()) text += '\n';
    std::string head = heading + std::string(margin - heading.size(), ' ');
    for (const std::string& line : lines) {
        std::string whole = cut(head + line, columns);
        while (whole.ends_with(' ')) whole.pop_back();
        text += whole + '\n';
        head.assign(margin, ' ');
    }
}

}  // namespace

std::string format_text(const Overview& overview, int columns) {
    const std::size_t width = static_cast<std::size_t>(std::max(columns, 60));
    const std::size_t room = width - margin;
    std::string text;
    add_section(text, "Plan", plan_section(overview, room), width);
    add_section(text, "Machine", machine_section(overview, room), width);
    add_section(text, "Ranks", rank_section(overview), width);
    add_section(text, "Links", link_section(overview, room), width);
    add_section(text, "Tree", tree_section(overview, room), width);
    add_section(text, "Allreduce", time_section(overview), width);
    add_section(text, "Notes", note_section(overview, room), width);
    return text;
}

}  // namespace ipcrun::show
