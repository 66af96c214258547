// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <optional>
#include <string>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "launcher/bootstrap/bootstrap.hpp"
#include "launcher/bootstrap/libraries.hpp"
#include "launcher/bootstrap/slurm_step.hpp"

namespace ipcrun {

namespace {

struct Offer {
    const Lookup& environment;
    std::optional<SlurmStep> step;

    bool has(std::string_view name) const { return environment(name).has_value(); }
    bool has_pmix() const { return has("PMIX_RANK") && has("PMIX_NAMESPACE"); }
    bool has_pmi2() const { return has("PMI_FD") && has("PMI_RANK") && has("PMI_SIZE"); }

    // Is it this step of one task that PMI is offered to? The variables of a step are inherited by
    // launchers that are started in it, and so by what these start: there others are beside us.
    bool is_single_step() const {
        if (!step || step->size != 1) return false;
        if (has_pmix()) return is_own_namespace(*environment("PMIX_NAMESPACE"));
        return !has_pmi2() || environment("PMI_SIZE") == "1";
    }

    // Slurm's plug-in writes the number of a step with a sign: that of the shell of salloc, which
    // is 4294967290, as -6.
    bool is_own_namespace(const std::string& name) const {
        const std::size_t point = step->name.find('.');
        const auto number = parse_number<std::uint32_t>(step->name.substr(point + 1));
        return name == "slurm.pmix." + step->name ||
               (number && name == fmt::format("slurm.pmix.{}.{}", step->name.substr(0, point),
                                              static_cast<std::int32_t>(*number)));
    }
};

// For people.
std::string describe_step(const SlurmStep& step) {
    return fmt::format("step {} of Slurm has {} tasks", step.name, step.size);
}

BootstrapChoice forced(const Offer& offer, std::string_view wish) {
    using enum BootstrapKind;
    const std::string reason = fmt::format("{}={}", bootstrap_variable, wish);
    const auto is_offered = [&offer](BootstrapKind kind) {
        switch (kind) {
            case alone:
                return true;
            case pmix:
                return offer.has_pmix();
            case pmi2:
                return offer.has_pmi2();
            case pmi1:
            case slurm:
                return offer.step.has_value();
        }
        return false;
    };
    for (const BootstrapKind kind : {alone, pmix, pmi2, pmi1, slurm}) {
        if (wish != name_of(kind)) continue;
        if (is_offered(kind)) return {kind, reason};
        fail(ErrorCode::config, "{}: {}", reason,
             kind == pmix   ? "no PMIx is offered here (PMIX_RANK is not set); srun does so with "
                              "--mpi=pmix"
             : kind == pmi2 ? "no PMI-2 is offered here (PMI_FD is not set); srun does so with "
                              "--mpi=pmi2"
                            : "this process is no task of a step of Slurm; start it with srun");
    }
    fail(ErrorCode::usage, "{}: it is pmix, pmi2, pmi1, slurm or alone", excerpt(reason));
}

}  // namespace

BootstrapChoice choose_bootstrap(const Lookup& environment, const CanLoad& can_load,
                                 const IsConnected& is_connected) {
    using enum BootstrapKind;
    const auto wish = environment(bootstrap_variable);
    if (wish == "alone") return {alone, fmt::format("{}=alone", bootstrap_variable)};
    const Offer offer{environment, find_slurm_step(environment)};
    if (wish && !wish->empty()) return forced(offer, *wish);
    if (offer.is_single_step())
        return {alone, fmt::format("step {} of Slurm has one task", offer.step->name)};
    if (offer.has_pmix() && can_load(pmix_library))
        return {pmix, "PMIx is offered (PMIX_RANK is set)"};
    const bool is_served = offer.has_pmi2() && is_connected(*environment("PMI_FD"));
    if (is_served && can_load(pmi2_library)) return {pmi2, "PMI-2 is offered (PMI_FD is set)"};
    if (offer.step && offer.step->size > 1) {
        if (can_load(pmi1_library)) return {pmi1, describe_step(*offer.step)};
        return {slurm,
                fmt::format("{}, and {} is not here", describe_step(*offer.step), pmi1_library)};
    }
    if (offer.has_pmix())
        fail(ErrorCode::config,
             "a launcher offers PMIx (PMIX_RANK is set), and {} cannot be used: install it "
             "(Debian: libpmix2), or set {}=alone for a process by itself",
             pmix_library, bootstrap_variable);
    if (environment("PMI_SIZE") == "1") return {alone, "a launcher has started one process"};
    if (offer.has_pmi2() && !is_served)
        fail(ErrorCode::config,
             "a launcher has started {} processes, and offers PMI-2 no more (PMI_FD is closed): "
             "one program of each may use it; set {}=alone for a process by itself",
             excerpt(*environment("PMI_SIZE")), bootstrap_variable);
    if (offer.has_pmi2())
        fail(ErrorCode::config,
             "a launcher has started {} processes and offers PMI-2 (PMI_FD is set), and {} cannot "
             "be loaded: install it (Debian: libpmi2-0), or set {}=alone for a process by itself",
             excerpt(*environment("PMI_SIZE")), pmi2_library, bootstrap_variable);
    return {alone, "no launcher has left word of others"};
}

}  // namespace ipcrun
