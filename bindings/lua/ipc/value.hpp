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
    /// Takes the value at `index` apart: tensors, numbers, and tables of these to any depth (keys
    /// in order: numbers, then strings). Raises where there is something else, naming the place
    /// and `operation`. Leaves one table on the stack, which must stay until `store` has been
    /// called.
    void load(lua_State* lua, int index, const char* operation);

    /// Copies what cannot be worked on in place, and encodes numbers for `op`. Throws.
    void pack(lua_State* lua, Op op);
    const std::vector<Part>& parts() const { return parts_; }
    /// A hash of the tables' keys and nesting; 0 for a value that is no table.
    std::uint64_t layout() const { return is_table_ ? layout_.value() : 0; }
    /// The reverse, after the operation. Throws.
    void unpack();

    /// Writes numbers back into their tables; pushes the result, which is the value itself unless
    /// it is a number. `index` and `holders` (the table that `load` left) as before. May raise.
    int store(lua_State* lua, int index, int holders);

  private:
    struct NumberLeaf {
        double real;
        std::int64_t integer;
        bool is_integer;
    };
    void add(lua_State* lua, int index, int holders, int depth, const char* operation);
    void add_key(lua_State* lua, int index);
    void add_table(lua_State* lua, int index, int holders, int depth, const char* operation);

    std::vector<Tensor> tensors_;
    std::vector<Tensor> copies_;  // contiguous stand-ins, or empty ones
    std::vector<NumberLeaf> numbers_;
    bool is_number_ = false;  // the whole value is one number
    bool is_table_ = false;
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
