// SPDX-License-Identifier: Apache-2.0
// A libFuzzer target for what a stranger may send to a listener, or answer to who dials: hellos and
// proofs, headers of frames, encrypted records; and for addresses that people write. The first byte
// picks one. Random numbers are the same each time, so that an exchange that is recorded as a seed
// goes all the way; nothing else may.
#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "base/address.hpp"
#include "base/fail.hpp"
#include "runtime/stream/frame.hpp"
#include "runtime/stream/handshake.hpp"
#include "runtime/stream/records.hpp"
#include "tests/fuzz/seeds.hpp"

using namespace ipcrun;

namespace {

std::uint32_t last_random = 0;

randombytes_implementation same_each_time() {
    randombytes_implementation result{};
    result.implementation_name = [] { return "the same each time"; };
    result.random = [] { return last_random = last_random * 1664525u + 1013904223u; };
    result.buf = [](void* buffer, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i)
            static_cast<std::uint8_t*>(buffer)[i] = static_cast<std::uint8_t>(
                (last_random = last_random * 1664525u + 1013904223u) >> 24);
    };
    return result;
}

void prepare() {
    static randombytes_implementation numbers = same_each_time();
    static const bool is_prepared =
        randombytes_set_implementation(&numbers) == 0 && sodium_init() == 0;
    check(is_prepared, "libsodium does not start");
}

const Key& shared_key() {
    static const Key key = key_of_text("the key of the fuzzer");
    return key;
}

// Both ends of an exchange whose random numbers are always the same.
struct Ends {
    int start = last_random = 1;  // before the others draw
    Handshake client{Role::client, shared_key(), true, "ipc"};
    Handshake server{Role::server, shared_key(), false, "ipc"};
};

// How many bytes were taken.
std::size_t feed(Handshake& handshake, std::span<const std::uint8_t> bytes) {
    std::size_t taken = 0;
    while (handshake.wants() != 0 && bytes.size() - taken >= handshake.wants()) {
        const std::size_t size = handshake.wants();
        handshake.consume(bytes.subspan(taken, size));
        taken += size;
    }
    return taken;
}

// What a server, or a client, has to hear.
struct Recorded {
    Bytes for_server, for_client;
};

Recorded record() {
    Ends ends;
    Recorded said;
    const auto carry = [](Handshake& from, Handshake& to, Bytes& record) {
        const Bytes bytes = from.take_output();
        record.insert(record.end(), bytes.begin(), bytes.end());
        check(feed(to, bytes) == bytes.size(), "a correct peer was not heard out");
    };
    for (int turn = 0; turn < 2; ++turn) {
        carry(ends.client, ends.server, said.for_server);
        carry(ends.server, ends.client, said.for_client);
    }
    check(ends.client.wants() == 0 && ends.server.wants() == 0, "a correct exchange has no end");
    return said;
}

void try_handshake(Role role, std::span<const std::uint8_t> bytes) {
    static const Recorded said = record();
    const Bytes& right = role == Role::server ? said.for_server : said.for_client;
    Ends ends;
    Handshake& own = role == Role::server ? ends.server : ends.client;
    try {
        const std::size_t taken = feed(own, bytes);
        if (own.wants() != 0) return;
        check(std::equal(right.begin(), right.end(), bytes.begin(),
                         bytes.begin() + static_cast<std::ptrdiff_t>(taken)),
              "somebody without the key came in");
    } catch (const Error& error) {
        check(error.code == ErrorCode::protocol || error.code == ErrorCode::config,
              "a handshake failed for another reason than bytes");
        check(own.wants() != 0, "a handshake failed and is done");
    }
}

void try_frame(std::span<const std::uint8_t> bytes) {
    FrameHeaderBytes header{};
    if (bytes.size() < header.size()) return;
    std::copy_n(bytes.begin(), header.size(), header.begin());
    try {
        check(encode_frame_header(decode_frame_header(header)) == header, "a header changed");
    } catch (const Error& error) {
        check(error.code == ErrorCode::protocol, "a header failed for another reason than bytes");
    }
}

// The first byte says how many come at a time.
void try_records(std::span<const std::uint8_t> bytes) {
    if (bytes.empty()) return;
    const std::size_t step = 1 + bytes[0];
    bytes = bytes.subspan(1);
    RecordOpener opener(shared_key());
    std::array<std::uint8_t, 100> plain;
    try {
        while (!bytes.empty()) {
            const iovec room = opener.room();
            const std::size_t count = std::min({step, room.iov_len, bytes.size()});
            std::memcpy(room.iov_base, bytes.data(), count);
            opener.added(count);
            bytes = bytes.subspan(count);
            for (;;) {
                const iovec to{plain.data(), plain.size()};
                Cursor cursor({&to, 1});
                if (opener.open(cursor, "it") == 0) break;
            }
        }
    } catch (const Error& error) {
        check(error.code == ErrorCode::protocol, "a record failed for another reason than bytes");
    }
}

void try_address(std::span<const std::uint8_t> bytes) {
    try {
        const Address address =
            parse_address({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        check(parse_address(format_address(address)) == address, "an address changed");
    } catch (const Error& error) {
        check(error.code == ErrorCode::usage, "an address failed for another reason than its text");
    }
}

}  // namespace

void fuzz::add_seeds(Seeds& seeds) {
    prepare();
    const Recorded said = record();
    seeds.add(0, said.for_server);
    seeds.add(1, said.for_client);
    Ends ends;
    Bytes refused = ends.client.take_output();
    refused[8] = 9;  // a version that is not ours
    seeds.add(0, refused);
    seeds.add(2, encode_frame_header({.tag = 7, .note_bytes = 3, .body_bytes = 1 << 20}));
    seeds.add(2, encode_frame_header({.kind = FrameKind::goodbye}));
    RecordSealer sealer(shared_key());
    Bytes sealed{20};
    for (const std::size_t size : {5, 300}) {
        const std::string text(size, 'x');
        const iovec from{const_cast<char*>(text.data()), text.size()};
        Cursor cursor({&from, 1});
        (void)sealer.seal(cursor, sealed);
    }
    seeds.add(3, sealed);
    for (const std::string_view text : {"10.0.0.1:80", "[::1]:80", "unix:@x", "unix:/run/x"})
        seeds.add(4, text);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    prepare();
    if (size == 0) return 0;
    const auto bytes = std::span(data, size).subspan(1);
    switch (data[0] % 5) {
        case 0:
            try_handshake(Role::server, bytes);
            break;
        case 1:
            try_handshake(Role::client, bytes);
            break;
        case 2:
            try_frame(bytes);
            break;
        case 3:
            try_records(bytes);
            break;
        default:
            try_address(bytes);
    }
    return 0;
}
