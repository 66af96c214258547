// SPDX-License-Identifier: Apache-2.0
#include "launcher/agent_protocol.hpp"

#include <utility>

#include "base/fail.hpp"
#include "base/fields.hpp"
#include "topology/machine_fields.hpp"

namespace ipcrun {

// Each message lists its fields once, for writing and for reading. Outside the unnamed namespace:
// they are found by the namespace of their arguments.

constexpr Stream last_enumerator(Stream) {
    return Stream::err;
}
constexpr Report::Kind last_enumerator(Report::Kind) {
    return Report::Kind::peer_error;
}

template <typename Fields,
          one_of<topology::Spot, Adoption, Adopt, ForHost, FromHost, HostLost, Route,
                 JobDirectory::Seat, JobDirectory, Listening, RankEnded, Prepare, Ready, RankSpec,
                 Launch, Input, InputTaken, Consumed, Signal, Kill, Finish, LaunchRefused, Started,
                 SpawnFailed, Output, RankReport, Ended, Failed, Done, Alive, Terminated>
              T>
static void visit_fields(Fields& fields, T& m) {
    (void)fields;  // some messages have none
    if constexpr (one_of<T, topology::Spot>)
        fields(m.package, m.numa_node, m.last_level_cache, m.l2, m.core);
    if constexpr (one_of<T, Prepare>) fields(m.devices, m.is_remote, m.silence_max, m.interface);
    if constexpr (one_of<T, Ready>) fields(m.machine, m.route, m.switches);
    if constexpr (one_of<T, RankSpec>)
        fields(m.cpus, m.memory_nodes, m.threads, m.environment, m.spot, m.tree_parent);
    if constexpr (one_of<T, Launch>)
        fields(m.program, m.argv, m.environment, m.own_variables, m.directory, m.ignored_signals,
               m.stdin_rank, m.stdin_is_sent, m.terminal_group, m.whole_lines, m.arena_bytes,
               m.usable_cpus, m.address, m.job_ranks, m.secret, m.ranks);
    if constexpr (one_of<T, Adoption>) fields(m.host, m.name, m.agent_path);
    if constexpr (one_of<T, Adopt>)
        fields(m.hosts, m.ssh_arguments, m.prepare, m.start_seconds, m.fan_out);
    if constexpr (one_of<T, ForHost, FromHost>) fields(m.host, m.frame);
    if constexpr (one_of<T, HostLost>) fields(m.host, m.why);
    if constexpr (one_of<T, Route>) fields(m.own, m.launcher);
    if constexpr (one_of<T, JobDirectory::Seat>)
        fields(m.host, m.local_rank, m.address, m.tree_parent);
    if constexpr (one_of<T, JobDirectory>) fields(m.hosts, m.seats);
    if constexpr (one_of<T, Listening>) fields(m.addresses);
    if constexpr (one_of<T, RankEnded>) fields(m.rank, m.wait_status);
    if constexpr (one_of<T, Input>) fields(m.data);
    if constexpr (one_of<T, InputTaken>) fields(m.bytes, m.is_last);
    if constexpr (one_of<T, Consumed>) fields(m.stream, m.bytes);
    if constexpr (one_of<T, Signal>) fields(m.number);
    if constexpr (one_of<T, LaunchRefused>) fields(m.is_users, m.reason);
    if constexpr (one_of<T, Started>) fields(m.rank, m.pid);
    if constexpr (one_of<T, SpawnFailed>) fields(m.rank, m.reason);
    if constexpr (one_of<T, Output>) fields(m.rank, m.stream, m.data);
    if constexpr (one_of<T, RankReport>) fields(m.rank, m.kind, m.text);
    if constexpr (one_of<T, Ended>) fields(m.rank, m.pid, m.wait_status, m.out_of_memory, m.fenced);
    if constexpr (one_of<T, Failed>) fields(m.reason, m.is_users);
    if constexpr (one_of<T, Done>) fields(m.survivors);
}

namespace {

template <typename Variant>
Bytes encode_variant(const Variant& message) {
    FieldWriter out;
    out(static_cast<std::uint8_t>(message.index()));
    std::visit([&out](const auto& body) { out(body); }, message);
    return out.take();
}

template <typename Variant, std::size_t... Index>
Variant decode_variant(std::span<const std::uint8_t> bytes, std::index_sequence<Index...>) {
    Decoder in(bytes);
    FieldReader reader(in);
    const auto wanted = in.number<std::uint8_t>();
    Variant message;
    const auto read_as = [&]<std::size_t index>(std::integral_constant<std::size_t, index>) {
        if (wanted != index) return false;
        reader(message.template emplace<index>());
        return true;
    };
    if (!(read_as(std::integral_constant<std::size_t, Index>()) || ...))
        fail(ErrorCode::protocol, "decode: no message between launcher and agent has the number {}",
             wanted);
    in.end();
    return message;
}

}  // namespace

Bytes encode(const ToAgent& message) {
    return encode_variant(message);
}
Bytes encode(const ToLauncher& message) {
    return encode_variant(message);
}

ToAgent decode_to_agent(std::span<const std::uint8_t> bytes) {
    return decode_variant<ToAgent>(bytes, std::make_index_sequence<std::variant_size_v<ToAgent>>());
}

ToLauncher decode_to_launcher(std::span<const std::uint8_t> bytes) {
    return decode_variant<ToLauncher>(bytes,
                                      std::make_index_sequence<std::variant_size_v<ToLauncher>>());
}

}  // namespace ipcrun
