// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The ways to meet, each in a file of its name.

#include <memory>

#include "launcher/bootstrap/bootstrap.hpp"
#include "launcher/bootstrap/terms.hpp"

namespace ipcrun {

constexpr bool has_pmix_headers =
#ifdef IPCRUN_HAS_PMIX
    true;
#else
    false;
#endif

// Throw as open_bootstrap() does.
std::unique_ptr<Bootstrap> open_pmix(Terms terms);
std::unique_ptr<Bootstrap> open_pmi2(Terms terms);
std::unique_ptr<Bootstrap> open_pmi1(Terms terms);
std::unique_ptr<Bootstrap> open_slurm_rendezvous(const Terms& terms);

}  // namespace ipcrun
