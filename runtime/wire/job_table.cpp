// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/job_table.hpp"

#include <cstring>

#include "base/fail.hpp"
#include "runtime/wire/tree_parents.hpp"

namespace ipcrun {

namespace {

constexpr std::uint64_t table_magic = 0x6c62'6174'6269'0002;  // "ibtable", layout 2
constexpr std::size_t text_bytes_max = 255;
constexpr std::size_t ranks_max = std::size_t{1} << 24;

}  // namespace

// The header, the entries of all ranks, then the texts: places of hosts' names, and the characters.
struct JobTable::Header {
    std::uint64_t magic;
    std::uint64_t bytes;
    std::uint32_t ranks;
    std::uint32_t hosts;
    std::uint64_t names_offset;  // of the hosts' Text
};

struct JobTable::Entry {
    std::atomic<RankState> state;
    std::atomic<std::int32_t> wait_status;
    std::uint32_t host;
    std::uint32_t local_rank;
    std::uint64_t address_offset;
    std::uint32_t address_bytes;
    std::uint32_t tree_parent;  // as in JobDirectory
};

namespace {

struct Text {
    std::uint64_t offset;
    std::uint64_t bytes;
};

std::string_view view(const Mapping& mapping, std::uint64_t offset, std::uint64_t bytes) {
    if (bytes > text_bytes_max || offset > mapping.bytes() || mapping.bytes() - offset < bytes)
        fail(ErrorCode::protocol, "read the table of the job: a text beyond its end");
    return {reinterpret_cast<const char*>(mapping.data()) + offset,
            static_cast<std::size_t>(bytes)};
}

}  // namespace

UniqueFd JobTable::create(const JobDirectory& directory) {
    std::uint64_t text_bytes = 0;
    const auto count = [&](const std::string& text) {
        if (text.size() > text_bytes_max)
            fail(ErrorCode::usage, "make the table of the job: '{}' is longer than {} bytes", text,
                 text_bytes_max);
        text_bytes += text.size();
    };
    for (const std::string& host : directory.hosts) count(host);
    for (const JobDirectory::Seat& seat : directory.seats) {
        count(seat.address);
        if (seat.host >= directory.hosts.size())
            fail(ErrorCode::usage, "make the table of the job: a rank on host {} of {}", seat.host,
                 directory.hosts.size());
    }
    if (directory.seats.empty() || directory.seats.size() > ranks_max)
        fail(ErrorCode::usage, "make the table of a job of {} ranks", directory.seats.size());
    std::vector<int> parents;
    for (const JobDirectory::Seat& seat : directory.seats)
        parents.push_back(static_cast<int>(seat.tree_parent - 1));
    if (!is_tree(parents))
        fail(ErrorCode::usage, "make the table of the job: the parents of its ranks make no tree");
    const std::uint64_t entries_bytes = directory.seats.size() * sizeof(Entry);
    const std::uint64_t names_offset = sizeof(Header) + entries_bytes;
    std::uint64_t end = names_offset + directory.hosts.size() * sizeof(Text);
    const std::uint64_t bytes = end + text_bytes;
    UniqueFd fd = create_memfd("ipcrun-job", bytes);
    const Mapping mapping(fd.get(), 0, bytes);
    *reinterpret_cast<Header*>(mapping.data()) = {
        table_magic, bytes, static_cast<std::uint32_t>(directory.seats.size()),
        static_cast<std::uint32_t>(directory.hosts.size()), names_offset};
    const auto put = [&](const std::string& text) {
        std::memcpy(mapping.data() + end, text.data(), text.size());
        const std::uint64_t begin = end;
        end += text.size();
        return Text{begin, text.size()};
    };
    auto* entry = reinterpret_cast<Entry*>(mapping.data() + sizeof(Header));
    for (const JobDirectory::Seat& seat : directory.seats) {
        const Text address = put(seat.address);
        entry->host = seat.host;
        entry->local_rank = seat.local_rank;
        entry->address_offset = address.offset;
        entry->address_bytes = static_cast<std::uint32_t>(address.bytes);
        entry->tree_parent = seat.tree_parent;
        ++entry;
    }
    auto* name = reinterpret_cast<Text*>(mapping.data() + names_offset);
    for (const std::string& host : directory.hosts) *name++ = put(host);
    return fd;
}

JobTable::JobTable(int fd) {
    const std::uint64_t bytes = memfd_bytes(fd);
    if (bytes < sizeof(Header))
        fail(ErrorCode::protocol, "map the table of the job: it has the wrong size");
    mapping_ = Mapping(fd, 0, bytes);
    const Header& head = header();
    const std::uint64_t entries_bytes = std::uint64_t{head.ranks} * sizeof(Entry);
    if (head.magic != table_magic || head.bytes != bytes || head.ranks < 1 ||
        head.names_offset != sizeof(Header) + entries_bytes ||
        bytes - sizeof(Header) < entries_bytes ||
        (bytes - head.names_offset) / sizeof(Text) < head.hosts)
        fail(ErrorCode::protocol,
             "map the table of the job: it was made by another version of ipcrun");
    if (!is_tree(tree_parents()))
        fail(ErrorCode::protocol, "map the table of the job: the parents in it make no tree");
}

JobTable::Entry& JobTable::entry(int rank) const {
    check(rank >= 0 && rank < ranks(), "a rank that the job does not have");
    return reinterpret_cast<Entry*>(mapping_.data() + sizeof(Header))[rank];
}

int JobTable::ranks() const {
    return static_cast<int>(header().ranks);
}

int JobTable::hosts() const {
    return static_cast<int>(header().hosts);
}

int JobTable::host_of(int rank) const {
    return static_cast<int>(entry(rank).host);
}

int JobTable::local_rank_of(int rank) const {
    return static_cast<int>(entry(rank).local_rank);
}

std::string_view JobTable::host_name(int host) const {
    check(host >= 0 && host < hosts(), "a host that the job does not have");
    const auto* name = reinterpret_cast<const Text*>(mapping_.data() + header().names_offset);
    return view(mapping_, name[host].offset, name[host].bytes);
}

std::string_view JobTable::address_of(int rank) const {
    const Entry& of_rank = entry(rank);
    return view(mapping_, of_rank.address_offset, of_rank.address_bytes);
}

std::vector<int> JobTable::tree_parents() const {
    std::vector<int> result;
    for (int rank = 0; rank < ranks(); ++rank)
        result.push_back(static_cast<int>(entry(rank).tree_parent - 1));
    return result;
}

std::vector<int> JobTable::ranks_on(int host) const {
    std::vector<int> result;
    for (int rank = 0; rank < ranks(); ++rank) {
        if (host_of(rank) != host) continue;
        const auto local = static_cast<std::size_t>(local_rank_of(rank));
        if (result.size() <= local) result.resize(local + 1, -1);
        result[local] = rank;
    }
    return result;
}

void JobTable::mark_ended(int rank, int wait_status) const {
    Entry& of_rank = entry(rank);
    if (of_rank.state.load() != RankState::absent) return;
    of_rank.wait_status.store(wait_status);
    of_rank.state.store(wait_status == 0 ? RankState::exited : RankState::failed);
}

RankState JobTable::state_of(int rank) const {
    return entry(rank).state.load();
}

int JobTable::wait_status_of(int rank) const {
    return entry(rank).wait_status.load();
}

}  // namespace ipcrun
