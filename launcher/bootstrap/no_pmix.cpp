// SPDX-License-Identifier: Apache-2.0
// In the place of pmix.cpp where its headers are missing.
#include "launcher/bootstrap/backends.hpp"

namespace ipcrun {

std::unique_ptr<Bootstrap> open_pmix(Terms) {
    fail(ErrorCode::unsupported,
         "PMIx: this ipcrun was built without it (Debian: libpmix-dev); in a step of Slurm, "
         "IPCRUN_BOOTSTRAP=pmi1 does without it");
}

}  // namespace ipcrun
