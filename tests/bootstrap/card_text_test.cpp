// SPDX-License-Identifier: Apache-2.0
// Proves: cards come out of the values of a key-value store as they went in, or not at all.
#include "launcher/bootstrap/card_text.hpp"

#include <doctest/doctest.h>

#include <barrier>
#include <map>
#include <mutex>
#include <thread>

#include "launcher/bootstrap/bootstrap.hpp"
#include "launcher/bootstrap/key_value_store.hpp"

using namespace ipcrun;

namespace {

std::string bytes(std::size_t count) {
    std::string result;
    for (std::size_t i = 0; i < count; ++i) result.push_back(static_cast<char>(i * 37 + i / 256));
    return result;
}

// What all have put, seen by one of them; `fence` is that of all.
class Store final : public KeyValueStore {
  public:
    using Values = std::map<std::string, std::string>;
    Store(Values& values, std::mutex& mutex, std::barrier<>& barrier)
        : values_(values), mutex_(mutex), barrier_(barrier) {}
    void put(const std::string& key, const std::string& value) override {
        const std::lock_guard lock(mutex_);
        values_[key] = value;
    }
    void fence() override { barrier_.arrive_and_wait(); }
    std::string get(const std::string& key) override {
        const std::lock_guard lock(mutex_);
        return values_.at(key);
    }

  private:
    Values& values_;
    std::mutex& mutex_;
    std::barrier<>& barrier_;
};

}  // namespace

TEST_CASE("card text: any bytes come back, from pieces of any length") {
    for (const std::size_t count : {0UL, 1UL, 2UL, 3UL, 21UL, 22UL, 3000UL, card_bytes_max}) {
        for (const std::size_t chars_max : {32UL, 255UL, 1023UL}) {
            CAPTURE(count);
            CAPTURE(chars_max);
            const auto pieces = cut_card(bytes(count), chars_max);
            CHECK(count_pieces(pieces.front()) == static_cast<int>(pieces.size()));
            for (const auto& piece : pieces) {
                CHECK(!piece.empty());
                CHECK(piece.size() <= chars_max);
            }
            CHECK(join_card(pieces) == bytes(count));
        }
    }
}

TEST_CASE("card text: what is no card is refused") {
    using Pieces = std::vector<std::string>;
    CHECK(join_card({"1:aGVs"}) == "hel");
    CHECK(join_card({"2:aG", "Vs"}) == "hel");
    for (const Pieces& pieces :
         {Pieces{}, Pieces{""}, Pieces{"aGVs"}, Pieces{":aGVs"}, Pieces{"0:"}, Pieces{"01:aGVs"},
          Pieces{"-1:aGVs"}, Pieces{"1000:aGVs"}, Pieces{"2:aGVs"}, Pieces{"1:aG", "Vs"},
          Pieces{"2:aGVs", ""}, Pieces{"1:aGVs "}, Pieces{"1:aGVs="}, Pieces{"1:aG+s"},
          Pieces{"1:a"}, Pieces{"1:aGV"}, Pieces{"1:aG:s"}}) {
        CAPTURE(pieces.empty() ? "" : pieces.front());
        CHECK_THROWS_AS((void)join_card(pieces), Error);
    }
    CHECK_THROWS_AS((void)join_card({"1:" + std::string(card_bytes_max * 2, 'A')}), Error);
}

TEST_CASE("key-value store: each gets the cards of all, by rank") {
    constexpr int size = 3;
    constexpr std::size_t chars_max = 100;
    Store::Values values;
    std::mutex mutex;
    std::barrier barrier(size);
    std::vector<std::vector<std::string>> cards(size);
    std::vector<std::thread> tasks;
    for (int rank = 0; rank < size; ++rank)
        tasks.emplace_back([&, rank] {
            Store store(values, mutex, barrier);
            cards[rank] = exchange_cards(store, rank, size, bytes(200 * rank), chars_max);
        });
    for (auto& task : tasks) task.join();
    for (const auto& seen : cards)
        CHECK(seen == std::vector<std::string>{bytes(0), bytes(200), bytes(400)});
}
