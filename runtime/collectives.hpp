// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The engine of collective operations of one communicator: numbers them, lets the members meet,
/// verifies that they mean the same, and has the work done by those who wait.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "runtime/collective.hpp"
#include "runtime/group.hpp"
#include "runtime/places.hpp"
#include "runtime/request.hpp"
#include "runtime/schedule.hpp"
#include "runtime/staging.hpp"

namespace ipcrun {

class Collectives {
  public:
    explicit Collectives(Group& group);
    Collectives(const Collectives&) = delete;
    /// Gives up what is under way.
    ~Collectives();

    /// See Communicator::run and start.
    void run(const Collective& collective, Deadline deadline, CallSite site);
    Request start(const Collective& collective, Deadline deadline, CallSite site);

    /// Goes on with what was started, without waiting.
    void progress();

  private:
    struct Started;  // an operation that its caller does not wait for yet

    /// One operation on its way.
    struct Operation {
        enum class State { arrived, working, done };

        Collective collective;
        Deadline deadline = Deadline::never();
        Fingerprint fingerprint = {};
        std::uint32_t sequence = 0;
        State state = State::arrived;
        bool is_inline = false;
        bool is_worker = true;
        bool has_worked = false;
        std::uint32_t finish_mark = 0;  // Work::finished_chunks when it is done
        Staging staging = {};
        std::optional<Schedule> schedule = {};
        std::optional<Error> verdict = {};  // of pull(): all members raise it when all are done

        // Another one, in the memory of the last.
        void renew(const Collective& next, Deadline next_deadline) {
            collective = next;
            deadline = next_deadline;
            state = State::arrived;
            is_worker = true;
            has_worked = false;
            staging.clear();
            verdict.reset();
        }
        std::uint32_t slot() const { return sequence % operation_slots; }
    };
    enum class Patience { none, some };

    // collectives.cpp: what every operation does
    void begin(Operation& operation, CallSite site);
    void arrive(const Operation& operation);
    bool advance(Operation& operation, Patience patience);
    void go_on(Operation& operation, Patience patience);
    bool wait_a_while(const Operation& operation, Deadline deadline);
    void complete(Operation& operation);
    void verify(const Operation& operation);
    bool are_all_alike(const Operation& operation) const;
    bool differ_in_values_only(const Operation& operation) const;
    bool has_arrived(int member, std::uint32_t sequence) const;
    bool all_arrived(std::uint32_t sequence);
    MemberArrival& arrival_of(int member, const Operation& operation) const {
        return group_.member(member).arrivals[operation.slot()];
    }

    // started.cpp: several operations under way
    bool advance_oldest(Patience patience);
    bool wait_for_oldest(Deadline deadline);
    Deadline soonest(Deadline deadline) const;
    void check_deadlines();
    bool is_slot_free(std::uint32_t sequence);
    void wait_for_slot(const Operation& operation);

    // collective_failures.cpp: what happens when something is wrong
    bool is_alerted() const { return group_.alert() != alert_seen_; }
    void look_around(const Operation& operation);
    // Also for those who never wait, but ask again and again.
    void look_if_alerted(const Operation& operation) {
        if (is_alerted()) look_around(operation);
    }
    void look_again();
    [[noreturn]] void give_up(const Operation& operation, ErrorCode code, int culprit,
                              const std::string& message);
    [[noreturn]] void time_out(const Operation& operation);
    void wait_for_an_end(const Operation& operation);
    // Runs the body. Of disagreements all members know; of other errors they must be told.
    template <typename Body>
    void or_give_up(const Operation& operation, Body body) {
        try {
            body();
        } catch (const Error& error) {
            if (group_.has_given_up() || error.code == ErrorCode::mismatch) throw;
            if (error.code == ErrorCode::peer_lost && !error.rank) wait_for_an_end(operation);
            give_up(operation, error.code, error.rank.value_or(group_.rank()), error.what());
        } catch (const std::bad_alloc&) {
            give_up(operation, ErrorCode::system, group_.rank(), "not enough memory");
        }
    }

    // inline_collectives.cpp: small operations travel beside the arrival flags
    void put_inline(const Operation& operation);
    void get_inline(const Operation& operation);

    // shared_work.cpp: large ones are worked on in place, by all who have a CPU
    void share_out(Operation& operation);
    void work(Operation& operation, Patience patience);
    bool is_finished(const Operation& operation) const;
    bool was_finished_soon(const Operation& operation);
    bool work_on_slice(const Operation& operation, int owner);
    std::uint32_t claim(const Operation& operation, int owner, std::uint32_t left) const;
    void work_on_chunks(const Operation& operation, std::uint32_t chunk, std::uint32_t count,
                        std::uint32_t slice_end);
    void work_on_run(const Operation& operation, std::size_t piece, std::size_t from,
                     std::size_t to, std::size_t next_bytes);
    int workers_max() const;

    // pulled_work.cpp: where counts vary every member fetches its own result
    void pull(Operation& operation);
    void pull_blocks(const Operation& operation);

    Group& group_;
    std::uint32_t alert_seen_ = 0;
    bool look_again_ = false;  // what did not matter for one operation may for the next
    bool has_met_ = false;
    int first_missing_ = 0;
    std::uint32_t first_missing_of_;  // the operation that first_missing_ is about
    std::uint32_t completed_;         // the last operation that this member is done with
    std::uint32_t all_completed_;     // the last that all are done with, as far as we know
    // What the counters of Work have come to, for each slot:
    std::uint32_t workers_before_[operation_slots] = {};
    std::uint32_t chunks_finished_[operation_slots] = {};
    std::deque<std::shared_ptr<Started>> started_;    // in order; shared with requests
    Operation own_{Collective(), Deadline::never()};  // scratch of run()
    bool has_places_ = false;                         // of the operation that is worked on
    Places places_;                                   // scratch of the operation that is worked on
    std::vector<std::size_t> starts_;                 // and of its schedule
    std::vector<const std::byte*> payloads_;          // scratch of small operations
};

}  // namespace ipcrun
