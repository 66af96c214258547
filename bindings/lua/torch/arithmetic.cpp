// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/arithmetic.hpp"

#include <optional>

#include "bindings/lua/torch/convert.hpp"

namespace ipcrun::lua {

namespace {

/// An operand as the kernel wants it: as it is, or a copy when it half overlaps the result.
class Operand {
  public:
    Operand(const View& given, const View& out) : view_(given) {
        if (!overlap(given, out) || same_elements(given, out)) return;
        copy_.emplace(converted(given, given.dtype));
        view_ = copy_->view;
    }
    const View& view() const { return view_; }

  private:
    View view_;
    std::optional<Scratch> copy_;
};

/// Stretched operands stay small: their one element is converted, not each of its repetitions.
struct FloatOperand {
    explicit FloatOperand(const View& given) : scratch(Dtype::f32, compact(given).shape) {
        const View small = compact(given);
        view = scratch.view;
        copy(small, view);
        view.shape = given.shape;
        for (int d = 0; d < given.shape.dims; ++d)
            if (given.strides[d] == 0) view.strides[d] = 0;
    }
    static View compact(View view) {
        for (int d = 0; d < view.shape.dims; ++d)
            if (view.strides[d] == 0 && view.shape.sizes[d] > 1) view.shape.sizes[d] = 1;
        return view;
    }
    Scratch scratch;
    View view;
};

}  // namespace

void binary(BinaryOp op, const View& out, const View& a, const View& b) {
    if (is_half_dtype(out.dtype)) {
        Scratch result(Dtype::f32, out.shape);
        binary(op, result.view, FloatOperand(a).view, FloatOperand(b).view);
        copy(result.view, out);
        return;
    }
    const Operand left(a, out);
    const Operand right(b, out);
    const Kernel kernel =
        is_floating(out.dtype) ? float_kernel(op, out.dtype) : integer_kernel(op, out.dtype);
    for_each_run(plan_walk({&out, &left.view(), &right.view()}), kernel);
}

void add_scaled(const View& out, const View& a, const View& scale, const View& b) {
    if (is_half_dtype(out.dtype)) {
        Scratch result(Dtype::f32, out.shape);
        add_scaled(result.view, FloatOperand(a).view, FloatOperand(scale).view,
                   FloatOperand(b).view);
        copy(result.view, out);
        return;
    }
    const Operand left(a, out);
    const Operand right(b, out);
    const Kernel kernel = is_floating(out.dtype) ? float_add_scaled_kernel(out.dtype)
                                                 : integer_add_scaled_kernel(out.dtype);
    for_each_run(plan_walk({&out, &left.view(), &right.view(), &scale}), kernel);
}

}  // namespace ipcrun::lua
