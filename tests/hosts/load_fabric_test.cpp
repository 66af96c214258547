// SPDX-License-Identifier: Apache-2.0
// Wishes for a fabric that need none to be answered.
#include "tests/hosts/hosts.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

const Address here{.host = "127.0.0.1"};

}  // namespace

TEST_CASE("load fabric: none is none, and encryption forbids what is not asked for") {
    CHECK(load_fabric("none", here, false) == nullptr);
    CHECK(load_fabric("none", here, true) == nullptr);
    CHECK(load_fabric("auto", here, true) == nullptr);
}

TEST_CASE("load fabric: one that is asked for does not encrypt, and says so") {
    const Error error = error_of([] { (void)load_fabric("net", here, true); });
    CHECK(error.code == ErrorCode::config);
    CHECK(std::string(error.what()).find("encrypted") != std::string::npos);
}

TEST_CASE("load fabric: an empty wish is an error of usage") {
    CHECK(error_of([] { (void)load_fabric("", here, false); }).code == ErrorCode::usage);
}
