// SPDX-License-Identifier: Apache-2.0
#include "runtime/queue_runs.hpp"

#include <algorithm>
#include <cstring>

namespace ipcrun {

namespace {

constexpr std::uint64_t dropped_bytes_min = 16 << 20;
constexpr std::uint64_t dropped_bytes_per_slot = 64;

}  // namespace

// The table, whose length is looked at first.
QueueRun* QueueRuns::begin() const {
    if (header().runs > queue_runs_max) fail_overwritten();
    return header().run;
}

std::uint64_t QueueRuns::top() const {
    const std::uint64_t top = header().data_top;
    if (top > memory_.data_bytes()) fail_overwritten();
    return top;
}

void QueueRuns::erase(QueueRun* run) {
    if (run->is_warm != 0) header().warm_bytes -= run->bytes;
    std::memmove(run, run + 1,
                 static_cast<std::size_t>(header().run + header().runs - run - 1) * sizeof *run);
    --header().runs;
}

void QueueRuns::insert(QueueRun* before, const QueueRun& run) {
    std::memmove(before + 1, before,
                 static_cast<std::size_t>(header().run + header().runs - before) * sizeof run);
    *before = run;
    ++header().runs;
    if (run.is_warm != 0) header().warm_bytes += run.bytes;
}

void QueueRuns::drop_smallest() {
    QueueRun* const smallest =
        std::min_element(begin(), begin() + header().runs,
                         [](const QueueRun& a, const QueueRun& b) { return a.bytes < b.bytes; });
    header().dropped_bytes += smallest->bytes;
    erase(smallest);
}

void QueueRuns::take_from(QueueRun& run, std::uint64_t bytes) {
    if (run.bytes == bytes) return erase(&run);
    if (run.is_warm != 0) header().warm_bytes -= bytes;
    run.offset += bytes;
    run.bytes -= bytes;
}

std::optional<std::uint64_t> QueueRuns::take(std::uint64_t bytes) {
    QueueRun* best = nullptr;
    for (QueueRun* run = begin(); run != header().run + header().runs; ++run) {
        if (run->bytes < bytes) continue;
        if (best == nullptr || run->is_warm > best->is_warm ||
            (run->is_warm == best->is_warm && run->bytes < best->bytes))
            best = run;
    }
    if (best != nullptr) {
        const std::uint64_t offset = best->offset;
        (void)memory_.data(offset, bytes);
        take_from(*best, bytes);
        return offset;
    }
    const std::uint64_t offset = top();
    if (bytes > memory_.data_bytes() - offset) return std::nullopt;
    header().data_top = offset + bytes;
    return offset;
}

void QueueRuns::give_back(const Room& room, bool is_warm) {
    if (header().runs >= queue_runs_max) drop_smallest();
    QueueRun run{room.offset, room.bytes, is_warm ? 1u : 0u};
    QueueRun* next =
        std::lower_bound(begin(), begin() + header().runs, run.offset,
                         [](const QueueRun& a, std::uint64_t offset) { return a.offset < offset; });
    if (next != header().run + header().runs && next->offset == run.offset + run.bytes &&
        next->is_warm == run.is_warm) {
        run.bytes += next->bytes;
        erase(next);
    }
    if (next != header().run) {
        QueueRun* const previous = next - 1;
        if (previous->offset + previous->bytes == run.offset && previous->is_warm == run.is_warm) {
            run = {previous->offset, previous->bytes + run.bytes, run.is_warm};
            erase(previous);
            next = previous;
        }
    }
    if (!is_warm && run.offset + run.bytes == top())
        header().data_top = run.offset;
    else
        insert(next, run);
}

std::optional<QueueRuns::Room> QueueRuns::take_warm(std::uint64_t bytes) {
    QueueRun* best = nullptr;
    for (QueueRun* run = begin(); run != header().run + header().runs; ++run)
        if (run->is_warm != 0 && (best == nullptr || run->bytes > best->bytes)) best = run;
    if (best == nullptr) return std::nullopt;
    const Room room{best->offset, std::min(best->bytes, bytes)};
    (void)memory_.data(room.offset, room.bytes);
    take_from(*best, room.bytes);
    return room;
}

void QueueRuns::make_anew(std::vector<Room> used) {
    std::sort(used.begin(), used.end(),
              [](const Room& a, const Room& b) { return a.offset < b.offset; });
    // Of what lies between nobody knows which pages are held: they may be.
    std::uint64_t end = std::min(header().data_top, memory_.data_bytes());
    if (!used.empty()) end = std::max(end, used.back().offset + used.back().bytes);
    header().data_top = end;
    header().warm_bytes = 0;
    header().runs = 0;
    std::uint64_t free_from = 0;
    used.push_back({end, 0});
    for (const Room& room : used) {
        if (room.offset > free_from) {
            if (header().runs == queue_runs_max) drop_smallest();
            insert(header().run + header().runs, {free_from, room.offset - free_from, 1});
        }
        free_from = std::max(free_from, room.offset + room.bytes);
    }
    header().dropped_bytes = 0;
}

bool QueueRuns::is_worn() const {
    return header().dropped_bytes > dropped_bytes_min + header().touched * dropped_bytes_per_slot;
}

}  // namespace ipcrun
