// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/masks.hpp"

#include "base/fail.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"
#include "bindings/lua/torch/walk.hpp"

namespace ipcrun::lua {

namespace {

/// The mask in the shape of `of`, which has as many elements.
struct Mask {
    Mask(const View& given, const View& of, const char* name) : bytes(converted(given, Dtype::u8)) {
        if (given.dtype != Dtype::u8)
            fail(ErrorCode::usage, "{}: a mask is a torch.ByteTensor, not a {}", name,
                 tensor_name_of(given.dtype));
        if (given.shape.count() != of.shape.count())
            fail(ErrorCode::usage, "{}: a mask of size {} for a tensor of size {}", name,
                 format_shape(given.shape), format_shape(of.shape));
        bytes.view.shape = of.shape;
        set_contiguous_strides(of.shape, bytes.view.strides);
    }
    Scratch bytes;
};

/// Calls `pick(element)` for every element of `view` whose mask is set, in row-major order.
template <typename Pick>
void for_each_masked(const View& view, const Mask& mask, Pick&& pick) {
    const std::int64_t item = std::int64_t(size_of(view.dtype));
    for_each_run(plan_walk({&view, &mask.bytes.view}, WalkOrder::row_major),
                 [&](std::byte* const* data, const std::int64_t* strides, std::int64_t count) {
                     for (std::int64_t i = 0; i < count; ++i)
                         if (data[1][i * strides[1]] != std::byte(0))
                             pick(data[0] + i * strides[0] * item);
                 });
}

}  // namespace

int masked_select(lua_State* lua) {
    const int source = test_tensor(lua, 3) != nullptr ? 2 : 1;
    const Tensor& self = check_tensor(lua, source);
    const Tensor* given = test_tensor(lua, source + 1);
    if (given == nullptr)
        raise_expected(lua, source + 1, "an index (a number, a table or a ByteTensor)");
    Tensor& result = push_result(lua, source - 1);
    run(lua, [&] {
        const View from = view_of(self);
        const Mask mask(view_of(*given), from, "maskedSelect");
        std::int64_t count = 0;
        for_each_masked(from, mask, [&](std::byte*) { ++count; });
        const Scratch picked(from.dtype, {1, {count}});
        std::byte* to = picked.view.data;
        const std::size_t item = size_of(from.dtype);
        for_each_masked(from, mask, [&](std::byte* element) {
            std::memcpy(to, element, item);
            to += item;
        });
        prepare_result(lua, "maskedSelect", result, from.dtype, picked.view.shape);
        copy(picked.view, view_of(result));
    });
    return 1;
}

int masked_fill(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    const Tensor& given = check_tensor(lua, 2);
    const Scalar value = check_element(lua, 3, self.dtype());
    run(lua, [&] {
        const View to = view_of(self);
        check_writable(to, "maskedFill");
        const Element bits = to_element(value, to.dtype);
        const std::size_t item = size_of(to.dtype);
        for_each_masked(to, Mask(view_of(given), to, "maskedFill"),
                        [&](std::byte* element) { std::memcpy(element, bits.bytes, item); });
    });
    lua_settop(lua, 1);
    return 1;
}

int masked_copy(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    const Tensor& given = check_tensor(lua, 2);
    const Tensor& source = check_tensor(lua, 3);
    run(lua, [&] {
        const View to = view_of(self);
        check_writable(to, "maskedCopy");
        const Mask mask(view_of(given), to, "maskedCopy");
        const Scratch from = converted(view_of(source), to.dtype);
        std::int64_t left = from.view.shape.count();
        const std::byte* next = from.view.data;
        const std::size_t item = size_of(to.dtype);
        for_each_masked(to, mask, [&](std::byte* element) {
            if (left-- == 0)
                fail(ErrorCode::usage, "maskedCopy: the mask picks more than the {} elements given",
                     from.view.shape.count());
            std::memcpy(element, next, item);
            next += item;
        });
    });
    lua_settop(lua, 1);
    return 1;
}

void register_masks(lua_State* lua, int torch, int methods) {
    static const Entry entries[] = {
        {"maskedSelect", masked_select},
        {"maskedFill", masked_fill},
        {"maskedCopy", masked_copy},
    };
    register_entries(lua, torch, methods, entries);
}

}  // namespace ipcrun::lua
