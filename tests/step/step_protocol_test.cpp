// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/step_protocol.hpp"

#include <doctest/doctest.h>

#include "base/socket.hpp"
#include "tests/step/steps.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

template <typename T>
T over_the_wire(const T& answer) {
    return std::get<T>(decode_step_answer(encode(StepAnswer(answer))));
}

}  // namespace

TEST_CASE("step answers: come out as they went in") {
    over_the_wire(Alone{});
    const std::vector<std::string> settings{"A=1", "B=", "C=x=y"};
    CHECK(over_the_wire(Seated{settings}).settings == settings);
    CHECK(over_the_wire(Seated{}).settings.empty());
    const NotSeated refused = over_the_wire(NotSeated{ErrorCode::timeout, "too late"});
    CHECK(refused.code == ErrorCode::timeout);
    CHECK(refused.reason == "too late");
}

TEST_CASE("step answers: one that is cut anywhere, or has more behind it, is an error") {
    for (const StepAnswer& answer : {StepAnswer(Alone{}), StepAnswer(Seated{{"A=1", "B=2"}}),
                                     StepAnswer(NotSeated{ErrorCode::config, "why"})}) {
        CAPTURE(answer.index());
        Bytes bytes = encode(answer);
        for (std::size_t length = 0; length < bytes.size(); ++length)
            CHECK(code_of([&] { decode_step_answer(std::span(bytes).first(length)); }) ==
                  ErrorCode::protocol);
        bytes.push_back(0);
        CHECK(code_of([&] { decode_step_answer(bytes); }) == ErrorCode::protocol);
    }
}

TEST_CASE("step answers: there is no other kind of them, nor of failures") {
    CHECK(code_of([] { decode_step_answer(Bytes{3}); }) == ErrorCode::protocol);
    CHECK(code_of([] { decode_step_answer(Bytes{255}); }) == ErrorCode::protocol);
    for (const int code : {-1, static_cast<int>(ErrorCode::internal) + 1})
        CHECK(code_of([&] {
                  over_the_wire(NotSeated{static_cast<ErrorCode>(code), "x"});
              }) == ErrorCode::protocol);
}

TEST_CASE("step answers: a setting is NAME=value") {
    CHECK(code_of([] { over_the_wire(Seated{{"A=1", "B"}}); }) == ErrorCode::protocol);
    CHECK(code_of([] { over_the_wire(Seated{{""}}); }) == ErrorCode::protocol);
    CHECK(code_of([] { over_the_wire(Seated{{std::string("A=\0", 3)}}); }) == ErrorCode::protocol);
    CHECK(code_of([] { over_the_wire(Seated{{"=1"}}); }) == ErrorCode::protocol);
}

TEST_CASE("step answers: a reason of any length fits a packet") {
    const std::string reason(1 << 20, 'x');
    CHECK(encode(NotSeated{ErrorCode::config, reason}).size() <= packet_bytes_max);
    const std::string kept = over_the_wire(NotSeated{ErrorCode::config, reason}).reason;
    CHECK(!kept.empty());
    CHECK(reason.starts_with(kept));
}
