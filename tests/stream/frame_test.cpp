// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/frame.hpp"

#include <doctest/doctest.h>

#include "tests/stream/stream_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

ErrorCode code_of(const FrameHeaderBytes& bytes) {
    return error_of([&] { (void)decode_frame_header(bytes); }).first;
}

}  // namespace

TEST_CASE("frame: a header comes back as it was") {
    for (const FrameHeader& header :
         {FrameHeader{},
          FrameHeader{
              .dtype = 7, .tag = 0x7fff'ffff, .note_bytes = 1024, .body_bytes = message_bytes_max},
          FrameHeader{.kind = FrameKind::goodbye}})
        CHECK(decode_frame_header(encode_frame_header(header)) == header);
}

TEST_CASE("frame: sizes and tags beyond their limits are refused") {
    CHECK(code_of(encode_frame_header({.tag = 0x8000'0000})) == ErrorCode::protocol);
    CHECK(code_of(encode_frame_header({.note_bytes = 1025})) == ErrorCode::protocol);
    CHECK(code_of(encode_frame_header({.body_bytes = message_bytes_max + 1})) ==
          ErrorCode::protocol);
    CHECK(code_of(encode_frame_header({.kind = FrameKind::goodbye, .body_bytes = 1})) ==
          ErrorCode::protocol);
    CHECK(code_of(encode_frame_header({.kind = static_cast<FrameKind>(frame_kind_count)})) ==
          ErrorCode::protocol);
}

TEST_CASE("frame: a stream out of step is found out") {
    const FrameHeaderBytes good = encode_frame_header({.dtype = 1, .tag = 2, .body_bytes = 3});
    CHECK(code_of(good) == ErrorCode::internal);  // no error at all
    for (const std::size_t at : {0, 1, 2, 3, 12, 13, 14, 15})
        for (int bit = 0; bit < 8; ++bit) {
            FrameHeaderBytes bytes = good;
            bytes[at] ^= static_cast<std::uint8_t>(1 << bit);
            CHECK(code_of(bytes) == ErrorCode::protocol);
        }
}
