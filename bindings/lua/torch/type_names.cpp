// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/type_names.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* tensor_names[dtype_count] = {
    "torch.ByteTensor",     "torch.CharTensor",  "torch.ShortTensor",
    "torch.IntTensor",      "torch.LongTensor",  "torch.HalfTensor",
    "torch.BFloat16Tensor", "torch.FloatTensor", "torch.DoubleTensor"};
constexpr const char* storage_names[dtype_count] = {
    "torch.ByteStorage",     "torch.CharStorage",  "torch.ShortStorage",
    "torch.IntStorage",      "torch.LongStorage",  "torch.HalfStorage",
    "torch.BFloat16Storage", "torch.FloatStorage", "torch.DoubleStorage"};

}  // namespace

const char* tensor_name_of(Dtype dtype) {
    return tensor_names[int(dtype)];
}
const char* storage_name_of(Dtype dtype) {
    return storage_names[int(dtype)];
}

bool parse_type_name(std::string_view name, Dtype& dtype, bool* is_storage) {
    for (int i = 0; i < dtype_count; ++i) {
        const bool storage = name == storage_names[i];
        if (!storage && name != tensor_names[i]) continue;
        dtype = Dtype(i);
        if (is_storage != nullptr) *is_storage = storage;
        return true;
    }
    return false;
}

}  // namespace ipcrun::lua
