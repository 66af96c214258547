// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/server.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <list>
#include <mutex>
#include <optional>
#include <utility>

#include "base/address.hpp"
#include "base/fail.hpp"
#include "base/stream_socket.hpp"
#include "runtime/connection/connection_impl.hpp"
#include "runtime/connection/upgrade.hpp"
#include "runtime/connection/wait_set.hpp"
#include "runtime/stream/acceptor.hpp"

namespace ipcrun {

namespace {

// The file of a Unix socket, if it has one.
std::string file_of(const Address& address) {
    return address.is_unix() && !address.path.starts_with('@') ? address.path : "";
}

}  // namespace

struct Server::Impl {
    Impl(std::shared_ptr<Neighbourhood> shared, LinkChoice wanted)
        : neighbourhood(std::move(shared)),
          choice(wanted),
          wait_set(std::make_shared<WaitSet>(neighbourhood->impl())) {}

    Impl(const Impl&) = delete;
    // Closes those that nobody else holds.
    ~Impl() {
        for (const auto& connection : connections)
            if (connection.use_count() == 1) connection->begin_close();
    }

    // In the thread.
    void open(UniqueFd listener, const Key& key, bool encrypt);
    void upgrade(SecureStream stream);
    void take(std::list<std::unique_ptr<ServerUpgrade>>::iterator upgrade,
              ServerUpgrade::Result result);

    // Any thread.
    std::vector<std::shared_ptr<Connection>> drop_those_over();
    void refuse(std::string why);
    void remember_file();
    void remove_file();
    void close();
    std::size_t count() {
        const std::lock_guard lock(mutex);
        return connections.size();
    }
    bool has_closed() {
        const std::lock_guard lock(mutex);
        return is_closed;
    }

    const std::shared_ptr<Neighbourhood> neighbourhood;
    const LinkChoice choice;
    Address address;
    // Of the file that was made: by now another may stand in its place.
    std::optional<std::pair<dev_t, ino_t>> socket_file;

    // The thread's:
    std::unique_ptr<Acceptor> acceptor;
    std::list<std::unique_ptr<ServerUpgrade>> upgrades;

    // Shared with the connections, which tell it what becomes of them.
    const std::shared_ptr<WaitSet> wait_set;
    std::mutex mutex;  // guards what follows
    std::vector<std::shared_ptr<Connection>> connections;
    Refusals refused;  // during an upgrade; and by the acceptor, once it is gone
    bool is_closed = false;
};

void Server::Impl::open(UniqueFd listener, const Key& key, bool encrypt) {
    AcceptorOptions options;
    options.key = key;
    options.encrypt = encrypt;
    acceptor = std::make_unique<Acceptor>(
        neighbourhood->impl().thread().loop(), std::move(listener), std::move(options),
        [this](SecureStream stream) { upgrade(std::move(stream)); });
}

void Server::Impl::upgrade(SecureStream stream) {
    // However many: they have proved that they have the key, and none stays for long.
    const auto place = upgrades.emplace(upgrades.end());
    const std::string peer = stream.peer();
    try {
        *place = std::make_unique<ServerUpgrade>(
            std::move(stream), choice, neighbourhood,
            [this, place](ServerUpgrade::Result result) { take(place, std::move(result)); });
    } catch (const std::exception& error) {
        upgrades.erase(place);
        refuse(fmt::format("{}: {}", peer, error.what()));
    }
}

void Server::Impl::take(std::list<std::unique_ptr<ServerUpgrade>>::iterator upgrade,
                        ServerUpgrade::Result result) {
    if (!result.parts) {
        upgrades.erase(upgrade);
        return refuse(std::move(result.failure));
    }
    const std::string peer = result.parts->peer;
    try {
        const auto connection = std::make_shared<Connection>(
            std::make_unique<Connection::Impl>(*std::move(result.parts)));
        wait_set->add(connection);
        // What waits for more of them also waits for their ends.
        (void)connection->impl().on_end([news = wait_set] { news->tell_news(); });
        const std::lock_guard lock(mutex);
        connections.push_back(connection);
    } catch (const std::exception& error) {
        refuse(fmt::format("{}: {}", peer, error.what()));
    }
    wait_set->tell_news();
    upgrades.erase(upgrade);
}

void Server::Impl::refuse(std::string why) {
    const std::lock_guard lock(mutex);
    ++refused.count;
    refused.last = std::move(why);
}

// Those that are left. To ask one whether it is over may take a look at its link: not with the
// lock.
std::vector<std::shared_ptr<Connection>> Server::Impl::drop_those_over() {
    std::vector<std::shared_ptr<Connection>> all, over;
    {
        const std::lock_guard lock(mutex);
        all = connections;
    }
    for (const auto& connection : all)
        if (connection->impl().is_over()) over.push_back(connection);
    std::erase_if(all, [&](const auto& each) {
        return std::find(over.begin(), over.end(), each) != over.end();
    });
    if (over.empty()) return all;
    const std::lock_guard lock(mutex);
    std::erase_if(connections, [&](const auto& each) {
        return std::find(over.begin(), over.end(), each) != over.end();
    });
    return all;
}

void Server::Impl::remember_file() {
    struct stat status {};
    const std::string path = file_of(address);
    if (!path.empty() && ::lstat(path.c_str(), &status) == 0)
        socket_file.emplace(status.st_dev, status.st_ino);
}

void Server::Impl::remove_file() {
    struct stat status {};
    if (!socket_file || ::lstat(address.path.c_str(), &status) != 0 ||
        socket_file != std::pair{status.st_dev, status.st_ino})
        return;
    (void)::unlink(address.path.c_str());  // the folder may be read-only by now: then it stays
}

void Server::Impl::close() {
    {
        const std::lock_guard lock(mutex);
        if (std::exchange(is_closed, true)) return;
    }
    remove_file();  // while the socket is there: so its inode has not been given to another
    neighbourhood->impl().thread().call([this] {
        const auto acceptor_that_was = std::exchange(acceptor, nullptr);
        upgrades.clear();
        try {
            Refusals last = acceptor_that_was->refusals();
            const std::lock_guard lock(mutex);
            refused.count += last.count;
            if (!last.last.empty()) refused.last = std::move(last.last);
        } catch (const std::bad_alloc&) {
            // Then nobody is told whom it has refused.
        }
    });
    wait_set->tell_news();
}

Server::Server(const Address& address, const Key& key, bool encrypt, LinkChoice choice,
               const std::shared_ptr<Neighbourhood>& neighbourhood)
    : impl_(std::make_shared<Impl>(neighbourhood, choice)) {
    neighbourhood->impl().check_ours("listen at " + format_address(address));
    UniqueFd listener = listen_at(address);
    impl_->address = own_address(listener.get());
    impl_->remember_file();
    neighbourhood->impl().thread().call([&] { impl_->open(std::move(listener), key, encrypt); });
}

Server::~Server() {
    if (impl_->neighbourhood->impl().is_ours())
        impl_->close();
    else  // in a child after fork() all of it is the parent's
        new std::shared_ptr<Impl>(std::move(impl_));
}

const Address& Server::address() const {
    return impl_->address;
}

std::size_t Server::wait_for(std::size_t count, Deadline deadline) {
    impl_->neighbourhood->impl().check_ours("wait for clients");
    for (;;) {
        const std::uint64_t seen = news();
        const std::size_t here = impl_->drop_those_over().size();
        if (here >= count || impl_->has_closed() || !wait_for_news(seen, deadline)) return here;
    }
}

void Server::check_ours(std::string_view attempt) const {
    impl_->neighbourhood->impl().check_ours(attempt);
}

void Server::catch_up() {
    impl_->neighbourhood->impl().check_ours("wait for clients");
    impl_->neighbourhood->impl().thread().call([] {});  // it hears of what came before this
    const std::size_t known = impl_->count();
    if (impl_->drop_those_over().size() < known) impl_->wait_set->tell_news();
}

std::uint64_t Server::news() const {
    return impl_->wait_set->news();
}

bool Server::wait_for_news(std::uint64_t seen, Deadline deadline) {
    impl_->neighbourhood->impl().check_ours("wait for clients");
    return impl_->wait_set->wait_for_news(seen, deadline);
}

std::vector<std::shared_ptr<Connection>> Server::wait_for_message(const Wanted& wanted, bool all,
                                                                  std::uint64_t seen,
                                                                  Deadline deadline) {
    impl_->neighbourhood->impl().check_ours("wait for a message");
    return impl_->wait_set->wait(wanted, all, seen, deadline);
}

std::vector<std::shared_ptr<Connection>> Server::connections() {
    impl_->neighbourhood->impl().check_ours("list the clients of a server");
    return impl_->drop_those_over();
}

std::string Server::describe_refusals() const {
    Refusals all;
    if (!impl_->neighbourhood->impl().is_ours()) return "";
    impl_->neighbourhood->impl().thread().call([&] {
        if (impl_->acceptor != nullptr) all = impl_->acceptor->refusals();
    });
    const std::lock_guard lock(impl_->mutex);
    all.count += impl_->refused.count;
    if (all.last.empty()) all.last = impl_->refused.last;
    if (all.count == 0) return "";
    return fmt::format("{} {} refused, the last: {}", all.count,
                       all.count == 1 ? "connection was" : "connections were", all.last);
}

void Server::close() noexcept {
    if (impl_->neighbourhood->impl().is_ours()) impl_->close();
}

}  // namespace ipcrun
