// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/tree_note.hpp"

#include <algorithm>

#include "base/fail.hpp"
#include "runtime/collective.hpp"

namespace ipcrun {

namespace {

constexpr std::uint8_t call_mark = 'c', abort_mark = 'a';
constexpr std::size_t text_bytes_max = 800;

TreeCall decode_call(Decoder& decoder) {
    TreeCall call;
    call.sequence = decoder.number<std::uint32_t>();
    call.print.kind = decoder.number<std::uint8_t>();
    call.print.op = decoder.number<std::uint8_t>();
    call.print.dtype = decoder.number<std::uint8_t>();
    call.print.flags = decoder.number<std::uint8_t>();
    call.print.root = decoder.number<std::uint32_t>();
    call.print.shape = decoder.number<std::uint64_t>();
    call.levels = decoder.number<std::uint32_t>();
    // They have names, which may be asked for.
    if (call.print.kind > static_cast<std::uint8_t>(Collective::Kind::alltoall) ||
        call.print.op > static_cast<std::uint8_t>(Op::bxor) || call.print.dtype >= dtype_count)
        fail(ErrorCode::protocol, "read the note of a tree: there is no such operation");
    return call;
}

TreeAbort decode_abort(Decoder& decoder) {
    TreeAbort abort;
    const auto code = decoder.number<std::uint8_t>();
    if (code > static_cast<std::uint8_t>(ErrorCode::internal))
        fail(ErrorCode::protocol, "read the note of a tree: there is no error {}", code);
    abort.code = static_cast<ErrorCode>(code);
    abort.is_relayed = decoder.boolean();
    abort.text = decoder.string();
    abort.node = decoder.number<std::int32_t>();
    if (abort.node < -1)
        fail(ErrorCode::protocol, "read the note of a tree: there is no node {}", abort.node);
    return abort;
}

}  // namespace

Bytes encode(const TreeNote& note) {
    Encoder encoder;
    if (const auto* call = std::get_if<TreeCall>(&note)) {
        encoder.number(call_mark);
        encoder.number(call->sequence);
        encoder.number(call->print.kind);
        encoder.number(call->print.op);
        encoder.number(call->print.dtype);
        encoder.number(call->print.flags);
        encoder.number(call->print.root);
        encoder.number(call->print.shape);
        encoder.number(call->levels);
    } else {
        const auto& abort = std::get<TreeAbort>(note);
        encoder.number(abort_mark);
        encoder.number(static_cast<std::uint8_t>(abort.code));
        encoder.number(static_cast<std::uint8_t>(abort.is_relayed ? 1 : 0));
        encoder.string(std::string_view(abort.text).substr(0, text_bytes_max));
        encoder.number(static_cast<std::int32_t>(abort.node));
    }
    return encoder.take();
}

TreeNote decode_tree_note(std::span<const std::uint8_t> bytes) {
    Decoder decoder(bytes);
    const auto mark = decoder.number<std::uint8_t>();
    TreeNote note;
    if (mark == call_mark)
        note = decode_call(decoder);
    else if (mark == abort_mark)
        note = decode_abort(decoder);
    else
        fail(ErrorCode::protocol, "read the note of a tree: there is no kind {}", mark);
    decoder.end();
    return note;
}

}  // namespace ipcrun
