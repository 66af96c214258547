// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/messages.hpp"

#include <doctest/doctest.h>

#include "tests/step/steps.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

std::vector<StepMessage> each_message() {
    return {AgentHere{3}, MetAll{topology::four_gpus()}, StepPlan{{-1, 0, 0, 1}},
            RankOver{7, 0x300}, StillHere{}};
}

template <typename T>
T over_the_wire(const T& message) {
    return std::get<T>(decode_step_message(encode(StepMessage(message))));
}

}  // namespace

TEST_CASE("step messages: come out as they went in") {
    CHECK(over_the_wire(AgentHere{3}).node == 3);
    CHECK(over_the_wire(MetAll{topology::four_gpus()}).machine == topology::four_gpus());
    CHECK(over_the_wire(StepPlan{{-1, 0, 0}}).tree_parents == std::vector<std::int32_t>{-1, 0, 0});
    const RankOver over = over_the_wire(RankOver{7, -2});
    CHECK(over.rank == 7);
    CHECK(over.wait_status == -2);
    over_the_wire(StillHere{});
}

TEST_CASE("step messages: one that is cut anywhere, or has more behind it, is an error") {
    for (const StepMessage& message : each_message()) {
        CAPTURE(message.index());
        Bytes bytes = encode(message);
        for (std::size_t length = 0; length < bytes.size(); ++length)
            CHECK(code_of([&] { decode_step_message(std::span(bytes).first(length)); }) ==
                  ErrorCode::protocol);
        bytes.push_back(0);
        CHECK(code_of([&] { decode_step_message(bytes); }) == ErrorCode::protocol);
    }
}

TEST_CASE("step messages: there is no other kind of them") {
    for (int kind = 5; kind < 256; ++kind) {
        const Bytes bytes{static_cast<std::uint8_t>(kind)};
        CHECK(code_of([&] { decode_step_message(bytes); }) == ErrorCode::protocol);
    }
}

TEST_CASE("step messages: a node is no machine with indices that lie") {
    topology::Machine machine = small_machine();
    machine.cores[2].numa_node = 99;
    CHECK(code_of([&] { over_the_wire(MetAll{machine}); }) == ErrorCode::protocol);
}
