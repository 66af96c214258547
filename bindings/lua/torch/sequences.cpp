// SPDX-License-Identifier: Apache-2.0
// Functions that make filled tensors: zeros, ones, eye, range, linspace, logspace.
#include <algorithm>
#include <cmath>

#include "base/fail.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

/// torch.zeros(sizes) and torch.zeros(result, sizes); likewise ones.
int filled(lua_State* lua) {
    const int value = int(lua_tointeger(lua, lua_upvalueindex(2)));
    const int first = test_tensor(lua, 1) != nullptr ? 2 : 1;
    if (first == 2 && lua_gettop(lua) == 1)  // not "no dimension": nobody means that
        raise_usage(lua, value == 0 ? "zeros" : "ones", "([result,] sizes)");
    const Shape shape = check_shape(lua, first);
    const Dtype dtype = first == 2 ? check_tensor(lua, 1).dtype() : default_dtype(lua);
    Tensor& result = push_result(lua, first - 1);
    run(lua, [&] {
        prepare_result(lua, "fill", result, dtype, shape);
        fill(view_of(result), Scalar::of(std::int64_t(value)));
    });
    return 1;
}

/// torch.zerosLike(t), torch.onesLike(t)
int filled_alike(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    const int value = int(lua_tointeger(lua, lua_upvalueindex(2)));
    Tensor& result = push_tensor(lua);
    run(lua, [&] {
        allocate(lua, result, self.dtype(), shape_of(self));
        fill(view_of(result), Scalar::of(std::int64_t(value)));
    });
    return 1;
}

/// torch.eye([result,] rows [, columns])
int eye(lua_State* lua) {
    const int result_index = test_tensor(lua, 1) != nullptr ? 1 : 0;
    const lua_Integer rows = luaL_checkinteger(lua, result_index + 1);
    const lua_Integer columns = luaL_optinteger(lua, result_index + 2, rows);
    const Dtype dtype = result_index != 0 ? check_tensor(lua, 1).dtype() : default_dtype(lua);
    Tensor& result = push_result(lua, result_index);
    run(lua, [&] {
        prepare_result(lua, "eye", result, dtype, {2, {rows, columns}});
        fill(view_of(result), Scalar::of(std::int64_t(0)));
        View diagonal = view_of(result);
        diagonal.shape = {1, {std::min(rows, columns)}};
        diagonal.strides[0] = result.strides[0] + result.strides[1];
        fill(diagonal, Scalar::of(std::int64_t(1)));
    });
    return 1;
}

struct Sequence {
    Scalar first;
    Scalar step;
    std::int64_t count = 0;
    bool has_last = false;
    Scalar last = {};

    Scalar operator[](std::int64_t i) const {
        // The end itself, not what rounding makes of it.
        if (has_last && count > 1 && i == count - 1) return last;
        if (first.is_integer && step.is_integer)  // exact, as unsigned so that it wraps
            return Scalar::of(std::int64_t(std::uint64_t(first.integer) +
                                           std::uint64_t(i) * std::uint64_t(step.integer)));
        return Scalar::of(first.real + double(i) * step.real);
    }
};

/// How many steps lead from `first` to `last`, both ends counted; 0 when they never arrive.
std::int64_t range_count(const Scalar& first, const Scalar& last, const Scalar& step) {
    constexpr double count_max = 1e15;
    double steps;
    if (first.is_integer && last.is_integer && step.is_integer && step.integer > 0 &&
        first.integer <= last.integer) {
        const std::uint64_t distance = std::uint64_t(last.integer) - std::uint64_t(first.integer);
        steps = double(distance / std::uint64_t(step.integer));
    } else {
        constexpr double slack = 1e-9;  // rounding must not lose the last element
        steps = std::floor((last.real - first.real) / step.real + slack);
    }
    return steps >= 0 && steps < count_max ? std::int64_t(steps) + 1 : 0;
}

enum class Series { range, linspace, logspace };
constexpr const char* series_names[] = {"range", "linspace", "logspace"};

/// What a series asks for in the arguments from `index` on.
Sequence check_sequence(lua_State* lua, Series series, int index) {
    Sequence sequence;
    sequence.first = check_scalar(lua, index);
    const Scalar last = check_scalar(lua, index + 1);
    const bool has_third = !lua_isnoneornil(lua, index + 2);
    if (series != Series::range) {
        sequence.count = has_third ? luaL_checkinteger(lua, index + 2) : 100;
        const double gaps = sequence.count > 1 ? double(sequence.count - 1) : 1;
        sequence.step = Scalar::of((last.real - sequence.first.real) / gaps);
        sequence.has_last = true;
        sequence.last = last;
        return sequence;
    }
    sequence.step = has_third ? check_scalar(lua, index + 2) : Scalar::of(std::int64_t(1));
    sequence.count = range_count(sequence.first, last, sequence.step);
    if (sequence.count == 0)
        luaL_error(lua, "range: cannot go from %f to %f in steps of %f", sequence.first.real,
                   last.real, sequence.step.real);
    return sequence;
}

/// torch.range([result,] first, last [, step]): `last` is included.
/// torch.linspace([result,] first, last [, count]); torch.logspace: powers of ten between
int sequence(lua_State* lua) {
    const auto series = Series(lua_tointeger(lua, lua_upvalueindex(2)));
    const int result_index = test_tensor(lua, 1) != nullptr ? 1 : 0;
    const Sequence values = check_sequence(lua, series, result_index + 1);
    const Dtype dtype = result_index != 0 ? check_tensor(lua, 1).dtype() : default_dtype(lua);
    Tensor& result = push_result(lua, result_index);
    run(lua, [&] {
        const char* name = series_names[int(series)];
        prepare_result(lua, name, result, dtype, {1, {values.count}});
        std::byte* to = result.data();
        for (std::int64_t i = 0; i < values.count; ++i) {
            const Scalar value =
                series == Series::logspace ? Scalar::of(std::pow(10.0, values[i].real)) : values[i];
            if (!holds(dtype, value))
                fail(ErrorCode::usage, "{}: {} does not fit into a {}", name, value.real,
                     tensor_name_of(dtype));
            store_element(dtype, to, value);
            to += result.strides[0] * std::int64_t(size_of(dtype));
        }
    });
    return 1;
}

}  // namespace

void register_sequences(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"zeros", filled, 0},
        {"ones", filled, 1},
        {"zerosLike", filled_alike, 0, Entry::function_only},
        {"onesLike", filled_alike, 1, Entry::function_only},
        {"eye", eye},
        {"range", sequence, int(Series::range)},
        {"linspace", sequence, int(Series::linspace)},
        {"logspace", sequence, int(Series::logspace)},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
