// SPDX-License-Identifier: Apache-2.0
#include "runtime/sources_sleep.hpp"

#include <algorithm>

#include "runtime/node_communicator.hpp"

namespace ipcrun {

namespace {

template <typename T>
void drop_repeated(std::vector<T*>& list) {
    std::sort(list.begin(), list.end(), std::less<>());
    list.erase(std::unique(list.begin(), list.end()), list.end());
}

}  // namespace

SourcesSleep::SourcesSleep(std::span<const Source> sources, Bell* doorbell) {
    if (doorbell != nullptr) bells_.push_back(doorbell);
    for (const Source& source : sources) {
        Communicator::Impl& communicator = source.communicator->impl();
        if (Bell* const bell = communicator.net_bell()) bells_.push_back(bell);
        const Group& group = communicator.node().group;
        const int own = group.identity().members[group.rank()];
        if (Bell* const doorbell = group.control().doorbell_of(own)) {
            bells_.push_back(doorbell);
        } else {
            bells_.push_back(&group.member(group.rank()).mail);
            alerts_.push_back(&group.control().header().alert);
        }
    }
    drop_repeated(bells_);
    drop_repeated(alerts_);
    words_.reserve(bells_.size() + alerts_.size());
}

SourcesSleep::Raised::Raised(SourcesSleep& sleep) : sleep_(sleep) {
    sleep.words_.clear();
    for (Bell* const bell : sleep.bells_) {
        sleep.words_.push_back({&bell->generation, bell->generation.load()});
        bell->sleepers.fetch_add(1);
    }
    for (auto* const alert : sleep.alerts_) sleep.words_.push_back({alert, alert->load()});
}

SourcesSleep::Raised::~Raised() {
    for (Bell* const bell : sleep_.bells_) bell->sleepers.fetch_sub(1);
}

}  // namespace ipcrun
