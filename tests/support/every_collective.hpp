// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A collective of any kind with memory to do it on, between guards: for tests that go through all
/// kinds and care for what happens to memory more than for results. All values are 1, and
/// combined by their maximum.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "runtime/collective.hpp"
#include "runtime/heap.hpp"

namespace ipcrun::test {

enum class Memory {
    heap,     ///< where peers can address it
    strided,  ///< every other element of the heap: goes through a copy
    outside,  ///< private memory
};

struct Form {
    Collective::Kind kind = Collective::Kind::barrier;
    bool varying = false;
    std::size_t count = 0;  ///< elements of a block, about; 0 only for a barrier
    Memory memory = Memory::heap;
};

/// "allgatherv"
inline std::string name_of(const Form& form) {
    return std::string(ipcrun::name_of(form.kind)) + (form.varying ? "v" : "");
}

/// All kinds, uniform and varying.
inline std::vector<Form> all_forms(std::size_t count) {
    using Kind = Collective::Kind;
    std::vector<Form> forms{{Kind::barrier, false, 0}};
    for (const Kind kind : {Kind::allreduce, Kind::broadcast, Kind::reduce, Kind::reduce_scatter,
                            Kind::allgather, Kind::gather, Kind::scatter, Kind::alltoall}) {
        forms.push_back({kind, false, count});
        if (kind >= Kind::reduce_scatter) forms.push_back({kind, true, count});
    }
    return forms;
}

/// Floats of one rank between guards.
class Guarded {
  public:
    Guarded(Heap& heap, Memory memory, std::size_t count)
        : heap_(heap), memory_(memory), count_(count) {
        floats_ = count * step() + 2 * guard;
        if (memory == Memory::outside) {
            outside_.resize(floats_);
            data_ = outside_.data();
        } else {
            data_ = static_cast<float*>(heap.allocate(floats_ * sizeof(float)));
        }
        std::fill_n(data_, floats_, guard_value);
        for (std::size_t i = 0; i < count; ++i) first()[i * step()] = 1.0f;
        if (memory == Memory::strided) {
            sizes_ = {static_cast<std::int64_t>(count)};
            strides_ = {2};
        }
    }
    Guarded(const Guarded&) = delete;
    ~Guarded() {
        if (memory_ != Memory::outside) heap_.deallocate(data_);
    }
    Part part() const { return {first(), count_, Dtype::f32, sizes_, strides_}; }
    bool is_intact() const {
        const auto is_guard = [](float value) { return value == guard_value; };
        if (!std::all_of(data_, first(), is_guard)) return false;
        if (!std::all_of(data_ + floats_ - guard, data_ + floats_, is_guard)) return false;
        for (std::size_t i = 1; i < count_ && memory_ == Memory::strided; ++i)
            if (!is_guard(first()[2 * i - 1])) return false;
        return true;
    }
    bool is_all_one() const {
        for (std::size_t i = 0; i < count_; ++i)
            if (first()[i * step()] != 1.0f) return false;
        return true;
    }

  private:
    static constexpr std::size_t guard = 64;
    static constexpr float guard_value = -77.0f;
    std::size_t step() const { return memory_ == Memory::strided ? 2 : 1; }
    float* first() const { return data_ + guard; }

    Heap& heap_;
    Memory memory_;
    std::size_t count_, floats_;
    std::vector<float> outside_;
    float* data_;
    std::vector<std::int64_t> sizes_, strides_;
};

/// A member's side of a collective of one form.
class Exercise {
  public:
    Exercise(Heap& heap, const Form& form, int rank, int size)
        : form_(form), rank_(rank), from_parts_{}, to_parts_{} {
        using Kind = Collective::Kind;
        const auto n = static_cast<std::size_t>(size);
        // What member k contributes, or gets.
        const auto block = [&](std::size_t k) { return form.count + (form.varying ? k : 0); };
        std::size_t all = 0;
        for (std::size_t k = 0; k < n; ++k) {
            all += block(k);
            if (form.kind != Kind::alltoall) continue;
            counts_.push_back(form.count + static_cast<std::size_t>(rank) + k);
        }
        const std::size_t own = block(static_cast<std::size_t>(rank));
        std::size_t from = own, to = own;
        if (form.kind == Kind::reduce_scatter || form.kind == Kind::scatter) from = all;
        if (form.kind == Kind::allgather || form.kind == Kind::gather) to = all;
        if (form.kind == Kind::alltoall) from = to = n * form.count;
        if (form.kind == Kind::alltoall && form.varying) {
            from = 0;
            for (const std::size_t count : counts_) from += count;
            to = from;
        }
        from_ = std::make_unique<Guarded>(heap, form.memory, from);
        to_ = std::make_unique<Guarded>(heap, form.memory, to);
    }

    /// Valid until the next call. Members call it with equal roots.
    Collective collective(int root) {
        using Kind = Collective::Kind;
        const bool is_root = rank_ == root;
        from_parts_ = from_->part();
        to_parts_ = to_->part();
        if (form_.kind == Kind::gather && !is_root) to_parts_ = {nullptr, 0, Dtype::f32};
        if (form_.kind == Kind::scatter && !is_root) from_parts_ = {nullptr, 0, Dtype::f32};
        Collective result;
        result.kind = form_.kind;
        result.varying = form_.varying;
        if (form_.kind == Kind::barrier) return result;
        if (form_.kind == Kind::allreduce || form_.kind == Kind::reduce ||
            form_.kind == Kind::reduce_scatter)
            result.op = Op::max;
        if (form_.kind == Kind::broadcast || form_.kind == Kind::reduce ||
            form_.kind == Kind::gather || form_.kind == Kind::scatter)
            result.root = root;
        result.from = {&from_parts_, 1};
        const bool in_place = form_.kind == Kind::allreduce || form_.kind == Kind::broadcast;
        result.to = in_place ? result.from : std::span<const Part>(&to_parts_, 1);
        if (form_.kind == Kind::alltoall && form_.varying) {
            result.from_counts = counts_;
            result.to_counts = counts_;
        }
        return result;
    }
    bool is_intact() const { return from_->is_intact() && to_->is_intact(); }
    bool is_all_one() const { return from_->is_all_one() && to_->is_all_one(); }

  private:
    Form form_;
    int rank_;
    std::unique_ptr<Guarded> from_, to_;
    Part from_parts_, to_parts_;
    std::vector<std::size_t> counts_;  // alltoallv: the same in both directions
};

}  // namespace ipcrun::test
