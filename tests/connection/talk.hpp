// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What both sides of a test say to each other, also where one is a program of its own.

#include <string>

#include "base/deadline.hpp"
#include "runtime/connection/connection.hpp"
#include "runtime/part.hpp"
#include "runtime/stream/key.hpp"

namespace ipcrun::testing {

inline const Seconds patience{20};

inline Deadline soon() {
    return Deadline::after(patience);
}
inline Deadline at_once() {
    return Deadline::after(Seconds(0));
}

inline Key test_key() {
    return key_of_text("a key that tests know of");
}

inline void send_text(Connection& connection, const std::string& text, int tag = 0,
                      Deadline deadline = soon()) {
    std::string bytes = text;
    const Part part{.data = bytes.data(), .count = bytes.size(), .dtype = Dtype::u8};
    connection.send({}, {&part, 1}, tag, deadline);
}

inline std::string receive_text(Connection& connection, int tag = 0, Deadline deadline = soon()) {
    const Message message = connection.receive(tag, deadline);
    return {reinterpret_cast<const char*>(message.storage->data()), message.envelope.bytes};
}

}  // namespace ipcrun::testing
