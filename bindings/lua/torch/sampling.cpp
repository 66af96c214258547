// SPDX-License-Identifier: Apache-2.0
// Drawing by probabilities that are tensors: multinomial and bernoulli.
#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/fail.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

/// The weights of one row, checked: none is negative or infinite, and one at least is not 0.
double check_weights(const double* weights, std::int64_t count) {
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) {
        if (!(weights[i] >= 0 && std::isfinite(weights[i])))
            fail(ErrorCode::usage, "multinomial: {} is no probability", weights[i]);
        sum += weights[i];
    }
    if (!(sum > 0 && std::isfinite(sum)))
        fail(ErrorCode::usage, "multinomial: the probabilities of a row sum to {}", sum);
    return sum;
}

void draw_with_replacement(std::mt19937_64& generator, const double* weights, std::int64_t count,
                           double sum, std::int64_t* to, std::int64_t draws) {
    std::vector<double> ends(static_cast<std::size_t>(count));
    std::partial_sum(weights, weights + count, ends.begin());
    std::uniform_real_distribution<double> distribution(0, sum);
    // Rounding must not lead behind the last element that can be drawn.
    std::int64_t last = count - 1;
    while (weights[last] == 0) --last;
    for (std::int64_t i = 0; i < draws; ++i) {
        const double at = distribution(generator);
        const auto place = std::upper_bound(ends.begin(), ends.end(), at) - ends.begin();
        to[i] = std::min<std::int64_t>(place, last) + 1;
    }
}

/// Every element waits for an exponential time with its weight as the rate; the order of their
/// arrival is that of drawing without replacement (Efraimidis and Spirakis, 2006).
void draw_once_each(std::mt19937_64& generator, const double* weights, std::int64_t count,
                    std::int64_t* to, std::int64_t draws) {
    std::vector<std::pair<double, std::int64_t>> arrivals;
    std::exponential_distribution<double> distribution;
    for (std::int64_t i = 0; i < count; ++i)
        if (weights[i] > 0) arrivals.emplace_back(distribution(generator) / weights[i], i + 1);
    if (std::int64_t(arrivals.size()) < draws)
        fail(ErrorCode::usage,
             "multinomial: {} draws without replacement from {} elements whose probability is "
             "not 0",
             draws, arrivals.size());
    std::partial_sort(arrivals.begin(), arrivals.begin() + draws, arrivals.end());
    for (std::int64_t i = 0; i < draws; ++i) to[i] = arrivals[std::size_t(i)].second;
}

/// multinomial([LongTensor,] p, n [, with replacement]): n indices for every row of p
int multinomial(lua_State* lua) {
    const Call call = begin_call(lua);
    const int source = call.is("TTN") || call.is("TTNB") ? 2 : 1;
    if (source == 1 && !call.is("TN") && !call.is("TNB"))
        raise_usage(lua, "multinomial",
                    "([LongTensor,] probabilities, number [, true for with replacement])");
    const Tensor& self = check_tensor(lua, source);
    const lua_Integer draws = luaL_checkinteger(lua, source + 1);
    const bool replaces = lua_toboolean(lua, source + 2) != 0;
    luaL_argcheck(lua, draws >= 1, source + 1, "must be at least 1");
    if (self.dims != 1 && self.dims != 2)
        raise_expected(lua, source, "a vector or a matrix of probabilities");
    std::mt19937_64& generator = context(lua).generator;
    Tensor& result = push_result(lua, source - 1);
    run(lua, [&] {
        const Scratch weights = converted(view_of(self), Dtype::f64);
        Shape shape = weights.view.shape;
        const std::int64_t columns = shape.sizes[shape.dims - 1];
        shape.sizes[shape.dims - 1] = draws;
        const Scratch indices(Dtype::i64, shape);
        const std::int64_t rows = columns == 0 ? 0 : weights.view.shape.count() / columns;
        if (columns == 0) fail(ErrorCode::usage, "multinomial: there is nothing to draw from");
        for (std::int64_t row = 0; row < rows; ++row) {
            const auto* from = reinterpret_cast<const double*>(weights.view.data) + row * columns;
            auto* to = reinterpret_cast<std::int64_t*>(indices.view.data) + row * draws;
            const double sum = check_weights(from, columns);
            if (replaces)
                draw_with_replacement(generator, from, columns, sum, to, draws);
            else
                draw_once_each(generator, from, columns, to, draws);
        }
        prepare_result(lua, "multinomial", result, Dtype::i64, shape);
        copy(indices.view, view_of(result));
    });
    return 1;
}

/// t:bernoulli([p]), torch.bernoulli([p]) -> 0 or 1; p may be a tensor of t's size
int bernoulli(lua_State* lua) {
    const Call call = begin_call(lua);
    std::mt19937_64& generator = context(lua).generator;
    const bool is_number = !call.is_method && (call.is("") || call.is("N"));
    if (!is_number && !call.is("T") && !call.is("TN") && !call.is("TT"))
        raise_usage(lua, "bernoulli", "([tensor] [, probability or tensor of probabilities])");
    const double probability = is_number       ? luaL_optnumber(lua, 1, 0.5)
                               : call.is("TT") ? 0
                                               : luaL_optnumber(lua, 2, 0.5);
    const Tensor* given = test_tensor(lua, 2);
    Tensor* target = test_tensor(lua, 1);
    std::int64_t single = 0;
    run(lua, [&] {
        const Shape shape = target != nullptr ? shape_of(*target) : Shape{1, {1}};
        const Scratch chances(Dtype::f64, shape);
        if (given != nullptr && !(shape_of(*given) == shape))
            fail(ErrorCode::usage, "bernoulli: sizes {} and {} differ", format_shape(shape),
                 format_shape(shape_of(*given)));
        if (given != nullptr)
            copy(view_of(*given), chances.view);
        else
            fill(chances.view, Scalar::of(probability));
        auto* chance = reinterpret_cast<double*>(chances.view.data);
        const std::int64_t count = given == nullptr && shape.count() > 0 ? 1 : shape.count();
        for (std::int64_t i = 0; i < count; ++i)
            if (!(chance[i] >= 0 && chance[i] <= 1))
                fail(ErrorCode::usage, "bernoulli: the probability {} is not between 0 and 1",
                     chance[i]);
        std::uniform_real_distribution<double> distribution;
        for (std::int64_t i = 0; i < shape.count(); ++i)
            chance[i] = distribution(generator) < chance[i] ? 1 : 0;
        if (target == nullptr) {
            single = std::int64_t(chance[0]);
            return;
        }
        check_writable(view_of(*target), "bernoulli");
        copy(chances.view, view_of(*target));
    });
    if (target == nullptr)
        lua_pushinteger(lua, single);
    else
        lua_settop(lua, 1);
    return 1;
}

}  // namespace

void register_sampling(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"multinomial", multinomial},
        {"bernoulli", bernoulli},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
