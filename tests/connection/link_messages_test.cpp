// SPDX-License-Identifier: Apache-2.0
// What goes over a link of any kind comes out as it went in.
#include <doctest/doctest.h>

#include <numeric>

#include "tests/connection/link_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

TEST_CASE("link: messages of all sizes arrive as they were sent, into parts and into memory") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        for (const std::size_t size : {0u, 1u, 8u, 1000u, 2048u, 2049u, 16'360u, 16'384u, 65'536u,
                                       100'001u, 1u << 20, (64u << 20) + 3}) {
            CAPTURE(size);
            auto sent = pattern(size, 7);
            std::vector<std::uint8_t> got(size);
            run_both(
                [&] {
                    send_bytes(*ends.first, sent);
                    send_bytes(*ends.first, sent);
                },
                [&] {
                    receive_bytes(*ends.second, got);
                    const Message message = ends.second->receive(0, soon());
                    REQUIRE(message.envelope.bytes == size);
                    CHECK((size == 0 ||
                           std::memcmp(message.storage->data(), sent.data(), size) == 0));
                });
            CHECK(got == sent);
        }
    }
}

TEST_CASE("link: the note and the dtype are known before the message is received") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        std::vector<float> numbers{1, 2, 3};
        const Part part = part_of(numbers);
        ends.first->send(bytes_of("about"), {&part, 1}, 5, soon());
        const auto arrival = ends.second->wait(5, soon());
        REQUIRE(arrival);
        CHECK(arrival->bytes == 12);
        CHECK(arrival->dtype == Dtype::f32);
        CHECK(text_of(arrival->note) == "about");
        std::vector<float> got(3);
        const Part target = part_of(got);
        ends.second->receive_into({&target, 1}, 5, soon());
        CHECK(got == numbers);
        CHECK_FALSE(ends.second->wait(5, now()));
        send_text(*ends.first, "plain", 5);
        CHECK(ends.second->wait(5, soon())->note.empty());
        CHECK(text_of(ends.second->receive(5, soon())) == "plain");
    }
}

TEST_CASE("link: short and long messages keep their order, with and without notes") {
    // Around what travels with its note, with one of them or in a record.
    std::vector<std::size_t> sizes{0, 1, 40, 41, 70'000};
    for (const std::size_t edge : {1012u, 2024u, 2036u, 2048u})
        for (std::size_t size = edge - 2; size <= edge + 2; ++size) sizes.push_back(size);
    const std::vector<std::size_t> note_sizes{0, 1, 12, note_bytes_max};
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        const auto each = [&](const auto& act) {
            std::uint32_t number = 0;
            for (const std::size_t size : sizes)
                for (const std::size_t note_size : note_sizes) act(size, note_size, ++number);
        };
        run_both(
            [&] {
                each([&](std::size_t size, std::size_t note_size, std::uint32_t number) {
                    auto body = pattern(size, number);
                    const Part part = part_of(body);
                    ends.first->send(pattern(note_size, number + 1), {&part, 1}, 0, soon());
                });
            },
            [&] {
                each([&](std::size_t size, std::size_t note_size, std::uint32_t number) {
                    CAPTURE(size);
                    CAPTURE(note_size);
                    const auto arrival = ends.second->wait(0, soon());
                    REQUIRE(arrival);
                    REQUIRE(arrival->bytes == size);
                    CHECK(std::vector<std::uint8_t>(arrival->note.begin(), arrival->note.end()) ==
                          pattern(note_size, number + 1));
                    std::vector<std::uint8_t> got(size + 1);
                    if (number % 2 == 0) {
                        // One that does not fit stays.
                        CHECK(error_of([&] { receive_bytes(*ends.second, got); }).code ==
                              ErrorCode::mismatch);
                        got.resize(size);
                        receive_bytes(*ends.second, got);
                    } else {
                        const Message message = ends.second->receive(0, soon());
                        REQUIRE(message.envelope.bytes == size);
                        got.resize(size);
                        if (size != 0) std::memcpy(got.data(), message.storage->data(), size);
                    }
                    CHECK(got == pattern(size, number));
                });
            });
        CHECK_FALSE(ends.second->wait(0, now()));
    }
}

TEST_CASE("link: a note of a message that was not sent is replaced by that of a short one") {
    for (const Carrier carrier : {Carrier::process, Carrier::memory}) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        std::vector<std::uint8_t> large(300 << 20);
        const Part part = part_of(large);
        const auto soon_over = Deadline::after(Seconds(0.02));
        CHECK(error_of([&] {
                  ends.first->send(bytes_of("in vain"), {&part, 1}, 0, soon_over);
              }).code == ErrorCode::timeout);
        CHECK(text_of(ends.second->wait(0, soon())->note) == "in vain");
        send_text(*ends.first, "short", 0, "with a note");
        send_text(*ends.first, "without");
        CHECK(text_of(ends.second->wait(0, soon())->note) == "with a note");
        CHECK(ends.second->has_whole(0));
        CHECK(text_of(ends.second->receive(0, soon())) == "short");
        CHECK(text_of(ends.second->receive(0, soon())) == "without");
    }
}

TEST_CASE("link: elements of every dtype, i8 among them, keep it, with and without a note") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        for (int dtype = 0; dtype < dtype_count; ++dtype) {
            for (const std::string_view note : {"", "a note"}) {
                CAPTURE(dtype);
                auto bytes = pattern(16 * 8, 3);
                const Part part{bytes.data(), bytes.size() / size_of(Dtype(dtype)), Dtype(dtype)};
                std::vector<std::uint8_t> got(bytes.size());
                Part target = part;
                target.data = got.data();
                ends.first->send(bytes_of(note), {&part, 1}, 0, soon());
                ends.second->receive_into({&target, 1}, 0, soon());
                CHECK(got == bytes);
                ends.first->send(bytes_of(note), {&part, 1}, 0, soon());
                const Message message = ends.second->receive(0, soon());
                CHECK(message.envelope.dtype == Dtype(dtype));
                CHECK(message.storage->dtype() == Dtype(dtype));
                CHECK(std::memcmp(message.storage->data(), bytes.data(), bytes.size()) == 0);
            }
        }
    }
}

TEST_CASE("link: a receiver that waits before a message with a note comes gets it") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        for (const std::size_t size : {10u, 100'000u}) {
            auto sent = pattern(size, 9);
            std::vector<std::uint8_t> got(size);
            run_both(
                [&] {
                    CHECK_FALSE(ends.first->wait(0, Deadline::after(Seconds(0.02))));
                    const Part part = part_of(sent);
                    ends.first->send(bytes_of("note"), {&part, 1}, 0, soon());
                },
                [&] { receive_bytes(*ends.second, got); });
            CHECK(got == sent);
        }
    }
}

TEST_CASE("link: several parts, strided ones among them, are one message") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        // 700 x 500 of 700 x 1000, then three numbers, then every second of a row, transposed.
        std::vector<float> wide(700 * 1000), few{1, 2, 3};
        std::iota(wide.begin(), wide.end(), 0.0f);
        const std::vector<std::int64_t> sizes{700, 500}, strides{1000, 2}, turned{1, 1000};
        const std::vector<std::int64_t> back_sizes{500, 700};
        const std::vector<Part> parts{{wide.data(), 350'000, Dtype::f32, sizes, strides},
                                      {few.data(), 3, Dtype::f32, {}, {}},
                                      {nullptr, 0, Dtype::f32, {}, {}},
                                      {wide.data(), 350'000, Dtype::f32, back_sizes, turned}};
        std::vector<float> target(700 * 1000, -1), first(350'000), middle(2), last(350'001);
        const std::vector<Part> targets{
            {target.data(), 350'000, Dtype::f32, sizes, strides}, part_of(middle), part_of(last)};
        run_both([&] { ends.first->send({}, parts, 0, soon()); },
                 [&] { ends.second->receive_into(targets, 0, soon()); });
        bool is_right = middle[0] == 1 && middle[1] == 2 && last[0] == 3;
        for (std::size_t i = 0; i < 700; ++i)
            for (std::size_t j = 0; j < 500; ++j) {
                is_right = is_right && target[i * 1000 + 2 * j] == wide[i * 1000 + 2 * j];
                is_right = is_right && target[i * 1000 + 2 * j + 1] == -1;
                is_right = is_right && last[1 + j * 700 + i] == wide[i * 1000 + j];
            }
        CHECK(is_right);
    }
}

TEST_CASE("link: each tag is a row of its own, received in any order of tags") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        auto large = pattern(3 << 20, 1);
        run_both(
            [&] {
                send_text(*ends.first, "a1", 1);
                send_bytes(*ends.first, large, 2);
                send_text(*ends.first, "a2", 1, "note");
                send_text(*ends.first, "b", 2147483647);
            },
            [&] {
                CHECK(text_of(ends.second->receive(2147483647, soon())) == "b");
                CHECK(text_of(ends.second->receive(1, soon())) == "a1");
                std::vector<std::uint8_t> got(large.size());
                receive_bytes(*ends.second, got, 2);
                CHECK(got == large);
                CHECK(text_of(ends.second->wait(1, soon())->note) == "note");
                CHECK(text_of(ends.second->receive(1, soon())) == "a2");
            });
    }
}

TEST_CASE("link: a message of another size or dtype is a mismatch, and stays") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        for (const std::string_view note : {"", "x"}) {
            Ends ends(carrier);
            send_text(*ends.first, "four", 0, note);
            std::vector<std::uint8_t> five(5);
            std::vector<float> one(1);
            const Part number = part_of(one);
            CHECK(error_of([&] { receive_bytes(*ends.second, five); }).code == ErrorCode::mismatch);
            const Error error = error_of([&] {
                ends.second->receive_into({&number, 1}, 0, soon());
            });
            CHECK(error.code == ErrorCode::mismatch);
            CHECK(std::string(error.what()) ==
                  "receive 4 bytes: the message has 4 bytes of u8, and 4 bytes of f32 were to be "
                  "received");
            CHECK(text_of(ends.second->receive(0, soon())) == "four");
        }
    }
}

TEST_CASE("link: calls that make no sense are refused before anything is sent") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        CHECK(error_of([&] { send_text(*ends.first, "x", -1); }).code == ErrorCode::usage);
        const std::string long_note(note_bytes_max + 1, 'n');
        CHECK(error_of([&] { send_text(*ends.first, "x", 0, long_note); }).code ==
              ErrorCode::usage);
        CHECK(error_of([&] { (void)ends.second->wait(-1, now()); }).code == ErrorCode::usage);
        send_text(*ends.first, "x", 0, std::string(note_bytes_max, 'n'));
        CHECK(ends.second->wait(0, soon())->note.size() == note_bytes_max);
        CHECK(text_of(ends.second->receive(0, soon())) == "x");
    }
}

TEST_CASE("link: many small messages pass in both directions at once") {
    for (const Carrier carrier : all_carriers()) {
        CAPTURE(name_of(carrier));
        Ends ends(carrier);
        const auto talk = [](Link& link) {
            for (int i = 0; i < 5000; ++i) send_text(link, std::to_string(i), i % 3);
            for (int i = 0; i < 5000; ++i)
                if (text_of(link.receive(i % 3, soon())) != std::to_string(i))
                    fail(ErrorCode::internal, "message {} is another", i);
        };
        run_both([&] { talk(*ends.first); }, [&] { talk(*ends.second); });
    }
}
