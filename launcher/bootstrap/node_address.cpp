// SPDX-License-Identifier: Apache-2.0
#include "launcher/bootstrap/node_address.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.hpp"
#include "base/fail.hpp"
#include "base/resolve.hpp"
#include "base/socket.hpp"
#include "base/text.hpp"
#include "launcher/program.hpp"

namespace ipcrun {

namespace {

constexpr Seconds scontrol_patience{10.0};
constexpr std::size_t output_bytes_max = 64 << 10;

std::vector<std::string> numbers_of(const std::string& name, Deadline deadline) {
    constexpr std::uint16_t any_port = 22;  // a look-up wants one
    std::vector<std::string> numbers;
    for (const SocketAddress& address :
         resolve({.host = name, .port = any_port}, false, deadline)) {
        char text[NI_MAXHOST] = {};
        const int result = ::getnameinfo(address.get(), address.bytes, text, sizeof text, nullptr,
                                         0, NI_NUMERICHOST);
        if (result != 0)
            fail(ErrorCode::system, "the address of {}: {}", name, ::gai_strerror(result));
        numbers.emplace_back(text);
    }
    return numbers;
}

std::vector<std::string> own_variables() {
    std::vector<std::string> variables;
    for (char** entry = ::environ; *entry != nullptr; ++entry) variables.emplace_back(*entry);
    return variables;
}

// What it prints, until it ends or `deadline` passes: then it is killed.
std::string output_of(SpawnOptions options, Deadline deadline) {
    auto [ours, theirs] = create_socket_pair(SocketKind::stream);
    const UniqueFd nothing(
        check_syscall(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null"));
    options.descriptors = {{nothing.get(), 0}, {theirs.get(), 1}, {nothing.get(), 2}};
    const Child child = spawn(options);
    theirs.reset();
    std::string output;
    while (wait_readable(ours.get(), deadline) && output.size() < output_bytes_max) {
        char buffer[4096];
        const ssize_t count = ::read(ours.get(), buffer, sizeof buffer);
        if (count <= 0) break;
        output.append(buffer, static_cast<std::size_t>(count));
    }
    (void)child.signal(SIGKILL);  // it has closed its output, or is late
    siginfo_t info = {};
    (void)::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED);
    return output;
}

}  // namespace

std::string parse_node_address(std::string_view text) {
    constexpr std::string_view name = "NodeAddr=";
    const auto place = text.find(name);
    if (place == text.npos) return {};
    text.remove_prefix(place + name.size());
    return std::string(text.substr(0, text.find_first_of(" \n")));
}

std::vector<std::string> find_node_addresses(const std::string& node, Deadline deadline) {
    std::string why;
    try {
        return numbers_of(node, deadline);
    } catch (const Error& error) {
        // With no name server, or one that knows nothing of nodes, Slurm itself still finds them.
        if (error.code != ErrorCode::config) throw;
        why = error.what();
    }
    std::string known;
    try {
        SpawnOptions options;
        options.file = find_executable("scontrol");
        options.argv = {"scontrol", "--oneliner", "show", "node", node};
        options.environment = own_variables();
        options.directory = "/";
        known = parse_node_address(output_of(
            std::move(options), Deadline::sooner(deadline, Deadline::after(scontrol_patience))));
    } catch (const Error& error) {
        fail(ErrorCode::config, "{}; nor does Slurm say where it is: {}", why, error.what());
    }
    if (known.empty() || known == node)
        fail(ErrorCode::config, "{}; nor does scontrol show node {} say where it is", why, node);
    return numbers_of(known, deadline);
}

}  // namespace ipcrun
