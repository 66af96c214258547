// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Shapes and text of a picture as SVG. Names are escaped here, and numbers made finite.

#include <string>
#include <string_view>

namespace ipcrun::show {

enum class Anchor { start, middle, end };

struct TextStyle {
    double font = 11;
    std::string_view fill = "#1f2933";
    Anchor anchor = Anchor::start;
    bool bold = false;
};

struct ShapeStyle {
    std::string_view fill = "none";
    std::string_view stroke = "none";
    double width = 1;
    double radius = 0;  ///< of the corners
    bool dashed = false;
};

class Svg {
  public:
    /// Each may have `tip`, which shows when the mouse rests on it.
    void rectangle(double x, double y, double w, double h, const ShapeStyle& style,
                   std::string_view tip = "");
    void circle(double x, double y, double radius, const ShapeStyle& style,
                std::string_view tip = "");
    void line(double x1, double y1, double x2, double y2, const ShapeStyle& style);
    /// From top to bottom, leaving and arriving upright.
    void branch(double x1, double y1, double x2, double y2, const ShapeStyle& style,
                std::string_view tip = "");
    /// `y` is that of the baseline.
    void text(double x, double y, std::string_view words, const TextStyle& style);

    /// The whole file.
    std::string document(double width, double height, std::string_view title) const;

  private:
    void shape(std::string_view element, const ShapeStyle& style, std::string_view tip);
    std::string body_;
};

/// For text and attributes of XML: without characters that it forbids, and with entities.
std::string escape(std::string_view text);

/// Room that a line takes, guessed from a wide face; in the unit of `font`.
double text_width(std::string_view text, double font);

}  // namespace ipcrun::show
