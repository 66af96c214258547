// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/svg.hpp"

#include <fmt/format.h>

#include <cmath>

#include "launcher/show/numbers.hpp"

namespace ipcrun::show {

namespace {

/// Bytes of the UTF-8 character at the start of `text` that XML allows, or 0.
std::size_t character_bytes(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
    const std::size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return 0;
    for (std::size_t at = 1; at < bytes; ++at)
        if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80) return 0;
    const auto second = static_cast<unsigned char>(text[1]);
    // Too long a form, surrogates, beyond the last character, and the two that are none.
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
    if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
    if (text.starts_with("\xef\xbf\xbe") || text.starts_with("\xef\xbf\xbf")) return 0;
    return bytes;
}

std::string coordinate(double value) {
    if (!std::isfinite(value)) return "0";
    std::string text = fmt::format("{:.1f}", value);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text;
}

}  // namespace

std::string escape(std::string_view text) {
    std::string result;
    while (!text.empty()) {
        const std::size_t bytes = character_bytes(text);
        switch (bytes == 0 ? '?' : text.front()) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            case '\'':
                result += "&#39;";
                break;
            default:
                result += bytes == 0 ? "?" : text.substr(0, bytes);
        }
        text.remove_prefix(bytes == 0 ? 1 : bytes);
    }
    return result;
}

double text_width(std::string_view text, double font) {
    return static_cast<double>(width_of(text)) * font * 0.61;
}

void Svg::shape(std::string_view element, const ShapeStyle& style, std::string_view tip) {
    body_ += fmt::format("<{} fill=\"{}\"", element, style.fill);
    if (style.stroke != "none")
        body_ += fmt::format(" stroke=\"{}\" stroke-width=\"{}\"", style.stroke,
                             coordinate(style.width));
    if (style.dashed) body_ += " stroke-dasharray=\"4 3\"";
    if (tip.empty()) {
        body_ += "/>\n";
        return;
    }
    const std::string_view name = element.substr(0, element.find(' '));
    body_ += fmt::format("><title>{}</title></{}>\n", escape(tip), name);
}

void Svg::rectangle(double x, double y, double w, double h, const ShapeStyle& style,
                    std::string_view tip) {
    const std::string corners =
        style.radius > 0 ? fmt::format(" rx=\"{}\"", coordinate(style.radius)) : "";
    shape(fmt::format("rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"{}", coordinate(x),
                      coordinate(y), coordinate(w), coordinate(h), corners),
          style, tip);
}

void Svg::circle(double x, double y, double radius, const ShapeStyle& style, std::string_view tip) {
    shape(fmt::format("circle cx=\"{}\" cy=\"{}\" r=\"{}\"", coordinate(x), coordinate(y),
                      coordinate(radius)),
          style, tip);
}

void Svg::line(double x1, double y1, double x2, double y2, const ShapeStyle& style) {
    shape(fmt::format("line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"", coordinate(x1),
                      coordinate(y1), coordinate(x2), coordinate(y2)),
          style, "");
}

void Svg::branch(double x1, double y1, double x2, double y2, const ShapeStyle& style,
                 std::string_view tip) {
    const double middle = (y1 + y2) / 2;
    shape(fmt::format("path d=\"M{} {}C{} {} {} {} {} {}\"", coordinate(x1), coordinate(y1),
                      coordinate(x1), coordinate(middle), coordinate(x2), coordinate(middle),
                      coordinate(x2), coordinate(y2)),
          style, tip);
}

void Svg::text(double x, double y, std::string_view words, const TextStyle& style) {
    constexpr std::string_view anchors[] = {"start", "middle", "end"};
    body_ += fmt::format(
        "<text x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{}\"{} fill=\"{}\">{}</text>\n",
        coordinate(x), coordinate(y), coordinate(style.font),
        anchors[static_cast<int>(style.anchor)], style.bold ? " font-weight=\"bold\"" : "",
        style.fill, escape(words));
}

std::string Svg::document(double width, double height, std::string_view title) const {
    return fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" "
        "viewBox=\"0 0 {0} {1}\" font-family=\"Helvetica, Arial, 'DejaVu Sans', sans-serif\">\n"
        "<title>{2}</title>\n"
        "<rect width=\"{0}\" height=\"{1}\" fill=\"#ffffff\"/>\n{3}</svg>\n",
        coordinate(width), coordinate(height), escape(title), body_);
}

}  // namespace ipcrun::show
