// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/frame.hpp"

#include <limits>

#include "runtime/dtype.hpp"
#include "tests/hosts/hosts.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;
using Kind = HostFrameKind;

TEST_CASE("host frame: what is encoded is decoded") {
    const std::vector<HostFrame> frames{
        {.kind = Kind::welcome},
        {.kind = Kind::message, .dtype = 3, .context = 9, .tag = 0x7fffffff, .bytes = 32'768},
        {.kind = Kind::message},
        {.kind = Kind::announcement, .context = 1, .number = 5, .bytes = host_message_bytes_max},
        {.kind = Kind::request, .number = 1},
        {.kind = Kind::body, .number = 1, .bytes = host_piece_bytes_max},
        {.kind = Kind::withdrawal, .number = 7},
        {.kind = Kind::credit, .context = 0xffffffff, .bytes = 1},
        {.kind = Kind::held, .context = 1},
        {.kind = Kind::leave, .context = 1},
        {.kind = Kind::goodbye},
        {.kind = Kind::fabric, .bytes = host_fabric_bytes_max},
        {.kind = Kind::offer, .context = 1, .number = 5, .bytes = host_eager_bytes_max + 1},
        {.kind = Kind::pull, .number = 1, .bytes = std::numeric_limits<std::uint64_t>::max()},
        {.kind = Kind::arrival, .number = 1},
        {.kind = Kind::retreat},
    };
    for (const HostFrame& frame : frames)
        CHECK(decode_host_frame(encode_host_frame(frame)) == frame);
}

TEST_CASE("host frame: what no correct peer sends is an error of protocol") {
    const std::vector<HostFrame> frames{
        {.kind = static_cast<Kind>(host_frame_kind_count)},
        {.kind = Kind::welcome, .bytes = 1},
        {.kind = Kind::message, .bytes = host_eager_bytes_max + 1},
        {.kind = Kind::message, .tag = 0x80000000},
        {.kind = Kind::message, .dtype = dtype_count},
        {.kind = Kind::message, .dtype = 8, .bytes = 12},
        {.kind = Kind::message, .number = 1},
        {.kind = Kind::announcement, .number = 1, .bytes = host_eager_bytes_max},
        {.kind = Kind::announcement, .number = 0, .bytes = 1 << 20},
        {.kind = Kind::announcement, .number = 1, .bytes = host_message_bytes_max + 1},
        {.kind = Kind::body, .number = 1, .bytes = host_piece_bytes_max + 1},
        {.kind = Kind::body, .number = 1, .bytes = 0},
        {.kind = Kind::body, .bytes = 1},
        {.kind = Kind::request, .context = 1, .number = 1},
        {.kind = Kind::credit, .bytes = 0},
        {.kind = Kind::credit, .tag = 1, .bytes = 1},
        {.kind = Kind::goodbye, .number = 1},
        {.kind = Kind::fabric, .bytes = host_fabric_bytes_max + 1},
        {.kind = Kind::offer, .number = 1, .bytes = host_eager_bytes_max},
        {.kind = Kind::pull, .bytes = 1},
        {.kind = Kind::arrival, .number = 1, .bytes = 1},
        {.kind = Kind::retreat, .context = 1},
    };
    for (std::size_t i = 0; i < frames.size(); ++i) {
        CAPTURE(i);
        const auto bytes = encode_host_frame(frames[i]);
        CHECK(error_of([&] { (void)decode_host_frame(bytes); }).code == ErrorCode::protocol);
    }
    auto out_of_step = encode_host_frame({});
    ++out_of_step[0];
    CHECK(error_of([&] { (void)decode_host_frame(out_of_step); }).code == ErrorCode::protocol);
}
