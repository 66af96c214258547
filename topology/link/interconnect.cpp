// SPDX-License-Identifier: Apache-2.0
#include <cctype>
#include <cstddef>

#include "topology/link/spot_links.hpp"

namespace ipcrun::topology {

namespace {

bool has(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

// The first number of four digits in the name of a Xeon: 6240, 8480, 9468; 0: none.
int four_digits(std::string_view model) {
    int digits = 0;
    int number = 0;
    for (const char character : model) {
        if (std::isdigit(static_cast<unsigned char>(character)) == 0) {
            if (digits == 4) return number;
            digits = number = 0;
        } else {
            number = digits < 4 ? number * 10 + (character - '0') : 0;
            ++digits;
        }
    }
    return digits == 4 ? number : 0;
}

double xeon_gbytes_per_s(std::string_view model) {
    constexpr double broadwell = 6, skylake = 10, sapphire_rapids = 22, emerald_rapids = 40;
    if (has(model, "E5-") || has(model, "E7-")) return broadwell;
    const int number = four_digits(model);
    // "Xeon 6 6980P" says its generation by itself; before, the second digit does: 8380, 8480.
    if (has(model, "Xeon(R) 6") || has(model, "Xeon 6")) return emerald_rapids;
    const int generation = number / 100 % 10;
    return generation >= 5 ? emerald_rapids : generation == 4 ? sapphire_rapids : skylake;
}

}  // namespace

// The constants are NCCL's (src/graph/topo.h): what GPUs reach through it, which is less than what
// vendors print.
double interconnect_gbytes_per_s(std::string_view model) {
    if (has(model, "AMD")) return 16;
    if (has(model, "Xeon")) return xeon_gbytes_per_s(model);
    if (has(model, "POWER") || has(model, "Power")) return 32;
    if (has(model, "ZHAOXIN") || has(model, "Zhaoxin") || has(model, "VIA")) return 6;
    if (has(model, "ARM") || has(model, "Neoverse") || has(model, "Grace")) return 6;
    return 10;
}

}  // namespace ipcrun::topology
