// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A hook that kills or stops a chosen rank at a chosen step of an operation, so that tests can
/// show what the survivors see. Armed by IPCRUN_FAULT; costs a predictable branch when it is not.

#include <cstdint>
#include <functional>
#include <string_view>

namespace ipcrun {

enum class FaultPoint {
    after_publish,  ///< its memory is named, its arrival is not yet told
    after_arrive,   ///< arrived, nothing done
    after_claim,    ///< owns a chunk, has not begun it
    mid_chunk,      ///< wrote part of a chunk, or of what it fetches where counts vary
    after_done,     ///< all its chunks are done, the operation may not be
    before_unload,  ///< the operation is done; results that were staged are not yet where they
                    ///< belong
    in_split,       ///< between the two exchanges of a split; the operation is the first of them
    // Of messages:
    before_commit,    ///< the message is written, and cannot be seen
    after_commit,     ///< the message can be seen; its receiver may sleep
    mid_move,         ///< sender: an offered message is half a block of the receiver's
    mid_copy,         ///< sender or receiver: copied half of a chunk of a long message
    holding_message,  ///< the receiver has found a message, and does not have it yet
    // Of shared queues:
    queue_reserved,   ///< writer: has a place for its item
    queue_copied,     ///< writer: the item is written, and cannot be seen
    queue_committed,  ///< writer: the item can be seen; its reader may sleep
    queue_taken,      ///< reader: the item is nobody else's, and not yet returned
    queue_locked,     ///< either: in the critical section, where the lists are not in order
};

/// The point's name in IPCRUN_FAULT: "after_publish" and so on.
std::string_view name_of(FaultPoint point);

class Faults {
  public:
    /// No fault, ever.
    Faults() = default;
    /// `text` is "POINT:RANK:OPERATION", with ":stop" behind it for SIGSTOP instead of SIGKILL: the
    /// rank in the world, and the operation's number in its communicator from 1 (messages are
    /// counted by themselves, and the writes and reads of each shared queue): the fault strikes
    /// when the rank comes to the point in that one or a later one. Throws Error{config} when it is
    /// something else.
    Faults(std::string_view text, int rank);

    void at(FaultPoint point, std::uint32_t sequence) const {
        if (armed_ && point == point_ && sequence >= sequence_) [[unlikely]]
            strike_();
    }
    bool is_armed() const { return armed_; }

    /// What happens instead of the signal: for tests whose ranks are threads.
    void on_strike(std::function<void()> strike) { strike_ = std::move(strike); }

  private:
    bool armed_ = false;
    FaultPoint point_ = FaultPoint::after_publish;
    std::uint32_t sequence_ = 0;
    std::function<void()> strike_;
};

}  // namespace ipcrun
