// SPDX-License-Identifier: Apache-2.0
#include "base/address.hpp"

#include <sys/un.h>

#include "base/fail.hpp"
#include "base/text.hpp"

namespace ipcrun {

namespace {

constexpr std::string_view unix_prefix = "unix:";
// One byte of a sockaddr_un's path ends it.
constexpr std::size_t path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;
// RFC 1035; a number with the name of an interface is shorter.
constexpr std::size_t host_bytes_max = 255;

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
    fail(ErrorCode::usage,
         "'{}' is no address: {} (HOST:PORT, [IPv6]:PORT, unix:PATH and unix:@NAME are)",
         excerpt(text), why);
}

Address parse_unix(std::string_view text) {
    const std::string_view path = text.substr(unix_prefix.size());
    if (path.empty() || path == "@") refuse(text, "the name of the Unix socket is empty");
    if (path.size() > path_bytes_max) refuse(text, "the name of the Unix socket is too long");
    if (path.find('\0') != path.npos) refuse(text, "it has a zero byte");
    return Address{.path = std::string(path)};
}

}  // namespace

std::string format_address(const Address& address) {
    if (address.is_unix()) return fmt::format("{}{}", unix_prefix, address.path);
    const bool is_ipv6 = address.host.find(':') != std::string::npos;
    return fmt::format("{}{}{}:{}", is_ipv6 ? "[" : "", address.host, is_ipv6 ? "]" : "",
                       address.port);
}

Address parse_address(std::string_view text) {
    if (text.starts_with(unix_prefix)) return parse_unix(text);
    const auto colon = text.rfind(':');
    if (colon == text.npos) refuse(text, "the port is missing");
    std::string_view host = text.substr(0, colon);
    const auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
    if (!port) refuse(text, "the port is no number from 0 to 65535");
    const bool in_brackets = host.starts_with('[') && host.ends_with(']');
    if (in_brackets) host = host.substr(1, host.size() - 2);
    const bool is_ipv6 = host.find(':') != host.npos;
    if (is_ipv6 != in_brackets) refuse(text, "numbers of IPv6, and only those, stand in brackets");
    if (host.size() > host_bytes_max) refuse(text, "the name of the host is too long");
    for (const char letter : host)
        if (letter <= ' ' || letter == '[' || letter == ']' || letter == 0x7f)
            refuse(text, "a host's name has no such letter");
    return Address{.host = std::string(host), .port = *port};
}

}  // namespace ipcrun
