// SPDX-License-Identifier: Apache-2.0
// Elements by their rank along a dimension: topk, kthvalue, median, mode. All of them sort.
#include "base/fail.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/lanes.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

enum class Selection { topk, kthvalue, median, mode };

constexpr const char* usages[] = {
    "([values, indices,] tensor [, k [, dimension]] [, true for the largest [, sorted]])",
    "([values, indices,] tensor, k [, dimension])",
    "([values, indices,] tensor [, dimension])",
    "([values, indices,] tensor [, dimension])",
};

struct Request {
    Selection kind;
    const char* name;
    int dim = 0;
    std::int64_t k = 1;
    bool largest = false;
};

/// What follows the tensor must be numbers, as many as `kind` takes, and for topk booleans.
bool fits(Selection kind, const char* kinds) {
    const std::size_t numbers = std::strspn(kinds, "N");
    const std::size_t booleans = std::strspn(kinds + numbers, "B");
    if (kinds[numbers + booleans] != '\0') return false;
    switch (kind) {
        case Selection::topk:
            return numbers <= 2 && booleans <= 2;
        case Selection::kthvalue:
            return (numbers == 1 || numbers == 2) && booleans == 0;
        default:
            return numbers <= 1 && booleans == 0;
    }
}

void check_k(const Request& request, std::int64_t size) {
    if (size == 0) fail(ErrorCode::usage, "{} along a dimension without elements", request.name);
    if (request.k < 1 || request.k > size)
        fail(ErrorCode::usage, "{}: k is {}, and dimension {} has {} elements", request.name,
             request.k, request.dim + 1, size);
}

void select(lua_State* lua, Request request, const Tensor& self, Tensor& values, Tensor& indices) {
    const View in = view_of(self);
    const std::int64_t size = in.shape.sizes[request.dim];
    if (request.kind == Selection::median) request.k = (size + 1) / 2;
    check_k(request, size);
    const Scratch sorted(in.dtype, in.shape);
    const Scratch places(Dtype::i64, in.shape);
    sort(request.largest, in, request.dim, sorted.view, places.view);
    View value_part = sorted.view;
    View place_part = places.view;
    const bool is_top = request.kind == Selection::topk;
    const std::int64_t first = is_top ? 0 : request.k - 1;
    for (View* part : {&value_part, &place_part}) {
        part->shape.sizes[request.dim] = is_top ? request.k : 1;
        part->data += first * part->strides[request.dim] * std::int64_t(size_of(part->dtype));
    }
    if (request.kind == Selection::mode)
        find_modes(sorted.view, places.view, request.dim, value_part, place_part);
    prepare_result(lua, request.name, values, in.dtype, value_part.shape);
    prepare_result(lua, request.name, indices, Dtype::i64, value_part.shape);
    copy(value_part, view_of(values));
    copy(place_part, view_of(indices));
}

/// NAME([values, indices,] t, ...) -> values, indices
int selection(lua_State* lua) {
    const Call call = begin_call(lua);
    Request request{.kind = Selection(call.op), .name = call.name};
    const int source = std::strncmp(call.pattern, "TTT", 3) == 0 ? 3 : 1;
    if (call.pattern[0] != 'T' || !fits(request.kind, call.pattern + source))
        raise_usage(lua, call.name, usages[call.op]);
    const Tensor& self = check_tensor(lua, source);
    int next = source + 1;
    const bool takes_k = request.kind == Selection::topk || request.kind == Selection::kthvalue;
    if (takes_k && lua_type(lua, next) == LUA_TNUMBER) request.k = luaL_checkinteger(lua, next++);
    if (self.dims == 0) return luaL_error(lua, "%s: the tensor has no dimension", call.name);
    request.dim = self.dims - 1;
    if (lua_type(lua, next) == LUA_TNUMBER) request.dim = check_dimension(lua, next++, self);
    request.largest = lua_isboolean(lua, next) && lua_toboolean(lua, next);
    Tensor& values = push_result(lua, source == 3 ? 1 : 0);
    Tensor& indices = push_result(lua, source == 3 ? 2 : 0);
    run(lua, [&] { select(lua, request, self, values, indices); });
    return 2;
}

}  // namespace

void register_selections(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"topk", selection, int(Selection::topk)},
        {"kthvalue", selection, int(Selection::kthvalue)},
        {"median", selection, int(Selection::median)},
        {"mode", selection, int(Selection::mode)},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
