// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a Connection is made of. All is made by the upgrade; see upgrade.hpp.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "runtime/connection/connection.hpp"
#include "runtime/connection/neighbourhood_impl.hpp"
#include "runtime/connection/side_channel.hpp"
#include "runtime/stream/handshake.hpp"

namespace ipcrun {

class MemoryLink;
class SocketLink;
class WaitSet;

struct Connection::Impl {
    /// What the upgrade has found out.
    struct Parts {
        std::shared_ptr<Neighbourhood> neighbourhood;
        Role role;  ///< of this end
        std::unique_ptr<Link> link;
        std::unique_ptr<SideChannel> side;
        std::string peer, peer_host, reason;
        bool is_encrypted = false;
        MemoryLink* memory_link = nullptr;  ///< the link, unless it is a socket
        MemoryPlace place = nullptr;        ///< of a link by memory, until it is closed
    };
    explicit Impl(Parts parts);
    Impl(const Impl&) = delete;
    ~Impl();

    /// Hands `memory`, whose control segment is `control_fd`, to the peer, which receive_memory()
    /// gives it. Of LinkKind::process and memory. Counts as a call on the connection. Throws as
    /// SideChannel does, naming the peer. The number of this memory among all that went this way,
    /// from 1.
    std::uint32_t send_memory(const std::shared_ptr<NodeMemory>& memory, int control_fd,
                              Deadline deadline);
    /// Drops those before `number`, which nobody has asked for.
    std::shared_ptr<NodeMemory> receive_memory(Deadline deadline, std::uint32_t number = 0);

    /// Attempts to set up a group that this end has begun as its founder; those of the peer that it
    /// has dealt with.
    std::atomic<std::uint32_t> groups_attempted = 0, groups_heard = 0;

    /// Has `callback` called, once, in the neighbourhood's thread, when the peer's end of the
    /// connection has ended, in good order or not; or, of a link by memory, when its process has:
    /// from then on it touches no memory that it was handed. Also when that has happened already.
    /// It must not block, nor drop this connection. Not called once this end is closed. Any thread.
    std::uint64_t on_end(std::function<void()> callback, PeerEnd what = PeerEnd::connection);
    /// Once it returns `callback` does not run and will not be called. Any thread.
    void forget_end(std::uint64_t id);

    /// Has the peer ended, or closed? What it had sent before may still be there. Any thread.
    bool has_peer_ended() const { return has_peer_ended_.load(); }
    /// That, or has a call found that it is lost? Any thread.
    bool has_peer_gone() const { return has_peer_ended_ || is_lost_; }
    /// Is it closed, or has the peer gone and left nothing for the user (tag 0)? Any thread,
    /// whatever another one does with the connection.
    bool is_over();
    /// Is a message for the user there, or will none come any more? For the wait set, which while
    /// another thread is in a call gets no, and hears when that has ended.
    bool has_message();

    void begin_close() noexcept;
    void close() noexcept;

    /// While it lives, its thread may use the link; no other can. Throws Error{usage} when one
    /// does, or the connection is closed.
    class Turn {
      public:
        Turn(Impl& connection, std::string_view attempt);
        Turn(const Turn&) = delete;
        ~Turn();

      private:
        Impl& connection_;
    };
    /// The same for a call at the side channel, which close() interrupts, too.
    class Handing {
      public:
        Handing(Impl& connection, std::string_view attempt);
        Handing(const Handing&) = delete;
        ~Handing();

      private:
        Impl& connection_;
        Turn turn_;
    };
    /// The error of a call on the link, as it is to be thrown: it says who the peer is.
    Error describe(std::string_view attempt, const Error& error);
    /// "client 10.0.0.2:41000 (pid 812 on node7)".
    std::string name() const;

    Parts parts;
    ConnectionStatistics statistics;
    std::atomic<bool> is_closed = false;
    /// Who is to know what becomes of it, and its number there; null: nobody.
    std::shared_ptr<WaitSet> wait_set;
    std::uint64_t wait_number = 0;

  private:
    enum class Use : int { free, call, look };

    SocketLink* socket() const;
    bool try_use(Use use);
    bool begin_use(Use use);
    void end_use();
    void release();
    void finish_close() noexcept;
    void interrupt() noexcept;
    void peer_has_ended(PeerEnd what, std::string_view how);
    void tell(PeerEnd what);

    std::atomic<Use> use_ = Use::free;
    std::atomic<bool> is_lost_ = false, has_peer_ended_ = false;
    std::atomic<bool> has_nothing_left_ = false;   // for the user, and nothing will come
    std::atomic<bool> is_missed_ = false;          // by the wait set, which found it in use
    bool is_link_closed_ = false;                  // of who uses the link
    std::atomic<bool> has_said_goodbye_ = false;   // and nobody uses the link until it is closed
    std::atomic<bool> is_handing_memory_ = false;  // a call that waits at the side channel
    std::uint32_t memories_sent_ = 0, memories_received_ = 0;  // of who hands memory over
    // The neighbourhood's thread's:
    struct Awaited {
        PeerEnd what;
        std::function<void()> callback;
    };
    std::map<std::uint64_t, Awaited> on_end_;
    bool has_process_ended_ = false;
    std::uint64_t last_id_ = 0;
};

}  // namespace ipcrun
