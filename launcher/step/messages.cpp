// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/messages.hpp"

#include "base/fail.hpp"
#include "base/fields.hpp"
#include "topology/machine_codec.hpp"
#include "topology/machine_fields.hpp"

namespace ipcrun {

// Outside the unnamed namespace: they are found by the namespace of their arguments.
template <typename Fields, one_of<AgentHere, MetAll, StepPlan, RankOver, StillHere> T>
static void visit_fields(Fields& fields, T& m) {
    (void)fields;  // one has none
    if constexpr (one_of<T, AgentHere>) fields(m.node);
    if constexpr (one_of<T, MetAll>) fields(m.machine);
    if constexpr (one_of<T, StepPlan>) fields(m.tree_parents);
    if constexpr (one_of<T, RankOver>) fields(m.rank, m.wait_status);
}

namespace {

template <typename Body>
StepMessage read_body(Decoder& in) {
    Body body;
    FieldReader read(in);
    visit_fields(read, body);
    return body;
}

StepMessage read(Decoder& in) {
    switch (in.number<std::uint8_t>()) {
        case 0:
            return read_body<AgentHere>(in);
        case 1:
            return read_body<MetAll>(in);
        case 2:
            return read_body<StepPlan>(in);
        case 3:
            return read_body<RankOver>(in);
        case 4:
            return StillHere{};
        default:
            fail(ErrorCode::protocol, "decode: there is no such message between agents");
    }
}

}  // namespace

Bytes encode(const StepMessage& message) {
    FieldWriter out;
    out(static_cast<std::uint8_t>(message.index()));
    std::visit([&out](const auto& body) { visit_fields(out, body); }, message);
    return out.take();
}

StepMessage decode_step_message(std::span<const std::uint8_t> bytes) {
    Decoder in(bytes);
    StepMessage message = read(in);
    in.end();
    if (const auto* met = std::get_if<MetAll>(&message)) topology::check_indices(met->machine);
    return message;
}

}  // namespace ipcrun
