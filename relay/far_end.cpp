// SPDX-License-Identifier: Apache-2.0
#include "relay/far_end.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "base/fail.hpp"
#include "launcher/program.hpp"
#include "relay/relay.hpp"
#include "runtime/children.hpp"
#include "runtime/stream/dial.hpp"

namespace ipcrun {

namespace {

constexpr Seconds dial_time_max{10.0};
constexpr Seconds grace{0.5};  // of children, when the near end is gone

constexpr std::size_t key_bytes = sizeof(Key::bytes);

std::string_view text_of(const Key& key) {
    return {reinterpret_cast<const char*>(key.bytes.data()), key_bytes};
}

Key key_of(std::string_view text) {
    Key key;
    std::copy(text.begin(), text.end(), key.bytes.begin());
    return key;
}

FarSecrets read_secrets() {
    std::string text;
    for (;;) {
        char bytes[2 * key_bytes + 1];
        const ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
        if (count < 0 && errno == EINTR) continue;
        if (check_syscall(count, "read the key of the connection") == 0) break;
        text.append(bytes, static_cast<std::size_t>(count));
        if (text.size() > 2 * key_bytes) break;
    }
    if (text.size() != key_bytes && text.size() != 2 * key_bytes)
        fail(ErrorCode::protocol, "read the key of the connection: {} bytes came", text.size());
    const std::string_view keys = text;
    FarSecrets secrets{key_of(keys.substr(0, key_bytes)), std::nullopt};
    if (keys.size() > key_bytes) secrets.family = key_of(keys.substr(key_bytes));
    return secrets;
}

SecureStream reach(const std::string& address, const Key& key) {
    try {
        return dial(parse_address(address),
                    {.key = key, .purpose = Relay::purpose, .waits_for_listener = false},
                    Deadline::after(dial_time_max));
    } catch (const Error& error) {
        fail(error.code, "{} (is a firewall between? parallel.ip says which address to take)",
             error.what());
    }
}

// Before the agent is asked for the child: relative names are looked up there.
void enter(const std::string& directory) {
    // One that is not here is of the other host alone: the child stays in the home folder, then.
    if (::chdir(directory.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR && errno != EACCES)
        fail_errno(errno, fmt::format("enter directory '{}'", directory));
    const std::string entered = std::filesystem::current_path();
    check_syscall(::setenv("PWD", entered.c_str(), 1), "set PWD");
}

ChildSpec spec_of(const FarOrder& order, const FarSecrets& secrets) {
    ChildSpec spec;
    if (secrets.family) spec.secret = secrets.family->bytes;
    spec.program = order.program.empty() ? find_interpreter() : order.program;
    spec.argv = order.argv;
    spec.argv.insert(spec.argv.begin(), spec.program);
    return spec;
}

class FarEnd {
  public:
    FarEnd(Children& children, std::unique_ptr<ChildProcess> child, SocketLink& link)
        : children_(children), child_(std::move(child)), relay_(child_->communicator(), link) {}

    int run() {
        relay_.say(Begun{child_->pid()});
        std::optional<ChildEnd> end;
        bool is_told = false;
        for (;;) {
            const bool has_moved = relay_.pass_on();
            while (const auto word = relay_.hear())
                if (const auto* signal = std::get_if<Signalled>(&*word))
                    child_->signal(signal->number);
            if (!end) end = child_->end();
            if (end) relay_.lift_limits();
            if (end && relay_.has_local_gone() && !is_told) {
                relay_.say(ChildOver{end->wait_status, end->out_of_memory, end->report});
                is_told = true;
            }
            if (has_moved) continue;
            // The near end closes when it has all that was sent.
            if (relay_.link_end()) break;
            relay_.sleep([&] { return !end && child_->end(); });
        }
        if (!is_told) children_.close(grace);
        return is_told ? 0 : 1;
    }

  private:
    Children& children_;
    std::unique_ptr<ChildProcess> child_;
    Relay relay_;
};

}  // namespace

std::string encode_far_secrets(const FarSecrets& secrets) {
    std::string text(text_of(secrets.connection));
    if (secrets.family) text += text_of(*secrets.family);
    return text;
}

std::vector<std::string> far_arguments(const FarOrder& order) {
    std::vector<std::string> arguments = {"--far", order.address, order.directory, order.program};
    arguments.insert(arguments.end(), order.argv.begin(), order.argv.end());
    return arguments;
}

FarOrder parse_far_arguments(const std::vector<std::string>& arguments) {
    constexpr std::size_t fixed = 4;
    if (arguments.size() < fixed)
        fail(ErrorCode::usage, "option --far: {} arguments are too few", arguments.size());
    return {.address = arguments[1],
            .directory = arguments[2],
            .program = arguments[3],
            .argv = {arguments.begin() + fixed, arguments.end()}};
}

int run_far_end(const FarOrder& order) {
    const FarSecrets secrets = read_secrets();
    SocketLink link(reach(order.address, secrets.connection));
    std::unique_ptr<Children> children;
    std::unique_ptr<ChildProcess> child;
    try {
        enter(order.directory);
        children = std::make_unique<Children>(find_family_agent());
        child = children->spawn(spec_of(order, secrets));
    } catch (const Error& error) {
        Bytes bytes = encode(RelayWord(NotBegun{error.what()}));
        const Part part{.data = bytes.data(), .count = bytes.size(), .dtype = Dtype::u8};
        link.send({}, {&part, 1}, Relay::word_tag, Deadline::never());
        return 0;
    }
    return FarEnd(*children, std::move(child), link).run();
}

}  // namespace ipcrun
