// SPDX-License-Identifier: Apache-2.0
// Peers that are killed, or stopped, in the middle of whatever they do: real processes.
#include <doctest/doctest.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/connection/link_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

// A process at the other end of a link, and the knowledge of its end, as a door or a pidfd gives
// it.
class Peer {
  public:
    Peer(Carrier carrier, const std::function<void(Link&)>& body) {
        Wire wire(carrier);
        pid_ = check_syscall(::fork(), "fork");
        if (pid_ == 0) {
            try {
                wire.sockets.first.reset();
                const auto link = wire.end(1);
                body(*link);
            } catch (const std::exception&) {
                ::_exit(1);
            }
            ::_exit(0);
        }
        wire.sockets.second.reset();
        link_ = wire.end(0);
        pidfd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
        watch_ = std::thread([this] {
            pollfd end{pidfd_.get(), POLLIN, 0};
            while (::poll(&end, 1, -1) < 0) {
            }
            if (auto* const memory = dynamic_cast<MemoryLink*>(link_.get()))
                memory->peer_ended("the peer has ended");
        });
    }
    ~Peer() {
        signal(SIGKILL);
        int status = 0;
        (void)::waitpid(pid_, &status, 0);
        watch_.join();
    }
    Peer(const Peer&) = delete;

    Link& link() { return *link_; }
    void signal(int number) const { (void)::kill(pid_, number); }

  private:
    pid_t pid_;
    UniqueFd pidfd_;
    std::unique_ptr<Link> link_;
    std::thread watch_;
};

const std::vector<Carrier> carriers{Carrier::memory, Carrier::unix_socket, Carrier::tcp,
                                    Carrier::encrypted};
constexpr std::size_t sizes[] = {100, 5'000, 3 << 20, 40 << 20};

void send_for_ever(Link& link) {
    for (int i = 0;; ++i) {
        auto bytes = pattern(sizes[i % 4], 1);
        const Part part = part_of(bytes);
        link.send(bytes_of(i % 3 == 0 ? "a note" : ""), {&part, 1}, 0, Deadline::never());
    }
}

}  // namespace

TEST_CASE("link: of a sender that is killed at any moment whole messages come, then its end") {
    const std::vector<std::vector<std::uint8_t>> whole{pattern(sizes[0], 1), pattern(sizes[1], 1),
                                                       pattern(sizes[2], 1), pattern(sizes[3], 1)};
    for (const Carrier carrier : carriers) {
        CAPTURE(name_of(carrier));
        for (int round = 0; round < 12; ++round) {
            Peer peer(carrier, send_for_ever);
            std::thread killer([&] {
                const auto until = Clock::now() + std::chrono::microseconds(round * 9'700);
                while (Clock::now() < until) std::this_thread::yield();
                peer.signal(SIGKILL);
            });
            int count = 0;
            const Error error = error_of([&] {
                for (;; ++count) {
                    std::vector<std::uint8_t> got(sizes[count % 4]);
                    if (count % 2 == 0) {
                        receive_bytes(peer.link(), got);
                    } else {
                        const Message message = peer.link().receive(0, soon());
                        std::memcpy(got.data(), message.storage->data(), got.size());
                    }
                    if (got != whole[static_cast<std::size_t>(count % 4)])
                        fail(ErrorCode::internal, "message {} is broken", count);
                }
            });
            killer.join();
            CHECK(error.code == ErrorCode::peer_lost);
            CAPTURE(error.what());
            CHECK(error_of([&] { send_text(peer.link(), "x"); }).code == ErrorCode::peer_lost);
        }
    }
}

TEST_CASE("link: a receiver that is killed at any moment ends the send to it, or the one after") {
    for (const Carrier carrier : carriers) {
        CAPTURE(name_of(carrier));
        for (int round = 0; round < 12; ++round) {
            Peer peer(carrier, [](Link& link) {
                for (;;) (void)link.receive(0, Deadline::never());
            });
            std::thread killer([&] {
                const auto until = Clock::now() + std::chrono::microseconds(round * 9'700);
                while (Clock::now() < until) std::this_thread::yield();
                peer.signal(SIGKILL);
            });
            const Error error = error_of([&] { send_for_ever(peer.link()); });
            killer.join();
            CHECK(error.code == ErrorCode::peer_lost);
        }
    }
}

TEST_CASE("link: a peer that is stopped in the middle is waited for until the deadline, or on") {
    for (const Carrier carrier : carriers) {
        CAPTURE(name_of(carrier));
        const auto whole = pattern(sizes[3], 1);
        Peer peer(carrier, [](Link& link) {
            auto bytes = pattern(sizes[3], 1);
            for (;;) send_bytes(link, bytes, 0, Deadline::never());
        });
        std::vector<std::uint8_t> got(whole.size());
        receive_bytes(peer.link(), got);
        peer.signal(SIGSTOP);
        const Error error = error_of([&] {
            for (;;) receive_bytes(peer.link(), got, 0, Deadline::after(Seconds(0.1)));
        });
        CHECK(error.code == ErrorCode::timeout);
        peer.signal(SIGCONT);
        for (int i = 0; i < 3; ++i) {
            got.assign(got.size(), 0);
            receive_bytes(peer.link(), got);
            CHECK(got == whole);
        }
    }
}
