// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "tests/runtime/exact_cases.hpp"

namespace ipcrun::test {

namespace {

constexpr std::byte untouched{0xa5};
constexpr std::size_t margin = 64;

}  // namespace

const char* name_of(Where where) {
    constexpr const char* names[] = {"heap", "private", "misaligned", "strided"};
    return names[static_cast<int>(where)];
}

void expect(bool holds, const std::string& text) {
    if (!holds) throw Error(ErrorCode::internal, text);
}

Buffer::Buffer(Self self, Where where, Dtype dtype, std::size_t count)
    : heap_(self.heap), where_(where) {
    const std::size_t element = size_of(dtype);
    const std::size_t spread = where == Where::strided ? 2 : 1;
    const std::size_t shift = where == Where::misaligned ? 1 + self.world.rank() % 7 : 0;
    bytes_ = 2 * margin + 8 + (count * spread + 2) * element;
    if (where == Where::heap || where == Where::misaligned) {
        start_ = static_cast<std::byte*>(heap_->allocate(bytes_));
        expect(start_ != nullptr, "the heap is full");
        std::memset(start_, static_cast<int>(untouched), bytes_);
    } else {
        own_.assign(bytes_, untouched);
        start_ = own_.data();
    }
    part_ = {start_ + margin + shift, count, dtype};
    if (where != Where::strided) return;
    // Backwards: pairs with a gap between them, or single elements with a gap.
    const auto n = static_cast<std::int64_t>(count);
    const bool pairs = count % 2 == 0;
    sizes_[0] = pairs ? n / 2 : n;
    sizes_[1] = 2;
    strides_[0] = pairs ? -3 : -2;
    strides_[1] = 1;
    const std::size_t dims = pairs ? 2 : 1;
    part_.sizes = {sizes_, dims};
    part_.strides = {strides_, dims};
    if (count > 0)
        part_.data =
            start_ + margin + static_cast<std::size_t>(-strides_[0] * (sizes_[0] - 1)) * element;
}

Buffer::~Buffer() {
    if (own_.empty()) heap_->deallocate(start_);
}

// In bytes from the start of the memory.
std::size_t Buffer::position(std::size_t element) const {
    const auto first = static_cast<std::byte*>(part_.data) - start_;
    auto at = static_cast<std::int64_t>(element);
    if (where_ == Where::strided)
        at = part_.sizes.size() == 2 ? at / 2 * strides_[0] + at % 2 : at * strides_[0];
    return static_cast<std::size_t>(first + at * static_cast<std::int64_t>(size_of(part_.dtype)));
}

void Buffer::put(const Bytes& elements) {
    const std::size_t size = size_of(part_.dtype);
    expect(elements.size() == part_.bytes(), "a test puts as much as there is");
    if (where_ != Where::strided && !elements.empty())
        std::memcpy(part_.data, elements.data(), elements.size());
    for (std::size_t i = 0; i < part_.count && where_ == Where::strided; ++i)
        std::memcpy(start_ + position(i), elements.data() + i * size, size);
}

Bytes Buffer::get() const {
    const std::size_t size = size_of(part_.dtype);
    Bytes result(part_.bytes());
    if (where_ != Where::strided && !result.empty())
        std::memcpy(result.data(), part_.data, result.size());
    for (std::size_t i = 0; i < part_.count && where_ == Where::strided; ++i)
        std::memcpy(result.data() + i * size, start_ + position(i), size);
    return result;
}

bool Buffer::is_untouched_around() const {
    const auto is_mark = [](std::byte byte) { return byte == untouched; };
    const std::size_t size = size_of(part_.dtype);
    if (where_ != Where::strided) {
        const auto* first = static_cast<const std::byte*>(part_.data);
        return std::all_of(static_cast<const std::byte*>(start_), first, is_mark) &&
               std::all_of(first + part_.bytes(), static_cast<const std::byte*>(start_ + bytes_),
                           is_mark);
    }
    Bytes rest(start_, start_ + bytes_);
    for (std::size_t i = 0; i < part_.count; ++i)
        std::fill_n(rest.data() + position(i), size, untouched);
    return std::ranges::all_of(rest, is_mark);
}

Bytes pattern(Dtype dtype, std::size_t count, std::uint64_t seed) {
    Bytes result(count * size_of(dtype));
    std::uint64_t state = (seed + 1) * 0x9e37'79b9'7f4a'7c15;
    for (std::size_t i = 0; i < result.size(); ++i) {
        state = state * 6364136223846793005 + 1442695040888963407;
        result[i] = static_cast<std::byte>(state >> 56);
    }
    return result;
}

}  // namespace ipcrun::test
