// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/remote_context.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

Error no_memory(const RemoteReceiving& receiving, std::uint64_t bytes) {
    return Error(ErrorCode::system,
                 fmt::format("{}: there is no memory for the message of {} bytes",
                             receiving.wish().describe(), bytes));
}

void throw_away(const RemoteMessage& message) {
    if (!message.is_whole()) message.origin->abandon(message);
    message.origin->release(message);
}

}  // namespace

void RemoteContext::open(std::vector<int> members, const std::vector<int>& remote) {
    members_ = std::move(members);
    remote_ = remote;
    for (std::size_t i = 0; i < members_.size(); ++i) member_of_[members_[i]] = static_cast<int>(i);
    unexpected_.remove_if(
        [this](const RemoteMessage& message) { return !has_member(message.source); }, throw_away);
}

void RemoteContext::close() {
    listener_ = nullptr;
    check(line_.empty(), "a mailbox is closed while somebody receives there");
    unexpected_.remove_if([](const RemoteMessage&) { return true; }, throw_away);
}

Envelope RemoteContext::envelope_of(const RemoteMessage& message) const {
    const auto member = member_of_.find(message.source);
    return {member == member_of_.end() ? message.source : member->second, message.tag,
            message.bytes, message.dtype};
}

// The first in line for it; those before whom it does not fit have an error.
RemoteReceiving* RemoteContext::claim(int source, const Envelope& envelope) {
    for (std::size_t i = 0; i < line_.size();) {
        RemoteReceiving& receiving = *line_[i];
        if (!receiving.wants(source, envelope.tag)) {
            ++i;
            continue;
        }
        line_.erase(line_.begin() + static_cast<std::ptrdiff_t>(i));
        const auto mismatch = receiving.mismatch(envelope);
        if (!mismatch) return &receiving;
        receiving.fail(*mismatch);
        note();
    }
    return nullptr;
}

bool RemoteContext::hear(MessageOrigin& origin, int source, const HostFrame& frame,
                         std::span<const std::byte> body) {
    const auto dtype = Dtype(frame.dtype);
    const int tag = static_cast<int>(frame.tag);
    if (!line_.empty()) {
        const Envelope envelope{member_of(source), tag, frame.bytes, dtype};
        while (RemoteReceiving* const receiving = claim(source, envelope)) {
            try {
                receiving->finish(envelope, body);
                note();
                return true;
            } catch (const std::bad_alloc&) {
                receiving->fail(no_memory(*receiving, frame.bytes));
                note();
            }
        }
    }
    auto message = std::make_unique<RemoteMessage>();
    message->origin = &origin;
    message->context = id_;
    message->source = source;
    message->tag = tag;
    message->bytes = frame.bytes;
    message->dtype = dtype;
    message->arrival = arrivals_++;
    message->storage = Storage::create(nullptr, dtype, body.size() / size_of(dtype));
    message->put(body);
    unexpected_.add(std::move(message));
    note();
    return false;
}

RemoteMessage* RemoteContext::announce(MessageOrigin& origin, int source, const HostFrame& frame) {
    auto message = std::make_unique<RemoteMessage>();
    RemoteMessage* const result = message.get();
    message->origin = &origin;
    message->context = id_;
    message->source = source;
    message->tag = static_cast<int>(frame.tag);
    message->bytes = frame.bytes;
    message->dtype = Dtype(frame.dtype);
    message->number = frame.number;
    message->arrival = arrivals_++;
    place(std::move(message));
    return result;
}

// To the first who wants it, or among the unexpected.
void RemoteContext::place(MessagePtr message) {
    if (!line_.empty()) {
        const Envelope envelope = envelope_of(*message);
        while (RemoteReceiving* const receiving = claim(message->source, envelope))
            if (give(message, *receiving)) return;
    }
    unexpected_.add(std::move(message));
    note();
}

// False when there is no memory for it: the receiving has failed.
bool RemoteContext::give(MessagePtr& message, RemoteReceiving& receiving) {
    if (message->is_whole()) {
        receiving.finish(envelope_of(*message), *message);
        note();
        message->origin->release(*message);
        return true;
    }
    try {
        receiving.await(*message);
    } catch (const std::bad_alloc&) {
        receiving.fail(no_memory(receiving, message->bytes));
        note();
        return false;
    }
    message->receiver = &receiving;
    receiving.counted.begin(counts_.under_way);
    RemoteMessage& coming = *message;
    receiving.coming = std::move(message);
    if (!coming.is_requested) coming.origin->fetch(coming);
    return true;
}

// From what is there: true when it has got a message, or an error.
bool RemoteContext::serve(RemoteReceiving& receiving) {
    const RemoteWish& wish = receiving.wish();
    if (RemoteMessage* const found = unexpected_.find(wish.source, wish.tag)) {
        if (const auto mismatch = receiving.mismatch(envelope_of(*found))) {
            receiving.fail(*mismatch);
            return true;
        }
        MessagePtr message = unexpected_.remove(*found);
        if (!give(message, receiving)) unexpected_.add(std::move(message));
        return true;
    }
    if (!is_ended(wish.source)) return false;
    receiving.fail(ended(receiving));
    return true;
}

void RemoteContext::start(RemoteReceiving& receiving) {
    receiving.order = receives_++;
    if (serve(receiving)) return;
    stand_in_line(receiving, line_.end());
}

void RemoteContext::stand_in_line(RemoteReceiving& receiving, Line::const_iterator place) {
    line_.insert(place, &receiving);
    if (receiving.is_long())
        receiving.counted.begin(counts_.expected);
    else
        receiving.counted.end();
}

void RemoteContext::drop(RemoteReceiving& receiving) {
    if (MessagePtr message = std::move(receiving.coming)) {
        message->receiver = nullptr;
        if (message->is_whole()) return;
        try {
            message->origin->halt(*message);
            message->keep();
            place(std::move(message));
        } catch (const std::bad_alloc&) {
            message->origin->abandon(*message);
            message->origin->break_off(
                Error(ErrorCode::system, "a message that nobody waits for any more has no room"));
        }
    } else {
        std::erase(line_, &receiving);
    }
}

void RemoteContext::withdraw(RemoteMessage& message) {
    RemoteReceiving* const receiving = message.receiver;
    if (receiving == nullptr) {
        message.origin->release(message);
        (void)unexpected_.remove(message);
        return;
    }
    // It stands in line again where it stood, as if nothing had been.
    const MessagePtr gone = std::move(receiving->coming);
    gone->origin->release(*gone);
    if (serve(*receiving)) return note();
    const auto place = std::find_if(line_.begin(), line_.end(), [&](const RemoteReceiving* other) {
        return other->order > receiving->order;
    });
    stand_in_line(*receiving, place);
}

void RemoteContext::complete(RemoteMessage& message) {
    RemoteReceiving* const receiving = message.receiver;
    if (receiving == nullptr) return note();
    receiving->finish(envelope_of(message), message);
    const MessagePtr done = std::move(receiving->coming);
    note();
    done->origin->release(*done);
}

void RemoteContext::lose(RemoteMessage& message, const Error& why) {
    RemoteReceiving* const receiving = message.receiver;
    const MessagePtr gone = std::move(receiving->coming);
    ends_.try_emplace(message.source, why);
    receiving->fail(Error(why.code, fmt::format("{}: {}", receiving->wish().describe(), why.what()),
                          why.system_errno, envelope_of(message).source));
    note();
}

void RemoteContext::end(int source, const Error& why) {
    ends_.try_emplace(source, why);
    unexpected_.remove_if(
        [&](const RemoteMessage& message) {
            return message.source == source && !message.is_whole();
        },
        [](const RemoteMessage& message) { message.origin->abandon(message); });
    std::erase_if(line_, [this](RemoteReceiving* receiving) {
        if (!is_ended(receiving->wish().source)) return false;
        receiving->fail(ended(*receiving));
        return true;
    });
    note(true);
}

bool RemoteContext::is_ended(int source) const {
    if (source != any_source) return ends_.contains(source);
    return std::all_of(remote_.begin(), remote_.end(),
                       [this](int rank) { return ends_.contains(rank); });
}

Error RemoteContext::ended(const RemoteReceiving& receiving) const {
    const RemoteWish& wish = receiving.wish();
    if (wish.source == any_source)
        return Error(ErrorCode::peer_lost,
                     fmt::format("{}: all ranks on other hosts have left", wish.describe()));
    const Error& why = ends_.at(wish.source);
    return Error(why.code, fmt::format("{}: {}", wish.describe(), why.what()), why.system_errno,
                 wish.from);
}

const Error* RemoteContext::end_of(int source) const {
    const auto end = ends_.find(source);
    return end == ends_.end() ? nullptr : &end->second;
}

std::optional<Envelope> RemoteContext::find(int source, int tag) const {
    const RemoteMessage* const found = unexpected_.find(source, tag);
    if (found == nullptr) return std::nullopt;
    return envelope_of(*found);
}

bool RemoteContext::is_forsaken(int source) const {
    return is_ended(source) && unexpected_.find(source, any_tag) == nullptr;
}

}  // namespace ipcrun
