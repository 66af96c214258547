// SPDX-License-Identifier: Apache-2.0
#include "base/resolve.hpp"

#include <dlfcn.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/un.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <thread>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

struct Found {
    int result = 0;  // of getaddrinfo(3)
    int error_number = 0;
    std::vector<SocketAddress> addresses = {};
};

struct FreeList {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

Found ask(const std::string& host, std::uint16_t port, int flags) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* list = nullptr;
    Found found;
    found.result = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
    found.error_number = errno;
    if (found.result != 0) return found;
    const std::unique_ptr<addrinfo, FreeList> owner(list);
    for (const addrinfo* item = list; item != nullptr; item = item->ai_next) {
        if (item->ai_addrlen > sizeof(sockaddr_storage)) continue;
        SocketAddress address;
        std::memcpy(&address.storage, item->ai_addr, item->ai_addrlen);
        address.bytes = item->ai_addrlen;
        found.addresses.push_back(address);
    }
    return found;
}

// What the thread and who waits for it have in common; whoever goes last frees it.
struct Lookup {
    std::mutex mutex;
    std::condition_variable is_done;
    std::optional<Found> found;
};

std::atomic<int> lookups = 0;

// The thread may outlive its caller, and a module of Lua's is unloaded with its interpreter: the
// library that holds this code stays, then.
void stay_loaded() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void*>(&stay_loaded), &info) == 0) return;
    // Null where this is the program itself, which stays anyway.
    (void)::dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

void start_lookup(const std::shared_ptr<Lookup>& lookup, const Address& address) {
    static const bool stays [[maybe_unused]] = (stay_loaded(), true);
    if (lookups.fetch_add(1) >= lookups_max) {
        lookups.fetch_sub(1);
        fail(ErrorCode::config, "look up the host '{}': {} other look-ups have no answer yet",
             address.host, lookups_max);
    }
    // Signals are for the threads of the program.
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        std::thread([lookup, host = address.host, port = address.port] {
            Found found;
            try {
                found = ask(host, port, AI_ADDRCONFIG);
                // Loopback is no configured address to AI_ADDRCONFIG, and may be all that there is.
                if (found.result != 0) found = ask(host, port, 0);
            } catch (const std::bad_alloc&) {
                found.result = EAI_MEMORY;
            }
            const std::lock_guard lock(lookup->mutex);
            lookup->found = std::move(found);
            lookup->is_done.notify_all();
            lookups.fetch_sub(1);
        }).detach();
    } catch (const std::system_error& error) {
        lookups.fetch_sub(1);
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        fail_errno(error.code().value(), "start a thread that looks up a host");
    }
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Found look_up(const Address& address, Deadline deadline) {
    const auto lookup = std::make_shared<Lookup>();
    start_lookup(lookup, address);
    std::unique_lock lock(lookup->mutex);
    const auto is_done = [&lookup] { return lookup->found.has_value(); };
    if (const auto left = deadline.remaining())
        lookup->is_done.wait_for(lock, *left, is_done);
    else
        lookup->is_done.wait(lock, is_done);
    if (!is_done())
        fail(ErrorCode::timeout, "look up the host '{}': no answer in time", address.host);
    return std::move(*lookup->found);
}

SocketAddress unix_address(const std::string& path) {
    SocketAddress result;
    auto* name = reinterpret_cast<sockaddr_un*>(&result.storage);
    if (path.size() >= sizeof name->sun_path)
        fail(ErrorCode::usage, "the name of the Unix socket '{}' is longer than {} bytes", path,
             sizeof name->sun_path - 1);
    name->sun_family = AF_UNIX;
    std::memcpy(name->sun_path, path.data(), path.size());
    const bool is_abstract = path.starts_with('@');
    if (is_abstract) name->sun_path[0] = '\0';
    // The name of an abstract one is as long as the address says; that of a file ends with a zero.
    result.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() +
                                          (is_abstract ? 0 : 1));
    return result;
}

std::vector<SocketAddress> everywhere(std::uint16_t port) {
    std::vector<SocketAddress> result(2);
    auto* six = reinterpret_cast<sockaddr_in6*>(&result[0].storage);
    six->sin6_family = AF_INET6;
    six->sin6_addr = in6addr_any;
    six->sin6_port = htons(port);
    result[0].bytes = sizeof *six;
    auto* four = reinterpret_cast<sockaddr_in*>(&result[1].storage);
    four->sin_family = AF_INET;
    four->sin_addr.s_addr = htonl(INADDR_ANY);
    four->sin_port = htons(port);
    result[1].bytes = sizeof *four;
    return result;
}

}  // namespace

std::vector<SocketAddress> resolve(const Address& address, bool to_listen, Deadline deadline) {
    if (address.is_unix()) return {unix_address(address.path)};
    if (address.host.empty() && to_listen) return everywhere(address.port);
    if (address.host.empty() || address.host.find('\0') != std::string::npos)
        fail(ErrorCode::usage, "'{}' is no address: the host is missing", format_address(address));
    if (!to_listen && address.port == 0)
        fail(ErrorCode::usage, "nobody listens at port 0 of '{}'", address.host);
    Found found = ask(address.host, address.port, AI_NUMERICHOST);
    if (found.result == EAI_NONAME) found = look_up(address, deadline);
    if (found.result == EAI_SYSTEM)
        fail_errno(found.error_number, fmt::format("look up the host '{}'", address.host));
    if (found.result != 0 || found.addresses.empty())
        fail(ErrorCode::config, "look up the host '{}': {}", address.host,
             found.result == 0 ? "it has no address" : ::gai_strerror(found.result));
    return std::move(found.addresses);
}

}  // namespace ipcrun
