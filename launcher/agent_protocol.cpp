// SPDX-License-Identifier: Apache-2.0
#include "launcher/agent_protocol.hpp"

#include <type_traits>
#include <utility>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

// Each message lists its fields once, for writing and for reading.
template <typename Fields, typename Message>
void visit_fields(Fields& fields, Message& message) {
    using T = std::remove_const_t<Message>;
    using namespace topology;
    auto& m = message;
    if constexpr (std::is_same_v<T, NumaNode>) fields(m.os_index, m.bytes);
    if constexpr (std::is_same_v<T, Core>)
        fields(m.cpus, m.package, m.numa_node, m.last_level_cache, m.l2);
    if constexpr (std::is_same_v<T, Spot>)
        fields(m.package, m.numa_node, m.last_level_cache, m.l2, m.core);
    if constexpr (std::is_same_v<T, Machine>)
        fields(m.host, m.numa_nodes, m.cores, m.packages, m.memory_bytes, m.last_level_cache_bytes,
               m.cpu_quota);
    if constexpr (std::is_same_v<T, Ready>) fields(m.version, m.machine);
    if constexpr (std::is_same_v<T, RankSpec>)
        fields(m.cpus, m.memory_nodes, m.threads, m.environment, m.spot, m.tree_parent);
    if constexpr (std::is_same_v<T, Launch>)
        fields(m.program, m.argv, m.environment, m.directory, m.ignored_signals, m.stdin_rank,
               m.terminal_group, m.whole_lines, m.arena_bytes, m.usable_cpus, m.ranks);
    if constexpr (std::is_same_v<T, Consumed>) fields(m.stream, m.bytes);
    if constexpr (std::is_same_v<T, Signal>) fields(m.number);
    if constexpr (std::is_same_v<T, Started>) fields(m.rank, m.pid);
    if constexpr (std::is_same_v<T, SpawnFailed>) fields(m.rank, m.reason);
    if constexpr (std::is_same_v<T, Output>) fields(m.rank, m.stream, m.data);
    if constexpr (std::is_same_v<T, RankReport>) fields(m.rank, m.kind, m.text);
    if constexpr (std::is_same_v<T, Ended>)
        fields(m.rank, m.pid, m.wait_status, m.out_of_memory, m.fenced);
    if constexpr (std::is_same_v<T, Failed>) fields(m.reason);
    if constexpr (std::is_same_v<T, Done>) fields(m.survivors);
}

class Writer {
  public:
    template <typename... T>
    void operator()(const T&... values) {
        (write(values), ...);
    }
    Bytes take() { return out_.take(); }

  private:
    template <typename T>
    void write(const T& value) {
        if constexpr (WireNumber<T>)
            out_.number(value);
        else
            visit_fields(*this, value);
    }
    void write(const std::string& text) { out_.string(text); }
    template <typename T>
    void write(const std::vector<T>& items) {
        out_.list(items, [this](Encoder&, const T& item) { write(item); });
    }
    Encoder out_;
};

class Reader {
  public:
    explicit Reader(Decoder& in) : in_(in) {}
    template <typename... T>
    void operator()(T&... values) {
        (read(values), ...);
    }

  private:
    template <typename T>
    void read(T& value) {
        if constexpr (WireNumber<T>)
            value = in_.number<T>();
        else
            visit_fields(*this, value);
    }
    void read(bool& value) { value = in_.boolean(); }
    void read(std::string& text) { text = in_.string(); }
    void read(Stream& stream) { stream = enumerator(Stream::err); }
    void read(Report::Kind& kind) { kind = enumerator(Report::Kind::peer_error); }
    template <typename T>
    void read(std::vector<T>& items) {
        items = in_.list<T>([this](Decoder&) {
            T item{};
            read(item);
            return item;
        });
    }
    template <typename T>
    T enumerator(T last) {
        const T value = in_.number<T>();
        if (value > last)
            fail(ErrorCode::protocol, "decode: {} is beyond the last of its kind",
                 static_cast<int>(value));
        return value;
    }
    Decoder& in_;
};

template <typename Variant>
Bytes encode_variant(const Variant& message) {
    Writer out;
    out(static_cast<std::uint8_t>(message.index()));
    std::visit([&out](const auto& body) { visit_fields(out, body); }, message);
    return out.take();
}

template <typename Variant, std::size_t... Index>
Variant decode_variant(std::span<const std::uint8_t> bytes, std::index_sequence<Index...>) {
    Decoder in(bytes);
    Reader reader(in);
    const auto wanted = in.number<std::uint8_t>();
    Variant message;
    const auto read_as = [&]<std::size_t index>(std::integral_constant<std::size_t, index>) {
        if (wanted != index) return false;
        visit_fields(reader, message.template emplace<index>());
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
