// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/item_source.hpp"

namespace ipcrun::lua {

namespace {

// One look at all sources.
class Look {
  public:
    Look(Courier& reader, std::span<ItemSource* const> sources, std::size_t first)
        : reader_(reader), sources_(sources), first_(first) {}

    // `has_looked`: those where nothing has happened since are left alone.
    Taken take(bool has_looked) {
        Taken taken;
        std::size_t refused = 0;
        for (std::size_t i = 0; i < sources_.size(); ++i) {
            taken.source = first_ + i < sources_.size() ? first_ + i : first_ + i - sources_.size();
            ItemSource& source = *sources_[taken.source];
            if (has_looked && !source.inlet(reader_).may_read()) continue;
            taken.outcome = source.try_take(reader_, reader_.taken, taken.after);
            if (taken.outcome == QueueOutcome::done) return taken;
            if (taken.outcome == QueueOutcome::refused) ++refused;
        }
        taken.outcome =
            refused == sources_.size() ? QueueOutcome::refused : QueueOutcome::would_wait;
        return taken;
    }
    // Drained sources are no hope either.
    ItemSource* find_hopeless() const {
        for (ItemSource* source : sources_)
            if (has_hope(*source)) return nullptr;
        return sources_[first_];
    }

    // One that others have left, when no other gives hope. All are asked: that puts them in order.
    ItemSource* find_abandoned() const {
        ItemSource* abandoned = nullptr;
        bool is_hopeful = false;
        for (ItemSource* source : sources_) {
            if (source->is_abandoned(reader_))
                abandoned = source;
            else if (has_hope(*source))
                is_hopeful = true;
        }
        return is_hopeful ? nullptr : abandoned;
    }

  private:
    bool has_hope(ItemSource& source) const {
        if (source.is_hopeless(reader_)) return false;
        const ItemQueue& inlet = source.inlet(reader_);
        return !inlet.may_read() || inlet.status() != QueueStatus::drained;
    }

    Courier& reader_;
    std::span<ItemSource* const> sources_;
    std::size_t first_;
};

// Wake-ups that were meant for others go to them, however the wait ended.
class Leave {
  public:
    Leave(Courier& reader, std::span<ItemSource* const> sources)
        : reader_(reader), sources_(sources) {}
    Leave(const Leave&) = delete;
    ~Leave() {
        for (ItemSource* source : sources_) source->inlet(reader_).reader_leaves();
    }

  private:
    Courier& reader_;
    std::span<ItemSource* const> sources_;
};

}  // namespace

Taken take_item(Courier& reader, std::span<ItemSource* const> sources, std::size_t first,
                Deadline deadline, const char* operation) {
    reader.taken = Item();
    Look look(reader, sources, first);
    Taken taken = look.take(false);
    if (taken.outcome != QueueOutcome::would_wait || deadline.has_passed()) return taken;
    reader.bells.clear();
    bool is_watching = false;
    for (ItemSource* source : sources) {
        source->before_waiting(reader);
        source->add_bells(reader, reader.bells);
        is_watching = is_watching || !source->inlet(reader).is_local();
    }
    const Leave leave(reader, sources);
    ItemSource* abandoned = nullptr;
    (void)wait_watching(
        *reader.shared, reader.bells, deadline, operation, is_watching,
        [&] {
            abandoned = look.find_abandoned();
            return abandoned != nullptr;
        },
        [&] { abandoned->give_up(operation); },
        [&] {
            // Asked first: who lets go may have written something before.
            ItemSource* const hopeless = deadline.is_never() ? look.find_hopeless() : nullptr;
            for (ItemSource* source : sources) source->inlet(reader).reader_looks();
            taken = look.take(true);
            if (taken.outcome == QueueOutcome::would_wait && hopeless != nullptr)
                hopeless->give_up(operation);
            return taken.outcome != QueueOutcome::would_wait;
        });
    return taken;
}

}  // namespace ipcrun::lua
