// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A Lua value that takes part in an operation, taken apart: its tensors and numbers, in an order
/// that is the same on every rank, and put together again afterwards.

#include <cstdint>
#include <lua.hpp>
#include <string>
#include <vector>

#include "base/hash.hpp"
#include "bindings/lua/tensor.hpp"
#include "runtime/communicator.hpp"

namespace ipcrun::lua {

/// Lives in a userdata, so that a Lua error frees it. Tensors are held as they were when the value
/// was taken apart: a finaliser, which runs whenever Lua takes memory, may resize or drop them.
class Value {
  public:
    /// Takes the value at `index` apart: tensors, storages, numbers, booleans, and tables of these
    /// to any depth (keys in order: numbers, then strings). Raises where there is something else,
    /// naming the place and `operation`. Leaves one table on the stack, which must stay until
    /// `store` has been called.
    void load(lua_State* lua, int index, const char* operation);
    /// The same, but false for a value that has something else in it; then it must not be packed.
    bool try_load(lua_State* lua, int index, const char* operation);

    /// Encodes numbers for `op`; `combines`: not only copies. Throws where it is not defined.
    void pack(Op op, bool combines = true);
    const std::vector<Part>& parts() const { return parts_; }
    /// A hash of the tables' keys and nesting; 0 for a tensor or number by itself.
    std::uint64_t layout() const { return is_table_ || is_boolean_ ? layout_.value() : 0; }
    /// The reverse, after the operation.
    void unpack();

    /// Writes numbers back into their tables; pushes the result, which is the value itself unless
    /// it is a number. `index` and `holders` (the table that `load` left) as before. May raise.
    int store(lua_State* lua, int index, int holders);

  private:
    struct NumberLeaf {
        enum class Kind : std::uint8_t { real, integer, boolean };
        double real;
        std::int64_t integer;  // 0 for a real number
        Kind kind;
    };
    void take_apart(lua_State* lua, int index, const char* operation);
    void add(lua_State* lua, int index, int holders, int depth, const char* operation);
    void add_tensor(lua_State* lua, const Tensor& tensor, const char* operation);
    void add_number(lua_State* lua, int index);
    void add_key(lua_State* lua, int index);
    void add_table(lua_State* lua, int index, int holders, int depth, const char* operation);
    int collect_keys(lua_State* lua, int index, const char* operation);

    std::vector<Tensor> tensors_;
    std::vector<NumberLeaf> numbers_;
    bool is_number_ = false;   // the whole value is one number, or boolean
    bool is_boolean_ = false;  // likewise
    bool is_table_ = false;
    bool raises_ = true;  // where there is something else
    bool is_refused_ = false;
    Hash layout_;
    Op op_ = Op::sum;
    std::vector<double> reals_;  // of each number its value, then the mark of a float
    std::vector<std::int64_t> integers_;
    std::vector<Part> parts_;
};

/// To be called once a state, before push_value(). May raise.
void register_value(lua_State* lua);
/// A new, empty Value in a userdata that is left on the stack. May raise.
Value& push_value(lua_State* lua);

}  // namespace ipcrun::lua
