// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/worker_protocol.hpp"

#include <string_view>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t text_bytes_max = 48 * 1024;

void write(Encoder& out, const Join& join) {
    out.number(join.version);
    out.number(join.pid);
}
void write(Encoder&, const Joined&) {}
void write(Encoder& out, const Refused& refused) {
    out.string(std::string_view(refused.reason).substr(0, text_bytes_max));
}
void write(Encoder& out, const Report& report) {
    out.number(report.kind);
    out.string(std::string_view(report.text).substr(0, text_bytes_max));
}
void write(Encoder&, const Leave&) {}
void write(Encoder& out, const Fence& fence) {
    out.number(fence.rank);
}
void write(Encoder& out, const OpenQueue& request) {
    out.number(request.id);
    out.number(request.capacity);
    out.string(request.name);
}
void write(Encoder& out, const QueueOpened& opened) {
    out.number(opened.id);
}
void write(Encoder& out, const QueueRefused& refused) {
    out.number(refused.id);
    out.string(std::string_view(refused.reason).substr(0, text_bytes_max));
}

OpenQueue read_open_queue(Decoder& in) {
    OpenQueue request;
    request.id = in.number<std::uint32_t>();
    request.capacity = in.number<std::uint64_t>();
    request.name = in.string();
    if (request.name.empty() || request.name.size() > queue_name_bytes_max)
        fail(ErrorCode::protocol, "decode: a name of {} bytes is none of a queue",
             request.name.size());
    return request;
}

WorkerMessage read(Decoder& in) {
    switch (in.number<std::uint8_t>()) {
        case 0: {
            Join join;
            join.version = in.number<std::uint32_t>();
            join.pid = in.number<std::int32_t>();
            return join;
        }
        case 1:
            return Joined{};
        case 2:
            return Refused{in.string()};
        case 3: {
            Report report;
            report.kind = in.number<Report::Kind>();
            if (report.kind > Report::Kind::peer_error)
                fail(ErrorCode::protocol, "decode: no such kind of report");
            report.text = in.string();
            return report;
        }
        case 4:
            return Leave{};
        case 5:
            return Fence{in.number<std::int32_t>()};
        case 6:
            return read_open_queue(in);
        case 7:
            return QueueOpened{in.number<std::uint32_t>()};
        case 8: {
            QueueRefused refused;
            refused.id = in.number<std::uint32_t>();
            refused.reason = in.string();
            return refused;
        }
        default:
            fail(ErrorCode::protocol, "decode: no such message between rank and agent");
    }
}

}  // namespace

Bytes encode(const WorkerMessage& message) {
    Encoder out;
    out.number(static_cast<std::uint8_t>(message.index()));
    std::visit([&out](const auto& body) { write(out, body); }, message);
    return out.take();
}

WorkerMessage decode_worker_message(std::span<const std::uint8_t> bytes) {
    Decoder in(bytes);
    WorkerMessage message = read(in);
    in.end();
    return message;
}

}  // namespace ipcrun
