// SPDX-License-Identifier: Apache-2.0
// A libFuzzer target for all that decodes bytes of another process. What it accepts must be what
// encoding gives back: a decoder that skips or invents bytes is found too.
//     CXX=clang++ meson setup build-fuzz && ninja -C build-fuzz tests/launcher/fuzz_decoders
//     build-fuzz/tests/launcher/fuzz_decoders -max_total_time=60
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/fail.hpp"
#include "launcher/agent_protocol.hpp"
#include "launcher/frames.hpp"
#include "launcher/process_table.hpp"
#include "runtime/wire/family_protocol.hpp"
#include "runtime/wire/worker_protocol.hpp"

using namespace ipcrun;

namespace {

template <typename Decode>
void try_decode(std::span<const std::uint8_t> bytes, Decode decode) {
    try {
        const auto message = decode(bytes);
        const Bytes again = encode(message);
        // Compared as bytes: a number that is not one is unequal to itself. Texts of reports may be
        // cut to fit a packet, never grow.
        check(again.size() <= bytes.size(), "a message grew");
        check(encode(decode(again)) == again, "a message changed");
    } catch (const Error& error) {
        check(error.code == ErrorCode::protocol, "a decoder failed for another reason than bytes");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto bytes = std::span(data, size).subspan(1);
    switch (data[0] % 7) {
        case 0:
            try_decode(bytes, decode_to_agent);
            break;
        case 1:
            try_decode(bytes, decode_to_launcher);
            break;
        case 2:
            try_decode(bytes, decode_worker_message);
            break;
        case 3:
            try_decode(bytes, decode_to_family_agent);
            break;
        case 4:
            try_decode(bytes, decode_to_parent);
            break;
        case 5:
            (void)parse_stat({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
            break;
        default:
            try {
                FrameReader reader;
                for (const std::uint8_t& byte : bytes) {
                    reader.feed({&byte, 1});
                    while (reader.next()) {
                    }
                }
            } catch (const Error&) {
                // A length beyond the limit.
            }
    }
    return 0;
}
