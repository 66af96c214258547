// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/step_protocol.hpp"

#include "base/fail.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t text_bytes_max = 48 * 1024;

void write(Encoder&, const Alone&) {}
void write(Encoder& out, const Seated& seated) {
    out.list(seated.settings, [](Encoder& list, const std::string& text) { list.string(text); });
}
void write(Encoder& out, const NotSeated& refused) {
    out.number(refused.code);
    out.string(std::string_view(refused.reason).substr(0, text_bytes_max));
}

Seated read_seated(Decoder& in) {
    Seated seated{in.list<std::string>([](Decoder& list) { return list.string(); })};
    for (const std::string& setting : seated.settings)
        if (setting.find('=') == setting.npos || setting.starts_with('=') ||
            setting.find('\0') != setting.npos)
            fail(ErrorCode::protocol, "decode: a setting is not NAME=value");
    return seated;
}

NotSeated read_refusal(Decoder& in) {
    const auto code = in.number<ErrorCode>();
    if (code < ErrorCode::usage || code > ErrorCode::internal)
        fail(ErrorCode::protocol, "decode: there is no such kind of failure");
    return {code, in.string()};
}

StepAnswer read(Decoder& in) {
    switch (in.number<std::uint8_t>()) {
        case 0:
            return Alone{};
        case 1:
            return read_seated(in);
        case 2:
            return read_refusal(in);
        default:
            fail(ErrorCode::protocol, "decode: there is no such answer");
    }
}

}  // namespace

Bytes encode(const StepAnswer& answer) {
    Encoder out;
    out.number(static_cast<std::uint8_t>(answer.index()));
    std::visit([&out](const auto& body) { write(out, body); }, answer);
    return out.take();
}

StepAnswer decode_step_answer(std::span<const std::uint8_t> bytes) {
    Decoder in(bytes);
    StepAnswer answer = read(in);
    in.end();
    return answer;
}

}  // namespace ipcrun
