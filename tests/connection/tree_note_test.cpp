// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/tree_note.hpp"

#include <doctest/doctest.h>

#include "runtime/connection/group_messages.hpp"
#include "runtime/stream/frame.hpp"

using namespace ipcrun;

TEST_CASE("tree note: what is encoded is decoded") {
    const TreeCall call{7, {1, 2, 3, 1, 0, 99}, 4};
    CHECK(std::get<TreeCall>(decode_tree_note(encode(call))) == call);
    const TreeAbort abort{ErrorCode::timeout, true, "node 6 is late", 5};
    CHECK(std::get<TreeAbort>(decode_tree_note(encode(abort))) == abort);
}

TEST_CASE("tree note: a long text is cut, so that it fits into the note of a message") {
    const TreeAbort abort{ErrorCode::system, false, std::string(100'000, 'x')};
    CHECK(encode(abort).size() <= note_bytes_max);
    CHECK(std::get<TreeAbort>(decode_tree_note(encode(abort))).text == std::string(800, 'x'));
}

TEST_CASE("tree note: what no encoder makes is refused") {
    const auto refuses = [](const Bytes& bytes) {
        try {
            (void)decode_tree_note(bytes);
        } catch (const Error& error) {
            return error.code == ErrorCode::protocol;
        }
        return false;
    };
    CHECK(refuses({}));
    CHECK(refuses({'x'}));
    for (const TreeNote& note : {TreeNote(TreeCall{1, {1, 1, 1, 0, 0, 5}, 0}),
                                 TreeNote(TreeAbort{ErrorCode::system, false, "no"})}) {
        Bytes bytes = encode(note);
        bytes.push_back(0);
        CHECK(refuses(bytes));
        while (bytes.size() > 1) {
            bytes.pop_back();
            if (bytes.size() != encode(note).size()) CHECK(refuses(bytes));
        }
    }
    for (const std::size_t named : {5, 6, 7}) {  // kind, operator, dtype
        Bytes bytes = encode(TreeCall{});
        bytes[named] = 200;
        CHECK(refuses(bytes));
    }
}
