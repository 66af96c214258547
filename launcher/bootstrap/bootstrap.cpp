// SPDX-License-Identifier: Apache-2.0
#include "launcher/bootstrap/bootstrap.hpp"

#include <dlfcn.h>
#include <poll.h>

#include <cstring>

#include "base/environment.hpp"
#include "base/text.hpp"
#include "launcher/bootstrap/backends.hpp"
#include "launcher/bootstrap/libraries.hpp"

namespace ipcrun {

namespace {

class Alone final : public Bootstrap {
  public:
    int rank() const override { return 0; }
    int size() const override { return 1; }
    std::vector<std::string> exchange(const std::string& card) override { return {card}; }
};

// What holds for all of them.
class Checked final : public Bootstrap {
  public:
    explicit Checked(std::unique_ptr<Bootstrap> bootstrap) : bootstrap_(std::move(bootstrap)) {}
    int rank() const override { return bootstrap_->rank(); }
    int size() const override { return bootstrap_->size(); }
    std::vector<std::string> exchange(const std::string& card) override {
        if (card.size() > card_bytes_max)
            fail(ErrorCode::usage, "exchange a card of {} bytes: {} are the most", card.size(),
                 card_bytes_max);
        if (std::exchange(has_exchanged_, true))
            fail(ErrorCode::usage, "exchange cards: they have been exchanged already");
        return bootstrap_->exchange(card);
    }

  private:
    std::unique_ptr<Bootstrap> bootstrap_;
    bool has_exchanged_ = false;
};

std::unique_ptr<Bootstrap> open_unchecked(BootstrapKind kind, Terms terms) {
    switch (kind) {
        case BootstrapKind::alone:
            return std::make_unique<Alone>();
        case BootstrapKind::pmix:
            return open_pmix(std::move(terms));
        case BootstrapKind::pmi2:
            return open_pmi2(std::move(terms));
        case BootstrapKind::pmi1:
            return open_pmi1(std::move(terms));
        case BootstrapKind::slurm:
            return open_slurm_rendezvous(terms);
    }
    check(false, "a kind of bootstrap that is none");
    return nullptr;
}

}  // namespace

std::string_view name_of(BootstrapKind kind) {
    switch (kind) {
        case BootstrapKind::alone:
            return "alone";
        case BootstrapKind::pmix:
            return "pmix";
        case BootstrapKind::pmi2:
            return "pmi2";
        case BootstrapKind::pmi1:
            return "pmi1";
        case BootstrapKind::slurm:
            return "slurm";
    }
    check(false, "a kind of bootstrap that is none");
    return {};
}

Lookup lookup_in_process() {
    return [](std::string_view name) { return environment_variable(std::string(name).c_str()); };
}

bool can_load_library(const char* library) {
    if (!has_pmix_headers && std::strcmp(library, pmix_library) == 0) return false;
    return ::dlopen(library, RTLD_NOW | RTLD_GLOBAL) != nullptr;
}

bool is_connected_socket(const std::string& descriptor) {
    const auto fd = parse_number<int>(descriptor);
    if (!fd || *fd < 0) return false;
    pollfd state{.fd = *fd, .events = 0, .revents = 0};
    return ::poll(&state, 1, 0) == 0;  // else it is not open, or hung up
}

std::unique_ptr<Bootstrap> open_bootstrap(BootstrapKind kind, Deadline deadline,
                                          OnTimeout on_timeout) {
    return std::make_unique<Checked>(open_unchecked(kind, Terms(deadline, std::move(on_timeout))));
}

}  // namespace ipcrun
