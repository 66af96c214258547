// SPDX-License-Identifier: Apache-2.0
#include "topology/place/mapping.hpp"

#include <utility>

#include "base/fail.hpp"

namespace ipcrun::topology {

namespace {

constexpr std::pair<BindTo, std::string_view> bind_names[] = {
    {BindTo::automatic, "auto"},  {BindTo::none, "none"}, {BindTo::hwthread, "hwthread"},
    {BindTo::core, "core"},       {BindTo::l3, "l3"},     {BindTo::numa, "numa"},
    {BindTo::package, "package"},
};

}  // namespace

BindTo parse_bind_to(std::string_view text) {
    for (const auto& [bind_to, name] : bind_names)
        if (name == text) return bind_to;
    fail(ErrorCode::usage,
         "option --bind-to takes auto, none, hwthread, core, l3, numa or package; not '{}'", text);
}

std::string_view name_of(BindTo bind_to) {
    for (const auto& [known, name] : bind_names)
        if (known == bind_to) return name;
    return "auto";
}

}  // namespace ipcrun::topology
