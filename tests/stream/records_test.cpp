// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/records.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "tests/stream/stream_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

const Key key = key_of_text("the key of these records");

Bytes seal(RecordSealer& sealer, std::string_view text) {
    Bytes sealed;
    const iovec buffer{const_cast<char*>(text.data()), text.size()};
    for (Cursor cursor({&buffer, 1}); cursor.bytes_left() > 0;) (void)sealer.seal(cursor, sealed);
    return sealed;
}

// What an opener makes of bytes that come in pieces of `step`.
std::string open(RecordOpener& opener, const Bytes& sealed, std::size_t bytes_max,
                 std::size_t step = 1 << 30) {
    std::string text(bytes_max, '\0');
    std::size_t opened = 0;
    for (std::size_t at = 0; at < sealed.size();) {
        const iovec room = opener.room();
        const std::size_t count = std::min({step, room.iov_len, sealed.size() - at});
        std::memcpy(room.iov_base, sealed.data() + at, count);
        opener.added(count);
        at += count;
        for (;;) {
            const iovec buffer{text.data() + opened, bytes_max - opened};
            Cursor cursor({&buffer, 1});
            const std::size_t got = opener.open(cursor, "it");
            opened += got;
            if (got == 0) break;
        }
    }
    text.resize(opened);
    return text;
}

}  // namespace

TEST_CASE("records: texts of all sizes are opened again, however they come in pieces") {
    for (const std::size_t size : {1, 100, 65535, 65536, 65537, 200'000}) {
        const std::string text(size, 'a');
        for (const std::size_t step : {1, 7, 4096, 1 << 20}) {
            if (size > 70'000 && step == 1) continue;
            RecordSealer sealer(key);
            RecordOpener opener(key);
            CHECK(open(opener, seal(sealer, text), size, step) == text);
            CHECK(open(opener, seal(sealer, "more"), 4, step) == "more");
        }
    }
}

TEST_CASE("records: the plain text does not show, and equal texts look different") {
    RecordSealer sealer(key);
    const std::string text = "attack at dawn, attack at dawn";
    const Bytes first = seal(sealer, text), second = seal(sealer, text);
    CHECK(std::search(first.begin(), first.end(), text.begin(), text.begin() + 6) == first.end());
    CHECK_FALSE(std::equal(second.begin() + 4, second.end(), first.end() - 47));
}

TEST_CASE("records: a flipped bit at any place is refused, or nothing comes of it") {
    RecordSealer sealer(key);
    Bytes sealed = seal(sealer, "first");
    const std::size_t first_end = sealed.size();
    // More follows than the longest record: a length that was made longer is found out.
    for (int i = 0; i < 3; ++i) {
        const Bytes more = seal(sealer, std::string(60'000, 'x'));
        sealed.insert(sealed.end(), more.begin(), more.end());
    }
    for (std::size_t bit = 0; bit < first_end * 8; ++bit) {
        Bytes changed = sealed;
        changed[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
        RecordOpener opener(key);
        std::string text;
        const auto code = error_of([&] { text = open(opener, changed, 200'000); }).first;
        CAPTURE(bit);
        CHECK(code == ErrorCode::protocol);
        CHECK(text.empty());
        // And so it stays.
        char byte;
        const iovec buffer{&byte, 1};
        Cursor cursor({&buffer, 1});
        CHECK_THROWS_AS((void)opener.open(cursor, "it"), Error);
    }
}

TEST_CASE("records: what is left out, repeated or in another order is refused") {
    RecordSealer sealer(key);
    const Bytes one = seal(sealer, "one"), two = seal(sealer, "two"), three = seal(sealer, "333");
    const auto join = [](const Bytes& a, const Bytes& b) {
        Bytes both = a;
        both.insert(both.end(), b.begin(), b.end());
        return both;
    };
    for (const Bytes& changed : {join(one, three), join(join(one, two), two),
                                 join(join(one, three), two), join(one, one)}) {
        RecordOpener opener(key);
        CHECK(error_of([&] { (void)open(opener, changed, 100); }).first == ErrorCode::protocol);
    }
}

TEST_CASE("records: a cut anywhere gives what was whole, and waits for the rest") {
    RecordSealer sealer(key);
    Bytes sealed = seal(sealer, "one");
    const std::size_t first = sealed.size();
    const Bytes more = seal(sealer, "two");
    sealed.insert(sealed.end(), more.begin(), more.end());
    for (std::size_t cut = 0; cut <= sealed.size(); ++cut) {
        RecordOpener opener(key);
        const Bytes head(sealed.begin(), sealed.begin() + static_cast<std::ptrdiff_t>(cut));
        const std::string expected = cut == sealed.size() ? "onetwo" : cut >= first ? "one" : "";
        CHECK(open(opener, head, 100) == expected);
    }
}

TEST_CASE("records: what was sealed by another key, or for the other direction, is refused") {
    RecordSealer sealer(key);
    RecordOpener opener(Key::random());
    CHECK(error_of([&] { (void)open(opener, seal(sealer, "text"), 100); }).first ==
          ErrorCode::protocol);
}

TEST_CASE("records: a bad record behind good ones is refused when those have been given") {
    RecordSealer sealer(key);
    Bytes sealed = seal(sealer, "good");
    Bytes bad = seal(sealer, "bad");
    bad.back() ^= 1;
    sealed.insert(sealed.end(), bad.begin(), bad.end());
    RecordOpener opener(key);
    const iovec room = opener.room();
    std::memcpy(room.iov_base, sealed.data(), sealed.size());
    opener.added(sealed.size());
    std::string text(100, '\0');
    const iovec buffer{text.data(), text.size()};
    Cursor cursor({&buffer, 1});
    CHECK(opener.open(cursor, "it") == 4);
    CHECK(opener.has_more());
    CHECK_THROWS_AS((void)opener.open(cursor, "it"), Error);
}
