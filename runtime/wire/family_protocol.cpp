// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/family_protocol.hpp"

#include <string_view>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t text_bytes_max = 48 * 1024;

std::string_view cut(std::string_view text) {
    return text.substr(0, text_bytes_max);
}

void write(Encoder& out, const std::vector<std::string>& texts) {
    out.list(texts, [](Encoder& list, const std::string& text) { list.string(text); });
}

std::vector<std::string> read_texts(Decoder& in) {
    return in.list<std::string>([](Decoder& list) { return list.string(); });
}

void write(Encoder& out, const Hello& hello) {
    out.number(hello.version);
    out.number(hello.pid);
}
void write(Encoder& out, const Spawn& spawn) {
    out.number(spawn.id);
    out.string(spawn.program);
    write(out, spawn.argv);
    write(out, spawn.environment);
    for (const std::uint8_t byte : spawn.secret) out.number(byte);
}
void write(Encoder& out, const SignalChild& signal) {
    out.number(signal.id);
    out.number(signal.number);
}
void write(Encoder& out, const CloseAll& close) {
    out.number(close.grace_ms);
}

void write(Encoder& out, const Spawned& spawned) {
    out.number(spawned.id);
    out.number(spawned.pid);
}
void write(Encoder& out, const NotSpawned& failure) {
    out.number(failure.id);
    out.string(cut(failure.reason));
}
void write(Encoder& out, const ChildEnded& end) {
    out.number(end.id);
    out.number(end.wait_status);
    out.number(end.out_of_memory);
    out.string(cut(end.report));
}
void write(Encoder& out, const Closed& closed) {
    out.number(closed.survivors);
}

ToFamilyAgent read_to_family_agent(Decoder& in) {
    switch (in.number<std::uint8_t>()) {
        case 0: {
            Hello hello;
            hello.version = in.number<std::uint32_t>();
            hello.pid = in.number<std::int32_t>();
            return hello;
        }
        case 1: {
            Spawn spawn;
            spawn.id = in.number<std::uint32_t>();
            spawn.program = in.string();
            spawn.argv = read_texts(in);
            spawn.environment = read_texts(in);
            for (std::uint8_t& byte : spawn.secret) byte = in.number<std::uint8_t>();
            return spawn;
        }
        case 2: {
            SignalChild signal;
            signal.id = in.number<std::uint32_t>();
            signal.number = in.number<std::int32_t>();
            return signal;
        }
        case 3:
            return CloseAll{in.number<std::uint32_t>()};
        default:
            fail(ErrorCode::protocol, "decode: no such message of a parent to its agent");
    }
}

ToParent read_to_parent(Decoder& in) {
    switch (in.number<std::uint8_t>()) {
        case 0: {
            Spawned spawned;
            spawned.id = in.number<std::uint32_t>();
            spawned.pid = in.number<std::int32_t>();
            return spawned;
        }
        case 1: {
            NotSpawned failure;
            failure.id = in.number<std::uint32_t>();
            failure.reason = in.string();
            return failure;
        }
        case 2: {
            ChildEnded end;
            end.id = in.number<std::uint32_t>();
            end.wait_status = in.number<std::int32_t>();
            end.out_of_memory = in.boolean();
            end.report = in.string();
            return end;
        }
        case 3:
            return Closed{in.number<std::uint32_t>()};
        default:
            fail(ErrorCode::protocol, "decode: no such message of an agent to its parent");
    }
}

template <typename Variant>
Bytes encode_variant(const Variant& message) {
    Encoder out;
    out.number(static_cast<std::uint8_t>(message.index()));
    std::visit([&out](const auto& body) { write(out, body); }, message);
    return out.take();
}

}  // namespace

Bytes encode(const ToFamilyAgent& message) {
    Bytes bytes = encode_variant(message);
    if (bytes.size() > spawn_bytes_max)
        fail(ErrorCode::usage,
             "start '{}': its arguments and environment take {} bytes, and {} is the most that go "
             "(send the rest as a message)",
             std::get<Spawn>(message).program, bytes.size(), spawn_bytes_max);
    return bytes;
}

Bytes encode(const ToParent& message) {
    return encode_variant(message);
}

ToFamilyAgent decode_to_family_agent(std::span<const std::uint8_t> bytes) {
    if (bytes.size() > spawn_bytes_max)
        fail(ErrorCode::protocol, "decode: a message of {} bytes to an agent", bytes.size());
    Decoder in(bytes);
    ToFamilyAgent message = read_to_family_agent(in);
    in.end();
    return message;
}

ToParent decode_to_parent(std::span<const std::uint8_t> bytes) {
    Decoder in(bytes);
    ToParent message = read_to_parent(in);
    in.end();
    return message;
}

}  // namespace ipcrun
