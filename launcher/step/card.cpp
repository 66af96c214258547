// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/card.hpp"

#include <sys/stat.h>

#include <fstream>

#include "base/environment.hpp"
#include "base/fail.hpp"
#include "base/fields.hpp"

namespace ipcrun {

// Outside the unnamed namespace: it is found by the namespace of its argument.
template <typename Fields, one_of<Card> T>
static void visit_fields(Fields& fields, T& m) {
    fields(m.version, m.node_id, m.host, m.address, m.door, m.cpus, m.switches, m.agent_address,
           m.secret);
}

namespace {

// Without it nobody is taken to be on this host: equal namespaces have equal numbers only there.
std::string boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    if (!std::getline(file, id))
        fail(ErrorCode::config, "read the kernel's boot_id, which tells hosts apart");
    return id;
}

std::string namespace_id(const char* kind) {
    struct stat status {};
    const std::string path = fmt::format("/proc/self/ns/{}", kind);
    check_syscall(::stat(path.c_str(), &status), "look at the namespaces of this process");
    return fmt::format("{}:{}", status.st_dev, status.st_ino);
}

}  // namespace

std::string encode_card(const Card& card) {
    FieldWriter out;
    out(card);
    const Bytes bytes = out.take();
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Card decode_card(std::string_view text) {
    Decoder in({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    // First of all, for the rest of another version may look different.
    const auto version = Decoder(in.rest()).number<std::uint32_t>();
    if (version != Card().version)
        fail(ErrorCode::protocol,
             "another rank has an ipcrun of another version ({} where this one is {}): install the "
             "same on all nodes",
             version, Card().version);
    Card card;
    FieldReader read(in);
    read(card);
    in.end();
    return card;
}

std::string own_node_id() {
    return fmt::format("{} {} {} {}", boot_id(), namespace_id("net"), namespace_id("pid"),
                       environment_variable("SLURMD_NODENAME").value_or(""));
}

}  // namespace ipcrun
