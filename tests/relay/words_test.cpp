// SPDX-License-Identifier: Apache-2.0
// Proves that what relays say to each other comes as it went, and that nothing else is taken for
// it.
#include "relay/words.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"

using namespace ipcrun;

namespace {

template <typename Word>
Word there_and_back(const Word& word) {
    return std::get<Word>(decode_relay_word(encode(RelayWord(word))));
}

}  // namespace

TEST_CASE("relay words: each comes as it went") {
    CHECK(there_and_back(Begun{4711}).pid == 4711);
    CHECK(there_and_back(NotBegun{"no such file"}).reason == "no such file");
    const ChildOver over = there_and_back(ChildOver{9, true, "broken here"});
    CHECK(over.wait_status == 9);
    CHECK(over.out_of_memory);
    CHECK(over.report == "broken here");
    CHECK(there_and_back(Signalled{15}).number == 15);
    CHECK(there_and_back(Taken{1ull << 40}).bytes == 1ull << 40);
}

TEST_CASE("relay words: what is cut short, too long or of no kind is refused") {
    const Bytes good = encode(RelayWord(ChildOver{0, false, "text"}));
    for (std::size_t size = 0; size < good.size(); ++size)
        CHECK_THROWS_AS(decode_relay_word({good.data(), size}), Error);
    Bytes longer = good;
    longer.push_back(0);
    CHECK_THROWS_AS(decode_relay_word(longer), Error);
    Bytes unknown = good;
    unknown[0] = 99;
    CHECK_THROWS_AS(decode_relay_word(unknown), Error);
}
