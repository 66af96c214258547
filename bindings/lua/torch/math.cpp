// SPDX-License-Identifier: Apache-2.0
// Element-wise functions as scripts call them: torch.add([result,] a, b), a:add(b), a + b.
#include "base/fail.hpp"
#include "bindings/lua/torch/arithmetic.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

/// Which argument is what; 0: not given.
struct Roles {
    int result = 0;
    int left = 0;
    int scale = 0;
    int right = 0;
};

bool find_roles(const Call& call, bool takes_scale, Roles& roles) {
    if (call.is("TN") || call.is("TT")) {
        roles = {0, 1, 0, 2};
    } else if (call.is("TTN") || call.is("TTT")) {
        roles = {1, 2, 0, 3};
    } else if (call.is("TNT") && takes_scale) {
        roles = {0, 1, 2, 3};
    } else if (call.is("TTNT") && takes_scale) {
        roles = {1, 2, 3, 4};
    } else if (call.is("NT") && !call.is_method) {
        roles = {0, 1, 0, 2};
    } else if (call.is("TNT")) {
        roles = {1, 2, 0, 3};
    } else {
        return false;
    }
    if (roles.result == 0 && call.is_method) roles.result = 1;
    return true;
}

/// A number or a tensor as an operand of `dtype`; `element` holds a number's value. Cannot raise.
View operand(lua_State* lua, int index, Dtype dtype, Element& element) {
    const Tensor* tensor = test_tensor(lua, index);
    if (tensor != nullptr) return view_of(*tensor);
    store_element(dtype, element.bytes, to_scalar(lua, index));
    View view;
    view.dtype = dtype;
    view.data = element.bytes;
    view.shape = {1, {1}};
    view.strides[0] = 0;
    return view;
}

/// Numbers fit every tensor, empty ones too; tensors broadcast.
Shape common_shape(const Tensor* a, const Tensor* b, const char* name) {
    if (a == nullptr) return shape_of(*b);
    if (b == nullptr) return shape_of(*a);
    return broadcast(shape_of(*a), shape_of(*b), name);
}

View stretched(const View& view, const Tensor* tensor, const Shape& shape, const char* name) {
    if (tensor != nullptr || shape.count() != 0) return expand(view, shape, name);
    View empty = view;
    empty.shape = shape;
    return empty;
}

int arithmetic(lua_State* lua) {
    const Call call = begin_call(lua);
    const BinaryOp op = BinaryOp(call.op);
    const bool takes_scale = op == BinaryOp::add || op == BinaryOp::sub;
    Roles roles;
    if (!find_roles(call, takes_scale, roles))
        raise_usage(lua, call.name,
                    takes_scale ? "([result,] tensor, [scale,] tensor or number)"
                                : "([result,] tensor, tensor or number)");
    const Tensor* left = test_tensor(lua, roles.left);
    const Tensor* right = test_tensor(lua, roles.right);
    const Dtype dtype = left != nullptr ? left->dtype() : right->dtype();
    Element left_element, right_element, scale_element;
    if (roles.scale != 0) store_element(dtype, scale_element.bytes, to_scalar(lua, roles.scale));
    Tensor& result = push_result(lua, roles.result);
    run(lua, [&] {
        const View a = operand(lua, roles.left, dtype, left_element);
        const View b = operand(lua, roles.right, dtype, right_element);
        check_same_dtype(call.name, a.dtype, b.dtype);
        const Shape shape = common_shape(left, right, call.name);
        const bool is_operand = &result == left || &result == right;
        prepare_target(lua, call.name, result, is_operand, dtype, shape);
        const View out = view_of(result);
        const View wide_a = stretched(a, left, shape, call.name);
        const View wide_b = stretched(b, right, shape, call.name);
        if (roles.scale == 0) return binary(op, out, wide_a, wide_b);
        if (op == BinaryOp::sub) {
            Scalar scale = load_element(dtype, scale_element.bytes);
            scale.integer = std::int64_t(0 - std::uint64_t(scale.integer));
            scale.real = -scale.real;
            store_element(dtype, scale_element.bytes, scale);
        }
        View scale;
        scale.dtype = dtype;
        scale.data = scale_element.bytes;
        scale.shape = shape;
        add_scaled(out, wide_a, scale, wide_b);
    });
    return 1;
}

/// Whether `dtype` holds the number at `index` as it is; every tensor is taken to.
bool holds_number(lua_State* lua, int index, Dtype dtype) {
    if (is_floating(dtype) || lua_type(lua, index) != LUA_TNUMBER) return true;
    const Scalar number = to_scalar(lua, index);
    const Element element = to_element(number, dtype);
    const Scalar held = load_element(dtype, element.bytes);
    return number.is_integer ? held.integer == number.integer : held.real == number.real;
}

int comparison(lua_State* lua) {
    const Call call = begin_call(lua);
    Roles roles;
    if (!find_roles(call, false, roles))
        raise_usage(lua, call.name, "([ByteTensor,] tensor, tensor or number)");
    if (call.is("TN") || call.is("TT"))
        roles.result = 0;  // methods too: the result is another type
    const Tensor* left = test_tensor(lua, roles.left);
    const Tensor* right = test_tensor(lua, roles.right);
    const Dtype dtype = left != nullptr ? left->dtype() : right->dtype();
    // Integers against 1.5, or bytes against 300: as reals, or the number would lose its meaning.
    const bool as_reals =
        !holds_number(lua, roles.left, dtype) || !holds_number(lua, roles.right, dtype);
    const Dtype number_dtype = as_reals ? Dtype::f64 : dtype;
    Element left_element, right_element;
    Tensor& result = push_result(lua, roles.result);
    run(lua, [&] {
        const View a = operand(lua, roles.left, number_dtype, left_element);
        const View b = operand(lua, roles.right, number_dtype, right_element);
        if (!as_reals) check_same_dtype(call.name, a.dtype, b.dtype);
        const Shape shape = common_shape(left, right, call.name);
        const bool is_operand = &result == left || &result == right;
        prepare_target(lua, call.name, result, is_operand, Dtype::u8, shape);
        const View wide_a = stretched(a, left, shape, call.name);
        const View wide_b = stretched(b, right, shape, call.name);
        if (as_reals)
            compare(CompareOp(call.op), view_of(result), converted(wide_a, Dtype::f64).view,
                    converted(wide_b, Dtype::f64).view);
        else
            compare(CompareOp(call.op), view_of(result), wide_a, wide_b);
    });
    return 1;
}

/// torch.exp([result,] t), t:exp(), r:exp(t), and -t
int elementwise(lua_State* lua) {
    const Call call = begin_call(lua);
    if (!call.is("T") && !call.is("TT")) raise_usage(lua, call.name, "([result,] tensor)");
    const int source = call.is("TT") ? 2 : 1;
    const Tensor& self = check_tensor(lua, source);
    Tensor& result = push_result(lua, source == 2 || call.is_method ? 1 : 0);
    run(lua, [&] {
        prepare_target(lua, call.name, result, &result == &self, self.dtype(), shape_of(self));
        unary(UnaryOp(call.op), view_of(result), view_of(self));
    });
    return 1;
}

/// Lua passes the operand of a unary operator twice.
int negate(lua_State* lua) {
    const Tensor& self = check_tensor(lua, 1);
    Tensor& result = push_tensor(lua);
    run(lua, [&] {
        allocate(lua, result, self.dtype(), shape_of(self));
        unary(UnaryOp::neg, view_of(result), view_of(self));
    });
    return 1;
}

/// clamp([result,] t, low, high)
int clamp(lua_State* lua) {
    const Call call = begin_call(lua);
    if (!call.is("TNN") && !call.is("TTNN"))
        raise_usage(lua, call.name, "([result,] tensor, low, high)");
    const int source = call.is("TTNN") ? 2 : 1;
    const Tensor& self = check_tensor(lua, source);
    Element low_element, high_element;
    const View low = operand(lua, source + 1, self.dtype(), low_element);
    const View high = operand(lua, source + 2, self.dtype(), high_element);
    Tensor& result = push_result(lua, source == 2 || call.is_method ? 1 : 0);
    run(lua, [&] {
        const Shape shape = shape_of(self);
        prepare_target(lua, call.name, result, &result == &self, self.dtype(), shape);
        if (shape.count() == 0) return;
        const View out = view_of(result);
        binary(BinaryOp::max, out, view_of(self), expand(low, shape, call.name));
        binary(BinaryOp::min, out, out, expand(high, shape, call.name));
    });
    return 1;
}

/// torch.equal(a, b): same size, same elements.
int equal(lua_State* lua) {
    const Tensor& a = check_tensor(lua, 1);
    const Tensor& b = check_tensor(lua, 2);
    bool is_equal = false;
    run(lua, [&] {
        check_same_dtype("equal", a.dtype(), b.dtype());
        if (!(shape_of(a) == shape_of(b))) return;
        const Scratch same(Dtype::u8, shape_of(a));
        compare(CompareOp::eq, same.view, view_of(a), view_of(b));
        is_equal = std::memchr(same.view.data, 0, std::size_t(a.count())) == nullptr;
    });
    lua_pushboolean(lua, is_equal);
    return 1;
}

constexpr Entry entries[] = {
    {"add", arithmetic, int(BinaryOp::add)},
    {"csub", arithmetic, int(BinaryOp::sub)},
    {"mul", arithmetic, int(BinaryOp::mul)},
    {"cmul", arithmetic, int(BinaryOp::mul)},
    {"div", arithmetic, int(BinaryOp::div)},
    {"cdiv", arithmetic, int(BinaryOp::div)},
    {"pow", arithmetic, int(BinaryOp::pow)},
    {"cpow", arithmetic, int(BinaryOp::pow)},
    {"cmax", arithmetic, int(BinaryOp::max)},
    {"cmin", arithmetic, int(BinaryOp::min)},
    {"fmod", arithmetic, int(BinaryOp::fmod)},
    {"remainder", arithmetic, int(BinaryOp::remainder)},
    {"cremainder", arithmetic, int(BinaryOp::remainder)},
    {"cfmod", arithmetic, int(BinaryOp::fmod)},
    {"atan2", arithmetic, int(BinaryOp::atan2)},
    {"eq", comparison, int(CompareOp::eq)},
    {"ne", comparison, int(CompareOp::ne)},
    {"lt", comparison, int(CompareOp::lt)},
    {"le", comparison, int(CompareOp::le)},
    {"gt", comparison, int(CompareOp::gt)},
    {"ge", comparison, int(CompareOp::ge)},
    {"abs", elementwise, int(UnaryOp::abs)},
    {"neg", elementwise, int(UnaryOp::neg)},
    {"sign", elementwise, int(UnaryOp::sign)},
    {"floor", elementwise, int(UnaryOp::floor)},
    {"ceil", elementwise, int(UnaryOp::ceil)},
    {"round", elementwise, int(UnaryOp::round)},
    {"trunc", elementwise, int(UnaryOp::trunc)},
    {"frac", elementwise, int(UnaryOp::frac)},
    {"exp", elementwise, int(UnaryOp::exp)},
    {"log", elementwise, int(UnaryOp::log)},
    {"log1p", elementwise, int(UnaryOp::log1p)},
    {"rsqrt", elementwise, int(UnaryOp::rsqrt)},
    {"cinv", elementwise, int(UnaryOp::cinv)},
    {"sqrt", elementwise, int(UnaryOp::sqrt)},
    {"tanh", elementwise, int(UnaryOp::tanh)},
    {"sigmoid", elementwise, int(UnaryOp::sigmoid)},
    {"sin", elementwise, int(UnaryOp::sin)},
    {"cos", elementwise, int(UnaryOp::cos)},
    {"tan", elementwise, int(UnaryOp::tan)},
    {"asin", elementwise, int(UnaryOp::asin)},
    {"acos", elementwise, int(UnaryOp::acos)},
    {"atan", elementwise, int(UnaryOp::atan)},
    {"sinh", elementwise, int(UnaryOp::sinh)},
    {"cosh", elementwise, int(UnaryOp::cosh)},
    {"clamp", clamp},
    {"equal", equal},
};

}  // namespace

void register_math(lua_State* lua, int torch, int methods) {
    register_entries(lua, torch, methods, entries);
    luaL_getmetatable(lua, tensor_metatable);
    const int metatable = lua_gettop(lua);
    static const Entry operators[] = {
        {"__add", arithmetic, int(BinaryOp::add), Entry::function_only, "+"},
        {"__sub", arithmetic, int(BinaryOp::sub), Entry::function_only, "-"},
        {"__div", arithmetic, int(BinaryOp::div), Entry::function_only, "/"},
        {"__pow", arithmetic, int(BinaryOp::pow), Entry::function_only, "^"},
        {"__unm", negate, 0, Entry::function_only},
    };
    register_entries(lua, metatable, metatable, operators);
    // torch.mul under its operator: what multiply_operator calls for a number and a tensor.
    lua_getfield(lua, torch, "mul");
    lua_pushcclosure(lua, multiply_operator, 1);
    lua_setfield(lua, metatable, "__mul");
    lua_pop(lua, 1);
}

}  // namespace ipcrun::lua
