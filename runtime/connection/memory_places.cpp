// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/memory_places.hpp"

namespace ipcrun {

MemoryPlace MemoryPlaces::take() {
    auto place = std::make_unique<std::uint32_t>(0);
    {
        const std::lock_guard lock(taken_->mutex);
        std::uint32_t index = 0;
        while (index < memory_links_max && taken_->numbers[index]) ++index;
        if (index == memory_links_max) return nullptr;
        taken_->numbers.set(index);
        *place = index + 1;
    }
    return {place.release(), [taken = taken_](const std::uint32_t* number) {
                const std::lock_guard lock(taken->mutex);
                taken->numbers.reset(*number - 1);
                delete number;
            }};
}

std::size_t MemoryPlaces::count() const {
    const std::lock_guard lock(taken_->mutex);
    return taken_->numbers.count();
}

}  // namespace ipcrun
