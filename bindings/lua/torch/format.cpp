// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/format.hpp"

#include <algorithm>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "bindings/lua/torch/scalar.hpp"
#include "bindings/lua/torch/walk.hpp"

namespace ipcrun::lua {

namespace {

constexpr int line_width = 80;

/// How the numbers of one matrix (or vector) are written.
struct NumberFormat {
    enum Style { integer, fixed, scientific } style = integer;
    int width = 2;
    double scale = 1;
};

struct Output {
    void* sink;
    void (*write)(void* sink, const char* text, std::size_t length);

    void text(const char* string) const { write(sink, string, std::strlen(string)); }
    template <typename... Args>
    void print(const char* format, Args... args) const {
        char buffer[512];
        const int length = std::snprintf(buffer, sizeof buffer, format, args...);
        write(sink, buffer, std::min<std::size_t>(length, sizeof buffer - 1));
    }
    void number(const NumberFormat& format, const Scalar& value) const {
        if (value.is_integer)
            print("%*" PRId64, format.width, value.integer);
        else if (std::isnan(value.real))  // whatever its sign bit
            print("%*s", format.width, "nan");
        else if (format.style == NumberFormat::scientific)
            print("%*.4e", format.width, value.real);
        else
            print(format.style == NumberFormat::fixed ? "%*.4f" : "%*.0f", format.width,
                  value.real / format.scale);
    }
};

struct Magnitudes {
    bool whole = true;  ///< no fractions
    double smallest = HUGE_VAL;
    double largest = 0;
    int digits = 1;      ///< of the widest integer, with its sign
    bool finite = true;  ///< neither infinities nor NaN
};

Magnitudes measure(const View& view) {
    Magnitudes result;
    for_each_run(plan_walk({&view}), [&](std::byte* const* data, const std::int64_t* strides,
                                         std::int64_t count) {
        const std::int64_t step = strides[0] * std::int64_t(size_of(view.dtype));
        for (std::int64_t i = 0; i < count; ++i) {
            const Scalar value = load_element(view.dtype, data[0] + i * step);
            if (value.is_integer)
                result.digits =
                    std::max(result.digits, std::snprintf(nullptr, 0, "%" PRId64, value.integer));
            if (!std::isfinite(value.real)) {
                result.finite = false;
                continue;
            }
            const double magnitude = std::abs(value.real);
            if (magnitude != std::floor(magnitude)) result.whole = false;
            result.smallest = std::min(result.smallest, magnitude);
            result.largest = std::max(result.largest, magnitude);
        }
    });
    if (result.smallest > result.largest) result.smallest = 0;
    return result;
}

/// The power of ten just above `magnitude`, 1 for zero.
int exponent_of(double magnitude) {
    return magnitude == 0 ? 1 : int(std::floor(std::log10(magnitude))) + 1;
}

NumberFormat choose_format(const View& view) {
    const Magnitudes magnitudes = measure(view);
    NumberFormat format;
    if (!is_floating(view.dtype)) {
        format.width = magnitudes.digits + 1;
        return format;
    }
    const int low = exponent_of(magnitudes.smallest);
    const int high = exponent_of(magnitudes.largest);
    if (magnitudes.whole) {
        format.style = high > 9 ? NumberFormat::scientific : NumberFormat::integer;
        format.width = high > 9 ? 11 : std::max(high + 1, 2);
    } else if (high - low > 4) {
        format.style = NumberFormat::scientific;
        format.width = std::abs(high) > 99 || std::abs(low) > 99 ? 12 : 11;
    } else {
        format.style = NumberFormat::fixed;
        const bool scaled = high > 5 || high < 0;
        format.width = scaled || high == 0 ? 7 : high + 6;
        if (scaled) format.scale = std::pow(10.0, high - 1);
    }
    constexpr int special_width = 4;  // "-inf"
    if (!magnitudes.finite) format.width = std::max(format.width, special_width);
    return format;
}

Scalar element_at(const View& view, std::int64_t row, std::int64_t column) {
    const std::int64_t at = row * view.strides[0] + column * view.strides[1];
    return load_element(view.dtype, view.data + at * std::int64_t(size_of(view.dtype)));
}

void format_vector(const Output& out, const View& view) {
    View column = view;
    column.shape = {2, {view.shape.sizes[0], 1}};
    const NumberFormat format = choose_format(view);
    if (format.scale != 1) out.print("%g *\n", format.scale);
    for (std::int64_t i = 0; i < view.shape.sizes[0]; ++i) {
        out.number(format, element_at(column, i, 0));
        out.text("\n");
    }
}

void format_matrix(const Output& out, const View& view, const char* indent) {
    const std::int64_t rows = view.shape.sizes[0];
    const std::int64_t columns = view.shape.sizes[1];
    const NumberFormat format = choose_format(view);
    const std::int64_t per_line = std::max<std::int64_t>(
        (line_width - std::int64_t(std::strlen(indent))) / (format.width + 1), 1);
    for (std::int64_t first = 0; first < columns; first += per_line) {
        const std::int64_t last = std::min(first + per_line, columns);
        if (per_line < columns) {
            if (first != 0) out.text("\n");
            out.print("%sColumns %" PRId64 " to %" PRId64, indent, first + 1, last);
            out.text("\n");
        }
        if (format.scale != 1) out.print("%s%g *\n", indent, format.scale);
        for (std::int64_t row = 0; row < rows; ++row) {
            out.text(indent);
            for (std::int64_t column = first; column < last; ++column) {
                if (column > first) out.text(" ");
                out.number(format, element_at(view, row, column));
            }
            out.text("\n");
        }
    }
}

/// Every matrix of the last two dimensions under a heading like (2,1,.,.).
void format_slices(const Output& out, const View& view) {
    const int outer = view.shape.dims - 2;
    std::int64_t index[tensor_dims_max] = {};
    for (bool more = true, first = true; more; first = false) {
        View matrix;
        matrix.dtype = view.dtype;
        matrix.data = view.data;
        if (!first) out.text("\n");
        out.text("(");
        for (int d = 0; d < outer; ++d) {
            matrix.data += index[d] * view.strides[d] * std::int64_t(size_of(view.dtype));
            out.print("%" PRId64 ",", index[d] + 1);
        }
        out.text(".,.) = \n");
        matrix.shape = {2, {view.shape.sizes[outer], view.shape.sizes[outer + 1]}};
        std::copy_n(view.strides + outer, 2, matrix.strides);
        format_matrix(out, matrix, " ");
        more = false;
        for (int d = outer - 1; d >= 0 && !more; --d) {
            more = ++index[d] < view.shape.sizes[d];
            if (!more) index[d] = 0;
        }
    }
}

}  // namespace

void format(const View& view, const char* type_name, void* sink,
            void (*write)(void* sink, const char* text, std::size_t length)) {
    const Output out{sink, write};
    if (view.shape.count() != 0) {
        if (view.shape.dims == 1)
            format_vector(out, view);
        else if (view.shape.dims == 2)
            format_matrix(out, view, "");
        else
            format_slices(out, view);
    }
    out.print("[%s ", type_name);
    out.text(view.shape.dims == 0 ? "with no dimension" : "of size ");
    for (int d = 0; d < view.shape.dims; ++d)
        out.print(d == 0 ? "%" PRId64 : "x%" PRId64, view.shape.sizes[d]);
    out.text("]\n");
}

}  // namespace ipcrun::lua
