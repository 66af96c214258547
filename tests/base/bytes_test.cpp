// SPDX-License-Identifier: Apache-2.0
// Proves that values come back as they were written and that no byte string, however short or
// hostile, makes the decoder read or allocate beyond it.
#include "base/bytes.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace ipcrun;

namespace {

enum class Colour : std::uint8_t { red, green };

Bytes encode_all() {
    Encoder out;
    out.number(std::int8_t{-1});
    out.number(std::uint64_t{0x0102030405060708});
    out.number(-2.5);
    out.number(Colour::green);
    out.number(true);
    out.string("two\0parts" + std::string(1, '\0'));
    out.string("");
    out.list(std::vector<int>{7, 8}, [](Encoder& list, int item) { list.number(item); });
    return out.take();
}

/// Everything of encode_all(), read back; true when nothing has changed.
bool decode_all(std::span<const std::uint8_t> bytes) {
    Decoder in(bytes);
    bool same = in.number<std::int8_t>() == -1;
    same = in.number<std::uint64_t>() == 0x0102030405060708 && same;
    same = in.number<double>() == -2.5 && same;
    same = in.number<Colour>() == Colour::green && same;
    same = in.boolean() && same;
    same = in.string() == "two\0parts" + std::string(1, '\0') && same;
    same = in.string().empty() && same;
    const auto list = in.list<int>([](Decoder& items) { return items.number<int>(); });
    in.end();
    return same && list == std::vector{7, 8};
}

}  // namespace

TEST_CASE("bytes: values come back as they were written") {
    decode_all(encode_all());
}

TEST_CASE("bytes: numbers are little-endian on the wire") {
    Encoder out;
    out.number(std::uint32_t{0x01020304});
    CHECK(out.take() == Bytes{4, 3, 2, 1});
}

TEST_CASE("bytes: input cut at any length is an error") {
    const Bytes bytes = encode_all();
    for (std::size_t length = 0; length < bytes.size(); ++length) {
        CAPTURE(length);
        // A copy of its own, so that a sanitizer sees a read beyond it.
        const Bytes cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
        CHECK_THROWS_AS((void)decode_all(cut), Error);
    }
}

TEST_CASE("bytes: bytes left over are an error") {
    Bytes bytes = encode_all();
    bytes.push_back(0);
    CHECK_THROWS_WITH_AS((void)decode_all(bytes), "decode: 1 bytes left", Error);
}

TEST_CASE("bytes: a count that the bytes cannot hold is refused before memory is taken") {
    const Bytes hostile = {0xff, 0xff, 0xff, 0xff, 1, 2};
    CHECK_THROWS_AS((void)Decoder(hostile).string(), Error);
    CHECK_THROWS_WITH_AS((void)Decoder(hostile).list<int>([](Decoder&) { return 0; }),
                         "decode: 4294967295 items in 2 bytes", Error);
}

TEST_CASE("bytes: a truth value is 0 or 1") {
    const Bytes two = {2};
    CHECK_THROWS_AS((void)Decoder(two).boolean(), Error);
}

TEST_CASE("bytes: random input ends in a value or an error") {
    const unsigned seed = 7;
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 2000; ++round) {
        Bytes bytes(random() % 24);
        for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random() % 4);
        Decoder in(bytes);
        try {
            const auto strings = in.list<std::string>([](Decoder& list) { return list.string(); });
            CHECK(strings.size() <= bytes.size());
            in.end();
        } catch (const Error& error) {
            CHECK(error.code == ErrorCode::protocol);
        }
    }
}
