// SPDX-License-Identifier: Apache-2.0
// Proves that the messages of an upgrade survive the way, and that nothing else does.
#include "runtime/connection/upgrade_messages.hpp"

#include "tests/connection/connected.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

TEST_CASE("upgrade messages: what is encoded is decoded") {
    Introduction introduction;
    introduction.neighbourhood = {1, 2};
    introduction.boot_id = "b";
    introduction.pid = 3;
    introduction.uid = 4;
    introduction.host = "node7";
    introduction.choice = LinkChoice::memory;
    CHECK(decode_introduction(encode(introduction)) == introduction);
    Answer answer;
    answer.kind = LinkKind::memory;
    answer.pid = 5;
    answer.host = "h";
    answer.token = 6;
    answer.door = "@door";
    answer.ticket[3] = 7;
    answer.reason = "r";
    CHECK(decode_answer(encode(answer)) == answer);
    CHECK(decode_outcome(encode(Outcome{true, "o"})) == Outcome{true, "o"});
    CHECK(decode_verdict(encode(Verdict{LinkKind::process, "v"})) ==
          Verdict{LinkKind::process, "v"});
}

TEST_CASE("upgrade messages: every shorter or longer text of bytes is an error") {
    const Bytes whole = encode(Verdict{LinkKind::process, "v"});
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK(error_of([&] {
                  (void)decode_verdict({whole.data(), size});
              }).code == ErrorCode::protocol);
    Bytes longer = whole;
    longer.push_back(0);
    CHECK(error_of([&] { (void)decode_verdict(longer); }).code == ErrorCode::protocol);
    CHECK(error_of([&] { (void)decode_answer(whole); }).code == ErrorCode::protocol);
    CHECK(error_of([&] { (void)decode_outcome(Bytes(upgrade_message_bytes_max + 1, 'O')); }).code ==
          ErrorCode::protocol);
}

TEST_CASE("upgrade messages: texts are cut, and fit to be shown") {
    const auto verdict =
        decode_verdict(encode(Verdict{LinkKind::socket, "\x1b[2J" + std::string(10'000, 'x')}));
    CHECK(verdict.reason.size() == upgrade_text_bytes_max);
    CHECK(verdict.reason.substr(0, 5) == "?[2Jx");
    CHECK(encode(Answer{}).size() + 3 * upgrade_text_bytes_max < upgrade_message_bytes_max);
}
