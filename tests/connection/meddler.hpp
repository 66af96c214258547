// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A stranger on the way between a client and a server: what passes through it is cut, held back,
/// changed or slowed from some byte on.

#include <array>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/unique_fd.hpp"

namespace ipcrun::testing {

enum class Meddling {
    none,
    cut,     ///< both connections end
    hold,    ///< nothing passes any more, either way
    change,  ///< one byte becomes another
    drip,    ///< bytes pass one by one, every 10 ms each way
};

enum class Way { to_server, to_client };

struct MeddlingPlan {
    Meddling what = Meddling::none;
    Way way = Way::to_server;
    std::size_t at = 0;  ///< how many bytes pass that way before; no matter to `drip`
};

/// Passes connections on to `server`, one after the other, in a thread of its own, until it is
/// dropped.
class Meddler {
  public:
    Meddler(const Address& server, MeddlingPlan plan);
    ~Meddler();
    Meddler(const Meddler&) = delete;

    const Address& address() const { return address_; }
    /// What has been passed on that way, of the last connection.
    Bytes passed(Way way) const;
    /// How many bytes had been passed on after each piece that came by itself: a message, where
    /// the two ends talk by turns.
    std::vector<std::size_t> steps(Way way) const;

  private:
    void run();
    bool run_once();
    bool pass(int from, int to, Way way);

    const Address server_;
    const MeddlingPlan plan_;
    UniqueFd listener_;
    Address address_;
    std::pair<UniqueFd, UniqueFd> end_;
    mutable std::mutex mutex_;  // guards these two
    std::array<Bytes, 2> passed_;
    std::array<std::vector<std::size_t>, 2> steps_;
    std::thread thread_;
};

}  // namespace ipcrun::testing
