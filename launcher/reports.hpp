// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What people read when ranks fail: the first cause at once, the same again only counted, and what
/// merely follows from it not at all. Pure: events in, lines out (each ends with a newline).

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/agent_protocol.hpp"

namespace ipcrun {

class Reports {
  public:
    /// Different errors that are printed in full; later ones are counted.
    static constexpr std::size_t texts_max = 4;

    /// A rank tells why it fails. What is to be printed now, perhaps nothing.
    std::string reported(const RankReport& report);
    /// A rank ended with a status other than 0. `where`: " on host h2", or empty. `stopping`: the
    /// job is being ended already, so that this end needs no explanation.
    std::string ended(const Ended& ended, std::string_view where, bool stopping);
    /// At the end of the job: who else failed, and the secondary errors when nothing else was said.
    std::string summary() const;

    /// Has this rank only reported that it fell over another's end?
    bool is_secondary(int rank) const;

  private:
    struct Text {
        std::string text;
        std::set<int> repeated_by;  // ranks, without the one it was printed for
    };

    std::vector<Text> texts_;
    std::set<int> more_;    // ranks whose texts were too many to print
    std::set<int> spoken_;  // ranks that have reported a cause
    std::map<int, std::string> secondary_;
    std::string first_end_;      // how the first rank ended that did so without a word
    std::set<int> silent_ends_;  // further ones
};

}  // namespace ipcrun
