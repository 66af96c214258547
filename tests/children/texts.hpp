// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Messages that are texts, between a parent and its child.

#include <string>
#include <string_view>

#include "runtime/communicator.hpp"

namespace ipcrun {

inline void send_text(Communicator& to, std::string_view text,
                      Deadline deadline = Deadline::never()) {
    const Part part{const_cast<char*>(text.data()), text.size(), Dtype::u8};
    to.send({&part, 1}, 1 - to.rank(), 0, deadline);
}

inline std::string receive_text(Communicator& from, Deadline deadline = Deadline::never()) {
    const Message message = from.receive_message(1 - from.rank(), 0, deadline);
    return {reinterpret_cast<const char*>(message.storage->data()), message.envelope.bytes};
}

}  // namespace ipcrun
