// SPDX-License-Identifier: Apache-2.0
// What a node of a tree does that cannot go on: nobody is left waiting for it.
#include <utility>

#include "base/fail.hpp"
#include "runtime/connection/tree_node.hpp"

namespace ipcrun {

namespace {

// To say why, before the link is closed. A neighbour that takes nothing in hears of the end alone.
constexpr Seconds word_patience{0.05};
// How often a node that waits for one neighbour looks whether the others are there.
constexpr Seconds look_interval{0.25};

// Both sides differ in a mismatch, and what the system refuses is the matter of this node.
bool is_about_peer(ErrorCode code) {
    return code == ErrorCode::peer_lost || code == ErrorCode::timeout ||
           code == ErrorCode::protocol;
}

bool is_about_sender(const TreeAbort& abort) {
    return abort.code == ErrorCode::system && !abort.is_relayed;
}

}  // namespace

// The end of another one is noticed, too: nothing will come of the operation any more.
std::optional<Arrival> TreeNode::wait_for(Neighbour& from, Deadline deadline) {
    for (awaited_ = &from;;) {
        const Deadline look = Deadline::sooner(deadline, Deadline::after(look_interval));
        if (auto arrival = from.link->wait(tag_, look)) {
            awaited_ = nullptr;
            return arrival;
        }
        if (deadline.has_passed()) return std::nullopt;
        look_at_others(from);
    }
}

void TreeNode::look_at_others(const Neighbour& from) {
    const auto look_at = [&](Neighbour& other) {
        if (&other == &from || other.is_done || !other.link->has_peer_ended()) return;
        Neighbour* const partner = std::exchange(partner_, &other);
        // Throws when nothing is left of it. What it has sent may be its part, or why it went.
        const auto arrival = other.link->wait(tag_, Deadline::after(Seconds(0)));
        if (arrival && !arrival->note.empty()) {
            const TreeNote note = decode_tree_note(arrival->note);
            if (const auto* abort = std::get_if<TreeAbort>(&note)) {
                told_ = *abort;
                fail(abort->code, "{}", abort->text);
            }
        }
        partner_ = partner;
    };
    if (!is_root()) look_at(parent_);
    for (Neighbour& child : children_) look_at(child);
}

// Links are closed, for a neighbour may be in the middle of sending what this node will not take.
void TreeNode::give_up(ErrorCode code, const std::string& attempt, std::string why) {
    if (code == ErrorCode::peer_lost && !told_ && partner_ != nullptr)
        told_ = find_abort(*partner_);
    TreeAbort abort{code, false, why};
    if (told_) {
        why = told_->is_relayed ? told_->text
                                : fmt::format("{} gave up: {}", partner_->name, told_->text);
        abort = {told_->code, true, why, told_->node};
        if (is_about_sender(*told_)) abort.node = partner_->node;
        // The others' time was over first: they waited for this node, which waits itself.
        const bool is_about_self = told_->code == ErrorCode::timeout && told_->node == self_.node;
        if (is_about_self && awaited_ != nullptr && awaited_ != partner_) {
            why += fmt::format("; {} was waiting for {}", self_.name, awaited_->name);
            abort.text = why;
            abort.node = awaited_->node;
        }
    } else if (partner_ != nullptr && is_about_peer(code)) {
        abort.node = partner_->node;
    }
    // What this node itself lacks is the loss of a peer to others.
    failure_ = std::make_unique<Error>(
        told_ && told_->code == ErrorCode::system ? ErrorCode::peer_lost : abort.code,
        fmt::format("{}: {}", attempt, why), 0,
        abort.node >= 0 ? std::optional(abort.node) : std::nullopt);
    tell_and_close(abort);
    throw *failure_;
}

// Why somebody closed its link, said as the last thing before.
std::optional<TreeAbort> TreeNode::find_abort(Neighbour& from) {
    try {
        for (;;) {
            const auto arrival = from.link->wait(tag_, Deadline::after(word_patience));
            if (!arrival) return std::nullopt;
            if (!arrival->note.empty()) {
                const TreeNote note = decode_tree_note(arrival->note);
                if (const auto* abort = std::get_if<TreeAbort>(&note)) return *abort;
            }
            (void)from.link->receive(tag_, Deadline::after(word_patience));
        }
    } catch (const Error&) {
        // There is none: it ended without a word, or speaks nonsense.
        return std::nullopt;
    }
}

void TreeNode::tell_and_close(const TreeAbort& abort) {
    const Bytes note = encode(abort);
    const auto for_each = [this](auto step) {
        if (!is_root()) step(parent_);
        for (Neighbour& child : children_) step(child);
    };
    for_each([&](Neighbour& neighbour) {
        try {
            neighbour.link->send(note, {}, tag_, Deadline::after(word_patience));
        } catch (const Error&) {
            // It is lost itself, or takes nothing in: it hears of the end.
        }
    });
    for_each([](Neighbour& neighbour) { neighbour.link->close(); });
}

}  // namespace ipcrun
