// SPDX-License-Identifier: Apache-2.0
// A client in a process of its own, which sends back what it gets, until the server has gone.
//   connection_peer PORT echo      as everybody does
//   connection_peer PORT fork      leaves a child behind that has all of its descriptors
//   connection_peer PORT SIGNAL STEP   sends itself that signal when it has taken so many steps to
//   a
//                                  connection; see struck.hpp
//   connection_peer PORT netns     is in a network namespace of its own, once it has connected
// Exit status 77: this machine does not let it; 3: there is no connection.
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/address.hpp"
#include "base/error.hpp"
#include "runtime/connection/upgrade.hpp"
#include "runtime/stream/dial.hpp"
#include "tests/connection/programs/struck.hpp"
#include "tests/connection/talk.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

constexpr int cannot_run = 77;
constexpr int cannot_connect = 3;

void write_file(const char* path, const std::string& text) {
    const UniqueFd file(::open(path, O_WRONLY | O_CLOEXEC));
    if (!file || ::write(file.get(), text.data(), text.size()) < 0) std::exit(cannot_run);
}

// As root at once; else by a user namespace, in which this user keeps its number.
void leave_network() {
    if (::unshare(CLONE_NEWNET) == 0) return;
    const std::string uid = std::to_string(::geteuid());
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) std::exit(cannot_run);
    write_file("/proc/self/uid_map", uid + " " + uid + " 1");
}

std::shared_ptr<Connection> connect(const Address& address, std::string_view mode) {
    const auto neighbourhood = Neighbourhood::create();
    if (mode != "netns")
        return Connection::connect(address, test_key(), false, LinkChoice::fastest, neighbourhood,
                                   soon());
    SecureStream stream = dial(address, {.key = test_key()}, soon());
    leave_network();
    return std::make_shared<Connection>(std::make_unique<Connection::Impl>(
        upgrade_as_client(std::move(stream), LinkChoice::fastest, neighbourhood, soon())));
}

}  // namespace

int main(int, char** arguments) {
    const Address address{.host = "127.0.0.1",
                          .port = static_cast<std::uint16_t>(std::atoi(arguments[1]))};
    const std::string_view mode = arguments[2];
    std::shared_ptr<Connection> connection;
    try {
        if (arguments[3] != nullptr)
            return strike_at(address, std::atoi(arguments[3]), std::atoi(arguments[2]));
        connection = connect(address, mode);
    } catch (const Error& error) {
        (void)std::fprintf(stderr, "connection_peer: %s\n", error.what());
        return cannot_connect;
    }
    if (mode == "fork") {
        const pid_t child = ::fork();
        if (child == 0) {
            (void)::alarm(60);
            for (;;) (void)::pause();
        }
        send_text(*connection, std::to_string(child));
    }
    try {
        for (;;) send_text(*connection, receive_text(*connection));
    } catch (const Error& error) {
        return error.code == ErrorCode::peer_lost ? 0 : 1;
    }
}
