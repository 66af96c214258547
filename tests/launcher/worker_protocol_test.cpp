// SPDX-License-Identifier: Apache-2.0
// Proves that what a rank and its agent say comes back as it was sent, and that damaged messages
// are refused.
#include "runtime/wire/worker_protocol.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "base/socket.hpp"

using namespace ipcrun;

TEST_CASE("worker protocol: every message comes back as sent, and none of its beginnings does") {
    for (const WorkerMessage& message :
         {WorkerMessage(Join{3, 42}), WorkerMessage(Joined{}), WorkerMessage(Refused{"no"}),
          WorkerMessage(Report{Report::Kind::peer_error, "text"}), WorkerMessage(Leave{}),
          WorkerMessage(Fence{3}), WorkerMessage(OpenQueue{7, std::string("a\0b", 3), 5}),
          WorkerMessage(QueueOpened{7}), WorkerMessage(QueueRefused{7, "why"})}) {
        const Bytes bytes = encode(message);
        CAPTURE(message.index());
        CHECK(encode(decode_worker_message(bytes)) == bytes);
        for (std::size_t size = 0; size < bytes.size(); ++size)
            CHECK_THROWS_AS((void)decode_worker_message(std::span(bytes).first(size)), Error);
        Bytes longer = bytes;
        longer.push_back(0);
        CHECK_THROWS_AS((void)decode_worker_message(longer), Error);
    }
}

TEST_CASE("worker protocol: the fields of a request for a queue arrive in their places") {
    const auto decoded = decode_worker_message(encode(OpenQueue{7, "jobs", 1ull << 40}));
    const auto& request = std::get<OpenQueue>(decoded);
    CHECK(request.id == 7);
    CHECK(request.name == "jobs");
    CHECK(request.capacity == 1ull << 40);
}

TEST_CASE("worker protocol: names that no queue can have, and unknown messages, are refused") {
    CHECK_THROWS_AS((void)decode_worker_message(encode(OpenQueue{1, "", 0})), Error);
    const std::string longest(queue_name_bytes_max, 'x');
    CHECK_NOTHROW((void)decode_worker_message(encode(OpenQueue{1, longest, 0})));
    CHECK_THROWS_AS((void)decode_worker_message(encode(OpenQueue{1, longest + "x", 0})), Error);
    CHECK_THROWS_AS((void)decode_worker_message(Bytes{9}), Error);
    CHECK(encode(QueueRefused{1, std::string(1 << 20, 'x')}).size() <= packet_bytes_max);
}
