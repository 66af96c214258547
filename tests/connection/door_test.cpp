// SPDX-License-Identifier: Apache-2.0
// Proves that a door opens for who was given a ticket, and to nobody else.
#include "runtime/connection/door.hpp"

#include <sys/socket.h>

#include <future>

#include "base/socket.hpp"
#include "base/stream_socket.hpp"
#include "runtime/connection/loop_thread.hpp"
#include "tests/connection/connected.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

struct TestDoor {
    TestDoor() {
        thread.call([&] { door = std::make_unique<Door>(thread); });
    }
    ~TestDoor() {
        thread.call([&] { door.reset(); });
    }
    /// A ticket; `visitors` counts who came in with it.
    Ticket expect(const Key& secret) {
        Ticket ticket;
        thread.call([&] {
            ticket = door->expect(secret, [this](UniqueFd) {
                ++visitors;
                came.set_value();
            });
        });
        return ticket;
    }
    /// Who shows the ticket and proves the secret: what becomes of them.
    Error visit(const Ticket& ticket, const Key& secret) {
        return error_of([&] { (void)pass_door(door->name(), ticket, secret, soon()); });
    }
    bool is_closed_to(int fd) {
        std::uint8_t byte;
        return wait_readable(fd, soon()) && ::recv(fd, &byte, 1, MSG_DONTWAIT) <= 0;
    }

    LoopThread thread;
    std::unique_ptr<Door> door;
    int visitors = 0;
    std::promise<void> came;
};

}  // namespace

TEST_CASE("door: who has the ticket and the secret comes in, once") {
    TestDoor door;
    const Key secret = Key::random();
    const Ticket ticket = door.expect(secret);
    CHECK(door.visit(ticket, secret).code == ErrorCode::internal);  // nothing was thrown
    CHECK(door.came.get_future().wait_for(patience) == std::future_status::ready);
    CHECK(door.visit(ticket, secret).code == ErrorCode::peer_lost);
    CHECK(door.visitors == 1);
}

TEST_CASE("door: a ticket without the secret does not open it, and stays good for its owner") {
    TestDoor door;
    const Key secret = Key::random();
    const Ticket ticket = door.expect(secret);
    CHECK(door.visit(ticket, Key::random()).code != ErrorCode::internal);
    CHECK(door.visitors == 0);
    CHECK(door.visit(ticket, secret).code == ErrorCode::internal);
    CHECK(door.came.get_future().wait_for(patience) == std::future_status::ready);
}

TEST_CASE("door: an unknown or forgotten ticket does not open it") {
    TestDoor door;
    const Key secret = Key::random();
    CHECK(door.visit(Ticket{}, secret).code == ErrorCode::peer_lost);
    const Ticket ticket = door.expect(secret);
    door.thread.call([&] { door.door->forget(ticket); });
    CHECK(door.visit(ticket, secret).code == ErrorCode::peer_lost);
    CHECK(door.visitors == 0);
}

TEST_CASE("door: those who stand there in silence make room for others") {
    TestDoor door;
    const Key secret = Key::random();
    const Ticket ticket = door.expect(secret);
    std::vector<UniqueFd> silent;
    for (std::size_t i = 0; i < Door::visitors_max + 10; ++i)
        silent.push_back(connect_to({.path = door.door->name()}, soon()));
    CHECK(door.is_closed_to(silent[0].get()));
    CHECK(door.visit(ticket, secret).code == ErrorCode::internal);
    CHECK(door.came.get_future().wait_for(patience) == std::future_status::ready);
}

TEST_CASE("door: no two have the same name") {
    TestDoor a, b;
    CHECK(a.door->name() != b.door->name());
    CHECK(a.door->name().size() == std::string("@ipcrun-").size() + 32);
}
