// SPDX-License-Identifier: Apache-2.0
#include "launcher/environment.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <string_view>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "launcher/plan.hpp"
#include "runtime/wire/family_protocol.hpp"
#include "runtime/wire/nic_environment.hpp"
#include "runtime/wire/rank_environment.hpp"

namespace ipcrun {

namespace {

constexpr std::string_view terminal_variable = "IPCRUN_TERMINAL";
constexpr std::string_view gpu_variable = "IPCRUN_GPU";
constexpr std::string_view universe_variable = "FI_UNIVERSE_SIZE";
constexpr std::string_view thread_variables[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"};

std::string_view name_of_variable(std::string_view setting) {
    return setting.substr(0, setting.find('='));
}

void remove_variable(std::vector<std::string>& environment, std::string_view name) {
    std::erase_if(environment,
                  [name](const std::string& setting) { return name_of_variable(setting) == name; });
}

// The UUID in the form that the vendor's library reads in its variable; empty: it reads none.
std::string visible_uuid(const topology::Gpu& gpu) {
    switch (gpu.vendor) {
        case topology::GpuVendor::nvidia:
            return gpu.uuid;
        case topology::GpuVendor::amd:
            // ROCm has all 16 digits of the serial number.
            return gpu.uuid.empty() || gpu.uuid.starts_with("GPU-")
                       ? gpu.uuid
                       : fmt::format("GPU-{:0>16}", gpu.uuid);
        case topology::GpuVendor::intel:  // numbers alone
        case topology::GpuVendor::other:
            break;
    }
    return {};
}

// What the vendor's library calls that GPU: by its UUID, which is the same whatever the order is
// that it counts in; else by its number among those that the user's own list shows.
std::string visible_name(const topology::Machine& machine, std::size_t index,
                         const std::optional<std::string_view>& users) {
    const topology::Gpu& gpu = machine.gpus[index];
    const auto before = std::count_if(
        machine.gpus.begin(), machine.gpus.begin() + static_cast<std::ptrdiff_t>(index),
        [&](const topology::Gpu& other) { return other.vendor == gpu.vendor; });
    const auto place = static_cast<std::size_t>(before);
    if (std::string uuid = visible_uuid(gpu); !uuid.empty()) return uuid;
    std::vector<int> numbers;
    for (const std::string_view word : split(users.value_or(""), ','))
        if (const auto number = parse_number<int>(trim(word.substr(0, word.find('.')))))
            numbers.push_back(*number);
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
    return std::to_string(place < numbers.size() ? numbers[place] : static_cast<int>(place));
}

void add_gpu(std::vector<std::string>& environment, const std::vector<std::string>& common,
             const topology::Machine& machine, int index) {
    const topology::Gpu& gpu = machine.gpus[static_cast<std::size_t>(index)];
    environment.push_back(fmt::format("{}={}", gpu_variable, gpu.pci_id));
    const char* variable = visibility_variable(gpu.vendor);
    if (variable == nullptr) return;
    environment.push_back(fmt::format(
        "{}={}", variable,
        visible_name(machine, static_cast<std::size_t>(index), find_variable(common, variable))));
    if (gpu.vendor == topology::GpuVendor::nvidia && gpu.uuid.empty())
        environment.emplace_back("CUDA_DEVICE_ORDER=PCI_BUS_ID");
}

}  // namespace

void add_nic(std::vector<std::string>& environment, const topology::Nic& nic) {
    environment.push_back(fmt::format("{}={}", nic_variable, nic.name));
    if (!nic.pci_id.empty())
        environment.push_back(fmt::format("{}={}", nic_pci_variable, nic.pci_id));
}

const char* visibility_variable(topology::GpuVendor vendor) {
    switch (vendor) {
        case topology::GpuVendor::nvidia:
            return "CUDA_VISIBLE_DEVICES";
        case topology::GpuVendor::amd:
            return "ROCR_VISIBLE_DEVICES";
        case topology::GpuVendor::intel:
            return "ZE_AFFINITY_MASK";
        case topology::GpuVendor::other:
            return nullptr;
    }
    return nullptr;
}

void separate(std::vector<std::string>& common, std::vector<std::vector<std::string>*> ranks) {
    std::set<std::string, std::less<>> own;
    for (const std::vector<std::string>* environment : ranks)
        for (const std::string_view setting : *environment)
            if (const std::string_view name = name_of_variable(setting); !own.contains(name))
                own.emplace(name);
    std::erase_if(common, [&](const std::string& setting) {
        const std::string_view name = name_of_variable(setting);
        if (!own.contains(name)) return false;
        for (std::vector<std::string>* environment : ranks)
            if (!find_variable(*environment, name)) environment->push_back(setting);
        return true;
    });
}

std::optional<std::string_view> find_variable(const std::vector<std::string>& environment,
                                              std::string_view name) {
    for (const std::string_view setting : environment)
        if (name_of_variable(setting) == name)
            return setting.size() > name.size() ? setting.substr(name.size() + 1) : "";
    return std::nullopt;
}

std::vector<std::string> common_environment(const Options& options,
                                            const Surroundings& surroundings) {
    std::vector<std::string> environment = surroundings.environment;
    std::vector<std::string> ours = RankEnvironment().format();
    for (const std::string_view name :
         {terminal_variable, gpu_variable, std::string_view(nic_variable),
          std::string_view(nic_pci_variable)})
        ours.emplace_back(name);
    ours.push_back(fmt::format("{}=", parent_fd_variable));
    // There when ipcrun runs in a rank of another job, or as a child: a rank would take its own
    // socket for that of the child.
    for (const std::string& variable : ours)
        remove_variable(environment, name_of_variable(variable));
    for (const EnvironmentSetting& setting : options.environment) {
        if (find_variable(ours, setting.name))
            fail(ErrorCode::usage, "option -x {}: this variable is for ipcrun to set",
                 setting.name);
        if (!setting.value) {
            if (!find_variable(environment, setting.name))
                fail(ErrorCode::usage,
                     "option -x {}: the variable is not set (export it, or give -x {}=VALUE)",
                     setting.name, setting.name);
            continue;
        }
        remove_variable(environment, setting.name);
        environment.push_back(fmt::format("{}={}", setting.name, *setting.value));
    }
    if (surroundings.output_is_terminal)
        environment.push_back(fmt::format("{}=1", terminal_variable));
    return environment;
}

void size_universe(std::vector<std::string>& environment, int ranks) {
    const auto before = find_variable(environment, universe_variable);
    if (before && parse_number<int>(*before).value_or(0) >= ranks) return;
    remove_variable(environment, universe_variable);
    environment.push_back(fmt::format("{}={}", universe_variable, ranks));
}

std::vector<std::string> rank_environment(const std::vector<std::string>& common,
                                          RankEnvironment numbers, const topology::Machine& machine,
                                          const topology::Place& place) {
    numbers.control_fd = control_fd_number;
    std::vector<std::string> environment = numbers.format();
    for (const std::string_view name : thread_variables)
        if (!find_variable(common, name))
            environment.push_back(fmt::format("{}={}", name, place.threads));
    if (place.gpu >= 0) add_gpu(environment, common, machine, place.gpu);
    if (place.nic >= 0) add_nic(environment, machine.nics[static_cast<std::size_t>(place.nic)]);
    return environment;
}

}  // namespace ipcrun
