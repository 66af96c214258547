// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The names of torch7's tensor and storage types. Knows nothing of Lua.

#include <string_view>

#include "runtime/dtype.hpp"

namespace ipcrun::lua {

/// "torch.FloatTensor" and "torch.FloatStorage"; literals.
const char* tensor_name_of(Dtype dtype);
const char* storage_name_of(Dtype dtype);
/// False when `name` is no such type; else which, and whether of a tensor or of a storage.
bool parse_type_name(std::string_view name, Dtype& dtype, bool* is_storage = nullptr);

}  // namespace ipcrun::lua
