// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/memory_link.hpp"

#include <array>
#include <cstring>

#include "base/bytes.hpp"
#include "base/fail.hpp"
#include "runtime/channel.hpp"
#include "runtime/connection/link_errors.hpp"
#include "runtime/node_communicator.hpp"
#include "runtime/stream/frame.hpp"

namespace ipcrun {

namespace {

// The size that a Mailbox begins with.
constexpr std::size_t lag_bytes = 256ull << 20;
// A note begins with the dtype of the body, its length, that of the text, and whether the body
// follows that.
constexpr std::size_t note_head_bytes = 1 + 8 + 2 + 1;
// With its body, as one record of the mailbox.
constexpr std::size_t folded_bytes_max = inlined_bytes_max;
static_assert(folded_bytes_max > note_head_bytes + note_bytes_max);
using NoteBuffer = std::array<std::uint8_t, folded_bytes_max>;

std::unique_ptr<Communicator> communicate(const std::shared_ptr<Heap>& heap, int rank,
                                          LinkKind kind) {
    Identity identity;
    identity.members = {0, 1};
    identity.rank = rank;
    identity.block_offset = heap->memory()->control().header().world_offset;
    identity.ends_are_departures = true;
    identity.is_one_process = kind == LinkKind::process;
    return std::make_unique<Communicator>(
        std::make_unique<NodeCommunicator>(heap, std::move(identity)));
}

// Parts as they travel: i8 as u8.
class Relabelled {
  public:
    Relabelled(std::span<const Part> parts, const PartsShape& shape) : parts_(parts) {
        if (shape.dtype != Dtype::i8) return;
        own_.assign(parts.begin(), parts.end());
        for (Part& part : own_) part.dtype = Dtype::u8;
        parts_ = own_;
    }
    Relabelled(const Relabelled&) = delete;
    std::span<const Part> parts() const { return parts_; }

  private:
    std::span<const Part> parts_;
    std::vector<Part> own_;
};

}  // namespace

MemoryLink::MemoryLink(std::shared_ptr<NodeMemory> memory, int rank, LinkKind kind)
    : heap_(std::make_shared<Heap>(std::move(memory), rank)),
      communicator_(communicate(heap_, rank, kind)),
      peer_(1 - rank),
      kind_(kind) {}

MemoryLink::~MemoryLink() {
    close();
}

void MemoryLink::close() noexcept {
    communicator_.reset();
}

void MemoryLink::peer_ended(std::string_view how) noexcept {
    try {
        const std::lock_guard lock(mutex_);
        if (how_ended_.empty()) how_ended_ = how;
    } catch (const std::bad_alloc&) {
        // Errors say less then.
    }
    heap_->memory()->control().mark_ended(peer_, 0);
}

// Who closes says so in the memory, and then lets go of the connection.
bool MemoryLink::has_peer_closed() const {
    return communicator_->impl().node().group.member(peer_).closing.load() != Closing::open;
}

std::string MemoryLink::how_lost() const {
    if (has_peer_closed()) return std::string(peer_has_closed);
    const std::lock_guard lock(mutex_);
    return how_ended_.empty() ? "the peer has ended" : how_ended_;
}

void MemoryLink::check_open(const LinkCall& call) const {
    if (communicator_ == nullptr) throw link_closed(call);
}

Communicator& MemoryLink::communicator() {
    check(communicator_ != nullptr, "a closed link has no communicator");
    return *communicator_;
}

// What the communicator says of ranks, said of a peer.
void MemoryLink::fail_as(const LinkCall& call, const Error& error) const {
    switch (error.code) {
        case ErrorCode::peer_lost:
            throw link_lost(call, how_lost());
        case ErrorCode::timeout:
            throw link_timed_out(call);
        case ErrorCode::usage:
            if (heap_->is_open()) throw link_held_back(call, lag_bytes);
            break;
        default:
            break;
    }
    throw error;
}

void MemoryLink::send(std::span<const std::uint8_t> note, std::span<const Part> parts, int tag,
                      Deadline deadline) {
    const PartsShape shape(parts, false);
    const LinkCall call{"send", tag, shape.bytes};
    check_open(call);
    check_link_call(call, note);
    const Relabelled body(parts, shape);
    try {
        // One whose body was not sent is replaced by the next, if only by an empty one.
        if (note.empty() && shape.dtype != Dtype::i8 && !notes_in_vain_.contains(tag))
            return communicator_->send(parts, peer_, tag, deadline);
        if (!send_note(call, note, parts, shape.dtype, deadline)) {
            notes_in_vain_.insert(tag);
            communicator_->send(body.parts(), peer_, tag, deadline);
        }
        if (!notes_in_vain_.empty()) notes_in_vain_.erase(tag);
    } catch (const Error& error) {
        fail_as(call, error);
    }
}

// It tells of the body, too, so that whoever reads it can say where that is wanted before it comes.
// True when the body has gone with it.
bool MemoryLink::send_note(const LinkCall& call, std::span<const std::uint8_t> note,
                           std::span<const Part> parts, Dtype dtype, Deadline deadline) {
    NoteBuffer buffer;
    const bool has_body = call.bytes <= folded_bytes_max - note_head_bytes - note.size();
    std::size_t at = 0;
    const auto append = [&]<WireNumber T>(T value) {
        std::memcpy(buffer.data() + at, &value, sizeof value);
        at += sizeof value;
    };
    append(dtype);
    append(static_cast<std::uint64_t>(call.bytes));
    append(static_cast<std::uint16_t>(note.size()));
    append(static_cast<std::uint8_t>(has_body));
    if (!note.empty()) std::memcpy(buffer.data() + at, note.data(), note.size());
    at += note.size();
    if (has_body) {
        gather(parts, reinterpret_cast<std::byte*>(buffer.data() + at));
        at += call.bytes;
    }
    const Part part{.data = buffer.data(), .count = at, .dtype = Dtype::i8};
    communicator_->send({&part, 1}, peer_, call.tag, deadline);
    return has_body;
}

void MemoryLink::take_note(const Envelope& envelope) {
    NoteBuffer buffer;
    if (envelope.bytes > buffer.size())
        fail(ErrorCode::protocol, "receive a note: it has {} bytes", envelope.bytes);
    const Part part{.data = buffer.data(), .count = envelope.bytes, .dtype = Dtype::i8};
    communicator_->receive({&part, 1}, peer_, envelope.tag);
    Decoder decoder({buffer.data(), envelope.bytes});
    const auto dtype = decoder.number<std::uint8_t>();
    if (dtype >= dtype_count) fail(ErrorCode::protocol, "receive a note: no dtype is {}", dtype);
    const auto body_bytes = decoder.number<std::uint64_t>();
    const auto text_bytes = decoder.number<std::uint16_t>();
    const bool has_body = decoder.boolean();
    const auto rest = decoder.rest();
    if (text_bytes > note_bytes_max || text_bytes > rest.size() ||
        rest.size() - text_bytes != (has_body ? body_bytes : 0) ||
        (has_body && body_bytes % size_of(Dtype(dtype)) != 0))
        fail(ErrorCode::protocol, "receive a note: it is not as long as it says");
    if (!notes_.contains(envelope.tag) && spare_note_) {
        spare_note_.key() = envelope.tag;
        notes_.insert(std::move(spare_note_));
    }
    Note& note = notes_[envelope.tag];
    note.dtype = Dtype(dtype);
    note.body_bytes = body_bytes;
    note.has_body = has_body;
    note.bytes.assign(rest.begin(), rest.end());
    note.text_bytes = text_bytes;
}

const MemoryLink::Note* MemoryLink::note_with_body(int tag) const {
    const auto note = notes_.find(tag);
    return note == notes_.end() || !note->second.has_body ? nullptr : &note->second;
}

void MemoryLink::forget_note(int tag) {
    if (const auto note = notes_.find(tag); note != notes_.end())
        spare_note_ = notes_.extract(note);
}

// What is known of the next message with that tag. Throws Error{peer_lost} when none will come.
std::optional<Arrival> MemoryLink::find(int tag, Deadline deadline) {
    auto note = notes_.find(tag);
    if (note == notes_.end()) {
        const auto found =
            communicator_->impl().node().mailbox.await_message(peer_, tag, deadline, {});
        if (!found) return std::nullopt;
        if (found->dtype != Dtype::i8) return Arrival{.bytes = found->bytes, .dtype = found->dtype};
        take_note(*found);
        note = notes_.find(tag);
    }
    return Arrival{note->second.body_bytes, note->second.dtype, note->second.text()};
}

// The last note was in vain when another one follows it in place of its body.
bool MemoryLink::renew_note(int tag) {
    if (note_with_body(tag) != nullptr) return false;
    const auto found = communicator_->test_message(peer_, tag);
    if (!found || found->dtype != Dtype::i8) return false;
    take_note(*found);
    return true;
}

std::optional<Arrival> MemoryLink::wait(int tag, Deadline deadline) {
    const LinkCall call{"wait for", tag};
    check_open(call);
    check_link_call(call);
    try {
        // Of one that was known before it may have been seen meanwhile that it was in vain.
        while (notes_.contains(tag) && renew_note(tag)) {
        }
        return find(tag, deadline);
    } catch (const Error& error) {
        fail_as(call, error);
    }
}

// The note is known before the body.
bool MemoryLink::has_whole(int tag) {
    const LinkCall call{"receive", tag};
    check_open(call);
    try {
        return !notes_.contains(tag) || note_with_body(tag) != nullptr ||
               communicator_->test_message(peer_, tag).has_value();
    } catch (const Error& error) {
        fail_as(call, error);
    }
}

void MemoryLink::receive_into(std::span<const Part> parts, int tag, Deadline deadline) {
    const PartsShape shape(parts, true);
    const LinkCall call{"receive", tag, shape.bytes};
    check_open(call);
    check_link_call(call);
    const Relabelled body(parts, shape);
    try {
        for (;;) {
            // Without a note the parts are shown at once, so that who sends can write there. A body
            // of i8 has a note.
            const auto until = shape.dtype == Dtype::i8 ? deadline : Deadline::after(Seconds(0));
            const auto known = find(tag, until);
            if (known && !fits(shape, *known)) {
                if (renew_note(tag)) continue;
                check_arrival(call, shape, *known);
            }
            if (!known && shape.dtype == Dtype::i8) throw link_timed_out(call);
            if (const Note* const note = note_with_body(tag)) {
                scatter(note->body(), parts);
                break;
            }
            try {
                communicator_->receive(body.parts(), peer_, tag, deadline);
                break;
            } catch (const Error& error) {
                if (error.code != ErrorCode::mismatch) throw;
            }
            // What came was a note; or a body that is not what was wanted, or not what its note
            // says.
            if (renew_note(tag)) continue;
            if (notes_.contains(tag))
                fail(ErrorCode::protocol, "receive: a message is not what its note says");
        }
    } catch (const Error& error) {
        fail_as(call, error);
    }
    forget_note(tag);
}

// The body that came with its note.
Message MemoryLink::take_body(const Note& note, int tag) {
    Message message;
    message.envelope = {peer_, tag, note.body_bytes, note.dtype};
    message.storage = Storage::create(heap_, note.dtype, note.body_bytes / size_of(note.dtype));
    if (note.body_bytes != 0) std::memcpy(message.storage->data(), note.body(), note.body_bytes);
    forget_note(tag);
    return message;
}

Message MemoryLink::receive(int tag, Deadline deadline) {
    const LinkCall call{"receive", tag};
    check_open(call);
    check_link_call(call);
    try {
        Dtype dtype = Dtype::u8;
        std::optional<Envelope> body;
        do {
            const auto known = find(tag, deadline);
            if (const Note* const note = note_with_body(tag)) return take_body(*note, tag);
            body =
                known ? communicator_->impl().node().mailbox.await_message(peer_, tag, deadline, {})
                      : std::nullopt;
            if (!body) throw link_timed_out(call);
            dtype = known->dtype;
        } while (renew_note(tag));
        Message message = communicator_->receive_message(peer_, tag, deadline);
        if (dtype == Dtype::i8)
            message.storage = Storage::slice(message.storage, 0, dtype, message.storage->count());
        message.envelope.dtype = dtype;
        forget_note(tag);
        return message;
    } catch (const Error& error) {
        fail_as(call, error);
    }
}

bool MemoryLink::is_ready(int tag) {
    if (communicator_ == nullptr) return true;
    try {
        // A note alone is none: who sends may give up before the body goes. No clock is read: a
        // server asks this of a thousand links at a time.
        while (note_with_body(tag) == nullptr) {
            const auto found = communicator_->test_message(peer_, tag);
            if (!found) return communicator_->impl().node().mailbox.is_forsaken(peer_);
            if (found->dtype != Dtype::i8) return true;
            take_note(*found);
        }
        return true;
    } catch (const Error&) {
        return true;  // the call that comes for the message says which
    }
}

}  // namespace ipcrun
