// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A link of two that share memory: between processes, or within one.

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/error.hpp"
#include "runtime/communicator.hpp"
#include "runtime/connection/link.hpp"
#include "runtime/heap.hpp"
#include "runtime/node_memory.hpp"

namespace ipcrun {

struct LinkCall;

/// Messages are those of a communicator of two (runtime/mailbox.hpp). One with a note is two of
/// them with the same tag: first the note, as elements of i8, which nothing else is sent as; it
/// says how long the body is, and of which dtype. A body of i8 is sent as u8, and always has a
/// note. A short body goes with its note, as one of them.
class MemoryLink final : public Link {
  public:
    /// `rank`: 0 or 1, which of the two this end is. Ends within one process share the object
    /// `memory`, and their kind is LinkKind::process.
    MemoryLink(std::shared_ptr<NodeMemory> memory, int rank, LinkKind kind);
    ~MemoryLink() override;

    /// The process of the other end has ended, or its connection has: it touches nothing any more.
    /// `how`, for the text of errors: "the peer has ended". Wakes whoever waits in a call. Any
    /// thread; the first counts.
    void peer_ended(std::string_view how) noexcept;
    /// Has the other end said that it closes? While this one is open.
    bool has_peer_closed() const;

    LinkKind kind() const override { return kind_; }
    void send(std::span<const std::uint8_t> note, std::span<const Part> parts, int tag,
              Deadline deadline) override;
    std::optional<Arrival> wait(int tag, Deadline deadline) override;
    bool has_whole(int tag) override;
    void receive_into(std::span<const Part> parts, int tag, Deadline deadline) override;
    Message receive(int tag, Deadline deadline) override;
    void close() noexcept override;

    /// Is there a message with that tag, or will none come any more? Without waiting.
    bool is_ready(int tag);

    /// Not once it is closed.
    Communicator& communicator();
    const std::shared_ptr<Heap>& heap() const { return heap_; }
    int peer() const { return peer_; }  ///< the other's rank

  private:
    struct Note {  // of a body that has not been received
        Dtype dtype = Dtype::u8;
        std::uint64_t body_bytes = 0;
        bool has_body = false;
        std::vector<std::uint8_t> bytes;  // the text, and the body if it came along
        std::size_t text_bytes = 0;
        std::span<const std::uint8_t> text() const { return {bytes.data(), text_bytes}; }
        const std::byte* body() const {
            return reinterpret_cast<const std::byte*>(bytes.data()) + text_bytes;
        }
    };
    using Notes = std::unordered_map<int, Note>;

    void check_open(const LinkCall& call) const;
    bool send_note(const LinkCall& call, std::span<const std::uint8_t> note,
                   std::span<const Part> parts, Dtype dtype, Deadline deadline);
    void take_note(const Envelope& envelope);
    bool renew_note(int tag);
    const Note* note_with_body(int tag) const;
    void forget_note(int tag);
    Message take_body(const Note& note, int tag);
    std::optional<Arrival> find(int tag, Deadline deadline);
    std::string how_lost() const;
    [[noreturn]] void fail_as(const LinkCall& call, const Error& error) const;

    std::shared_ptr<Heap> heap_;  // shared: storages that it made may outlive the link
    std::unique_ptr<Communicator> communicator_;
    int peer_;
    LinkKind kind_;
    Notes notes_;                            // by tag
    Notes::node_type spare_note_;            // so that the next one takes no memory
    std::unordered_set<int> notes_in_vain_;  // tags with which one was sent, and its body was not
    mutable std::mutex mutex_;               // guards how_ended_
    std::string how_ended_;
};

}  // namespace ipcrun
