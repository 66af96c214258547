// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_blocks.hpp"

#include "runtime/parts.hpp"
#include "runtime/world/host_exchange.hpp"

namespace ipcrun {

namespace {

std::size_t index(int number) {
    return static_cast<std::size_t>(number);
}

Part part_of(const StoragePtr& memory) {
    return {memory->data(), memory->count(), memory->dtype()};
}

constexpr Part nothing(Dtype dtype) {
    return {nullptr, 0, dtype};
}

// Of those here, as blocks of equal or varying counts.
Collective gather_here(const Collective& collective, const Part& from, const Part& to, int local) {
    return collective.varying ? Collective::gatherv(from, to, local)
                              : Collective::gather(from, to, local);
}

Collective scatter_here(const Collective& collective, const Part& from, const Part& to, int local) {
    return collective.varying ? Collective::scatterv(from, to, local)
                              : Collective::scatter(from, to, local);
}

}  // namespace

Blocks::Blocks(const HostLayout& layout, const Part& whole, const BlockCounts& counts)
    : layout_(layout), whole_(whole) {
    starts_.push_back(0);
    for (const std::size_t count : counts) starts_.push_back(starts_.back() + count);
}

std::vector<Part> Blocks::of_host(int host) const {
    std::vector<Part> result;
    const std::size_t element = size_of(whole_.dtype);
    std::size_t end = starts_.back() + 1;  // of the last block in `result`
    for (const int member : layout_.members_on[index(host)]) {
        const std::size_t begin = starts_[index(member)];
        const std::size_t count = starts_[index(member) + 1] - begin;
        if (begin == end)
            result.back().count += count;
        else
            result.push_back(
                {static_cast<std::byte*>(whole_.data) + begin * element, count, whole_.dtype});
        end = begin + count;
    }
    return result;
}

std::size_t Blocks::count_of_host(int host) const {
    std::size_t result = 0;
    for (const int member : layout_.members_on[index(host)])
        result += starts_[index(member) + 1] - starts_[index(member)];
    return result;
}

void allgather_over_hosts(const HostOperation& operation, const Collective& collective,
                          const BlockCounts& counts) {
    const Part& from = collective.from[0];
    if (!operation.is_leader()) {
        operation.run_here(gather_here(collective, from, nothing(from.dtype), 0));
        return operation.run_here(Collective::broadcast(collective.to, 0));
    }
    const PackedParts to(operation, collective.to, false);
    const Blocks blocks(operation.layout, to.parts()[0], counts);
    const int own = operation.own_host(), hosts = operation.hosts();
    const StoragePtr gathered = operation.memory(from.dtype, blocks.count_of_host(own));
    const Part here = part_of(gathered);
    operation.run_here(gather_here(collective, from, here, 0));
    HostExchange exchange(operation, HostOperation::blocks);
    for (int step = 1; step < hosts; ++step) {
        const int source = (own + hosts - step) % hosts, target = (own + step) % hosts;
        exchange.receive(blocks.of_host(source), operation.leader_of(source));
        exchange.send({&here, 1}, operation.leader_of(target));
    }
    scatter(gathered->data(), blocks.of_host(own));
    exchange.finish();
    operation.run_here(Collective::broadcast(to.parts(), 0));
    to.store();
}

void gather_over_hosts(const HostOperation& operation, const Collective& collective,
                       const BlockCounts& counts) {
    const HostLayout& layout = operation.layout;
    const Part& from = collective.from[0];
    const int root = collective.root, speaker = operation.own_speaker(root);
    const int local = layout.local(speaker);
    if (layout.own != speaker)
        return operation.run_here(gather_here(collective, from, nothing(from.dtype), local));
    const bool is_root = layout.own == root;
    const PackedParts to(operation, is_root ? collective.to : std::span<const Part>(), false);
    const Blocks blocks(layout, is_root ? to.parts()[0] : nothing(from.dtype), counts);
    const int own = operation.own_host();
    const StoragePtr gathered = operation.memory(from.dtype, blocks.count_of_host(own));
    const Part here = part_of(gathered);
    operation.run_here(gather_here(collective, from, here, local));
    HostExchange exchange(operation, HostOperation::blocks);
    if (!is_root) {
        exchange.send({&here, 1}, root);
        return exchange.finish();
    }
    scatter(gathered->data(), blocks.of_host(own));
    for (int host = 0; host < operation.hosts(); ++host)
        if (host != own) exchange.receive(blocks.of_host(host), operation.leader_of(host));
    exchange.finish();
    to.store();
}

void scatter_over_hosts(const HostOperation& operation, const Collective& collective,
                        const BlockCounts& counts) {
    const HostLayout& layout = operation.layout;
    const Part& to = collective.to[0];
    const int root = collective.root, speaker = operation.own_speaker(root);
    const int local = layout.local(speaker);
    if (layout.own != speaker)
        return operation.run_here(scatter_here(collective, nothing(to.dtype), to, local));
    const bool is_root = layout.own == root;
    const PackedParts from(operation, is_root ? collective.from : std::span<const Part>(), true);
    const Blocks blocks(layout, is_root ? from.parts()[0] : nothing(to.dtype), counts);
    const int own = operation.own_host();
    const StoragePtr memory = operation.memory(to.dtype, blocks.count_of_host(own));
    const Part here = part_of(memory);
    HostExchange exchange(operation, HostOperation::blocks);
    if (is_root) {
        for (int host = 0; host < operation.hosts(); ++host)
            if (host != own) exchange.send(blocks.of_host(host), operation.leader_of(host));
        gather(blocks.of_host(own), memory->data());
    } else {
        exchange.receive({&here, 1}, root);
        exchange.finish();
    }
    operation.run_here(scatter_here(collective, here, to, local));
    exchange.finish();
}

}  // namespace ipcrun
