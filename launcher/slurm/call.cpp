// SPDX-License-Identifier: Apache-2.0
#include "launcher/slurm/call.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>

#include <algorithm>
#include <memory>

#include "base/fail.hpp"
#include "base/text.hpp"

namespace ipcrun {

namespace {

constexpr std::string_view opening = "ipcrun-call 1";
constexpr std::string_view key_word = "key ";
constexpr std::string_view address_word = "at ";

[[noreturn]] void fail_call() {
    fail(ErrorCode::protocol,
         "read from standard input how the launcher is reached: this is no call of an ipcrun of "
         "the same version");
}

std::uint8_t digit(char character) {
    constexpr std::string_view digits = "0123456789abcdef";
    const auto found = digits.find(character);
    if (found == digits.npos) fail_call();
    return static_cast<std::uint8_t>(found);
}

Key parse_key(std::string_view text) {
    Key key;
    if (text.size() != 2 * key.bytes.size()) fail_call();
    for (std::size_t i = 0; i < key.bytes.size(); ++i)
        key.bytes[i] = static_cast<std::uint8_t>(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    return key;
}

}  // namespace

std::string format_call(const Call& call) {
    std::string text = fmt::format("{}\n{}", opening, key_word);
    for (const std::uint8_t byte : call.key.bytes) text += fmt::format("{:02x}", byte);
    text += '\n';
    for (const Address& address : call.addresses)
        text += fmt::format("{}{}\n", address_word, format_address(address));
    return text;
}

Call parse_call(std::string_view text) {
    const auto lines = split(text, '\n');
    constexpr std::size_t lines_min = 4;  // of which the last is empty
    if (lines.size() < lines_min || lines[0] != opening || !lines[1].starts_with(key_word) ||
        !lines.back().empty())
        fail_call();
    Call call{.key = parse_key(lines[1].substr(key_word.size())), .addresses = {}};
    for (std::size_t line = 2; line + 1 < lines.size(); ++line) {
        if (!lines[line].starts_with(address_word)) fail_call();
        call.addresses.push_back(parse_address(lines[line].substr(address_word.size())));
    }
    return call;
}

std::vector<std::string> own_addresses() {
    ifaddrs* list = nullptr;
    check_syscall(::getifaddrs(&list), "list the network interfaces");
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
    std::vector<std::string> four, six;
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        const unsigned flags = entry->ifa_flags;
        if (entry->ifa_addr == nullptr || (flags & IFF_UP) == 0 || (flags & IFF_LOOPBACK) != 0)
            continue;
        const int family = entry->ifa_addr->sa_family;
        if (family != AF_INET && family != AF_INET6) continue;
        char text[NI_MAXHOST];
        const auto bytes =
            static_cast<socklen_t>(family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
        if (::getnameinfo(entry->ifa_addr, bytes, text, sizeof text, nullptr, 0, NI_NUMERICHOST) !=
            0)
            continue;
        // "fe80::1%eth0" means another thing on every host.
        if (std::string_view(text).find('%') == std::string_view::npos)
            (family == AF_INET ? four : six).emplace_back(text);
    }
    four.insert(four.end(), six.begin(), six.end());
    four.emplace_back("127.0.0.1");
    return four;
}

}  // namespace ipcrun
