// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Where processes of this host come to share memory: an abstract Unix socket with a random name.
/// Anybody can knock; who is let in shows a ticket and proves that it is theirs. Reaching it at all
/// is the proof that both are in one network namespace of one kernel.

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <string>

#include "base/deadline.hpp"
#include "base/event_loop.hpp"
#include "base/unique_fd.hpp"
#include "runtime/connection/door_handshake.hpp"
#include "runtime/connection/loop_thread.hpp"

namespace ipcrun {

/// All is for the thread alone.
class Door {
  public:
    /// How many may be at the door and unproved at a time: when one more comes, the first goes,
    /// once it has had `grace`; until then the new one waits outside.
    static constexpr std::size_t visitors_max = 128;
    static constexpr std::chrono::milliseconds grace{250};

    /// Throws Error{system}.
    explicit Door(LoopThread& thread);
    Door(const Door&) = delete;

    const std::string& name() const { return name_; }

    using OnVisitor = std::function<void(UniqueFd socket)>;
    /// From now on lets in who comes with the ticket and proves to know `secret`: once.
    Ticket expect(const Key& secret, OnVisitor on_visitor);
    void forget(const Ticket& ticket);

  private:
    struct Expected {
        Key secret;
        OnVisitor on_visitor;
    };
    struct Visitor {
        UniqueFd socket;
        Clock::time_point since = Clock::now();
        Bytes ticket;
        std::unique_ptr<DoorHandshake> handshake;
        FdWatch watch;
        Timer patience;
    };
    using Place = std::list<Visitor>::iterator;

    void open();
    void rest(std::chrono::milliseconds time);
    void accept();
    void leave(Place visitor);
    void advance(Place visitor);
    bool is_proved(Visitor& visitor);

    LoopThread& thread_;
    std::string name_;
    UniqueFd listener_;
    FdWatch watch_;
    Timer pause_;
    std::list<Visitor> visitors_;
    std::map<Ticket, Expected> expected_;
};

}  // namespace ipcrun
