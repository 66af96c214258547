// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/acceptor.hpp"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <ctime>
#include <future>

#include "tests/stream/stream_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

const Key test_key = key_of_text("the key of the acceptor's tests");

// An acceptor in a thread of its own, until it is dropped.
class Serving {
  public:
    explicit Serving(AcceptorOptions options, const Address& address = {.host = "127.0.0.1"},
                     std::function<void(SecureStream)> on_stream = {}) {
        UniqueFd listener = listen_at(address);
        address_ = own_address(listener.get());
        thread_ = std::thread([this, options, on_stream, listener = std::move(listener)]() mutable {
            EventLoop loop;
            // Its byte is read: so all that was done before it was sent is known to be over.
            const FdWatch end = loop.on_readable(pipe_.second.get(), [this, &loop] {
                char byte;
                CHECK(::read(pipe_.second.get(), &byte, 1) == 1);
                loop.stop();
            });
            const auto take = [this, &on_stream](SecureStream stream) {
                if (on_stream) on_stream(std::move(stream));
                ++accepted_;
            };
            Acceptor acceptor(loop, std::move(listener), options, take);
            acceptor_.set_value(&acceptor);
            loop.run();
        });
        running_ = acceptor_.get_future().get();
    }
    ~Serving() {
        CHECK(::write(pipe_.first.get(), "", 1) == 1);
        thread_.join();
    }

    const Address& address() const { return address_; }
    int accepted() const { return accepted_; }
    Refusals refusals() const { return running_->refusals(); }
    bool wait_refusals(std::uint64_t count) const {
        const Deadline deadline = soon();
        while (refusals().count < count)
            if (deadline.has_passed())
                return false;
            else
                std::this_thread::yield();
        return true;
    }
    SecureStream dial() const { return ipcrun::dial(address_, {.key = test_key}, soon()); }

  private:
    std::pair<UniqueFd, UniqueFd> pipe_ = create_socket_pair(SocketKind::stream);
    Address address_;
    std::atomic<int> accepted_ = 0;
    std::promise<Acceptor*> acceptor_;
    Acceptor* running_ = nullptr;
    std::thread thread_;
};

}  // namespace

TEST_CASE("acceptor: many who come at the same time get their streams") {
    std::mutex mutex;
    std::vector<SecureStream> streams;
    Serving serving({.key = test_key}, {.host = "127.0.0.1"}, [&](SecureStream stream) {
        const std::lock_guard lock(mutex);
        write_all(stream, "hello");
        streams.push_back(std::move(stream));
    });
    std::vector<std::thread> clients;
    std::atomic<int> greeted = 0;
    for (int i = 0; i < 40; ++i)
        clients.emplace_back([&] {
            SecureStream stream = serving.dial();
            greeted += read_all(stream, 5) == "hello";
        });
    for (auto& client : clients) client.join();
    CHECK(greeted == 40);
    CHECK(serving.refusals().count == 0);
}

TEST_CASE("acceptor: whoever has another key is refused, counted and named") {
    Serving serving({.key = test_key});
    const auto [code, text] = error_of([&] {
        (void)dial(serving.address(), {.key = key_of_text("another key, long enough")}, soon());
    });
    CHECK(code == ErrorCode::config);
    CHECK(text.find("another key") != text.npos);
    CHECK(text.find(format_address(serving.address())) != text.npos);
    REQUIRE(serving.wait_refusals(1));
    CHECK(serving.refusals().last.starts_with("127.0.0.1:"));
    CHECK(serving.refusals().last.ends_with(": another key"));
    CHECK(serving.accepted() == 0);
}

TEST_CASE("acceptor: a flood of silent connections keeps nobody out") {
    Serving serving({.key = test_key, .handshakes_max = 4});
    std::vector<UniqueFd> silent;
    for (int i = 0; i < 50; ++i) silent.push_back(connect_to(serving.address(), soon()));
    SecureStream stream = serving.dial();
    REQUIRE(serving.wait_refusals(40));
    CHECK(serving.refusals().last.find("silent while many others came") != std::string::npos);
}

TEST_CASE("acceptor: many who come at once do not push out each other") {
    Serving serving({.key = test_key, .handshakes_max = 2});
    std::vector<std::thread> clients;
    std::atomic<int> served = 0;
    for (int i = 0; i < 200; ++i)
        clients.emplace_back([&] {
            SecureStream stream = serving.dial();
            ++served;
        });
    for (auto& client : clients) client.join();
    CHECK(served == 200);
}

TEST_CASE("acceptor: who has begun to speak has more time than the silent, and gives way, too") {
    Serving serving({.key = test_key,
                     .handshakes_max = 1,
                     .silence = std::chrono::milliseconds(1),
                     .patience_for_others = std::chrono::milliseconds(300)});
    const auto begun = Clock::now();
    const UniqueFd slow = connect_to(serving.address(), soon());
    const Bytes hello = Handshake(Role::client, test_key, false, "ipc").take_output();
    REQUIRE(::send(slow.get(), hello.data(), hello.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(hello.size()));
    REQUIRE(wait_readable(slow.get(), soon()));  // it is heard before the next one comes
    const SecureStream stream = serving.dial();
    CHECK(Clock::now() - begun > std::chrono::milliseconds(100));
    CHECK(serving.refusals().last.ends_with("silent while many others came"));
}

TEST_CASE("acceptor: a silent connection is given up when patience is over") {
    Serving serving({.key = test_key, .patience = std::chrono::milliseconds(30)});
    const UniqueFd silent = connect_to(serving.address(), soon());
    REQUIRE(serving.wait_refusals(1));
    CHECK(serving.refusals().last.find("silent for too long") != std::string::npos);
    CHECK(wait_readable(silent.get(), soon()));  // its end
}

TEST_CASE("acceptor: garbage, and connections that end at once, end no server") {
    Serving serving({.key = test_key});
    for (int i = 0; i < 20; ++i) {
        const UniqueFd socket = connect_to(serving.address(), soon());
        if (i % 2 == 0) (void)::send(socket.get(), "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL);
    }
    REQUIRE(serving.wait_refusals(20));
    SecureStream stream = serving.dial();
}

TEST_CASE("acceptor: without descriptors it pauses, and then takes who has waited") {
    Serving serving({.key = test_key});
    SecureStream first = serving.dial();
    UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    rlimit before;
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    rlimit none = before;
    none.rlim_cur = 3;  // those that are open stay
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    where.sin_port = htons(serving.address().port);
    const int connected =
        ::connect(client.get(), reinterpret_cast<sockaddr*>(&where), sizeof where);
    Handshake handshake(Role::client, test_key, false, "ipc");
    const Bytes hello = handshake.take_output();
    const auto sent = ::send(client.get(), hello.data(), hello.size(), MSG_NOSIGNAL);
    const std::clock_t worked_before = std::clock();
    const bool was_answered = wait_readable(client.get(), Deadline::after(Seconds(0.3)));
    const std::clock_t worked = std::clock() - worked_before;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    REQUIRE(connected == 0);
    REQUIRE(sent == static_cast<ssize_t>(hello.size()));
    CHECK_FALSE(was_answered);
    CHECK(worked < CLOCKS_PER_SEC / 10);  // it sleeps, meanwhile
    CHECK(wait_readable(client.get(), soon()));
    SecureStream second = serving.dial();
}

TEST_CASE("acceptor: it may be dropped where it hands out a stream") {
    EventLoop loop;
    UniqueFd listener = listen_at({.host = "127.0.0.1"});
    const Address address = own_address(listener.get());
    std::unique_ptr<Acceptor> acceptor;
    std::optional<SecureStream> stream;
    const std::string purpose = "dropped";
    acceptor = std::make_unique<Acceptor>(loop, std::move(listener),
                                          AcceptorOptions{.key = test_key, .purpose = purpose},
                                          [&](SecureStream made) {
                                              acceptor.reset();
                                              stream.emplace(std::move(made));
                                          });
    std::thread client([&] { (void)dial(address, {.key = test_key, .purpose = purpose}, soon()); });
    loop.run();  // until nothing is registered any more
    client.join();
    CHECK(stream.has_value());
    CHECK_THROWS_AS((void)connect_to(address, soon()), Error);
}
