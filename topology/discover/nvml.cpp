// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/nvml.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "topology/discover/pcie.hpp"

namespace ipcrun::topology {

namespace {

// As the NVML API reference declares them (https://docs.nvidia.com/deploy/nvml-api); the library
// keeps its functions and their suffixes for good.
using Handle = void*;
constexpr int success = 0;
constexpr unsigned links_max = 18, gpus_max = 256;

struct PciInfo {
    char legacy_id[16];
    unsigned domain, bus, device, device_and_vendor, subsystem;
    char id[32];
};
struct Memory {
    unsigned long long total, free, used;
};
struct ChipToChip {
    unsigned enabled;
};
enum RemoteType : int { remote_gpu = 0, remote_processor = 1, remote_switch = 2 };

std::string pci_id_of(const PciInfo& pci) {
    return format_pci_id(pci.domain, pci.bus, pci.device, 0);
}

/// The loaded library, started.
class Library {
  public:
    explicit Library(const std::string& name)
        : handle_(::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) {
        started_ = handle_ != nullptr && call<int()>("nvmlInit_v2") == success;
    }
    Library(const Library&) = delete;
    ~Library() {
        if (started_) (void)call<int()>("nvmlShutdown");  // there is nothing to be done about it
        if (handle_ != nullptr) (void)::dlclose(handle_);
    }
    bool started() const { return started_; }

    /// What a function returns; -1 where this version of the library lacks it.
    template <typename Signature, typename... Arguments>
    int call(const char* name, Arguments... arguments) const {
        auto* const function = reinterpret_cast<Signature*>(::dlsym(handle_, name));
        return function != nullptr ? function(arguments...) : -1;
    }

    /// A number that a function says of a GPU; 0: it does not.
    unsigned number(const char* name, Handle device) const {
        unsigned value = 0;
        return call<int(Handle, unsigned*)>(name, device, &value) == success ? value : 0;
    }
    std::string text(const char* name, Handle device) const {
        char value[128] = {};
        const int result =
            call<int(Handle, char*, unsigned)>(name, device, value, unsigned{sizeof value - 1});
        return result == success ? value : "";
    }

  private:
    void* handle_;
    bool started_ = false;
};

std::vector<NvmlLink> read_links(const Library& nvml, Handle device) {
    std::vector<NvmlLink> links;
    for (unsigned link = 0; link < links_max; ++link) {
        int active = 0;
        if (nvml.call<int(Handle, unsigned, int*)>("nvmlDeviceGetNvLinkState", device, link,
                                                   &active) != success ||
            active == 0)
            continue;
        PciInfo remote{};
        const bool known =
            nvml.call<int(Handle, unsigned, PciInfo*)>("nvmlDeviceGetNvLinkRemotePciInfo_v2",
                                                       device, link, &remote) == success;
        int type = remote_gpu;
        (void)nvml.call<int(Handle, unsigned, int*)>("nvmlDeviceGetNvLinkRemoteDeviceType", device,
                                                     link, &type);  // since driver 460
        NvmlLink result;
        if (type == remote_switch) result.peer = NvmlLink::Peer::nvswitch;
        if (type == remote_processor) result.peer = NvmlLink::Peer::processor;
        if (known) result.pci_id = pci_id_of(remote);
        links.push_back(std::move(result));
    }
    return links;
}

NvmlGpu read_gpu(const Library& nvml, Handle device, const PciInfo& pci, unsigned index) {
    NvmlGpu gpu;
    gpu.name = fmt::format("nvml{}", index);
    gpu.pci_id = pci_id_of(pci);
    gpu.uuid = nvml.text("nvmlDeviceGetUUID", device);
    gpu.model = nvml.text("nvmlDeviceGetName", device);
    Memory memory{};
    if (nvml.call<int(Handle, Memory*)>("nvmlDeviceGetMemoryInfo", device, &memory) == success)
        gpu.bytes = memory.total;
    const unsigned generation = nvml.number("nvmlDeviceGetMaxPcieLinkGeneration", device);
    const unsigned lanes = nvml.number("nvmlDeviceGetMaxPcieLinkWidth", device);
    if (generation <= 6 && lanes <= 32)
        gpu.gbytes_per_s = pcie_gbytes_per_s(pcie_gigatransfers_per_s(static_cast<int>(generation)),
                                             static_cast<int>(lanes));
    int major = 0, minor = 0;
    if (nvml.call<int(Handle, int*, int*)>("nvmlDeviceGetCudaComputeCapability", device, &major,
                                           &minor) == success)
        gpu.compute_capability = 10 * major + minor;
    ChipToChip mode{};
    gpu.chip_to_chip = nvml.call<int(Handle, ChipToChip*)>("nvmlDeviceGetC2cModeInfoV", device,
                                                           &mode) == success &&
                       mode.enabled != 0;
    gpu.links = read_links(nvml, device);
    return gpu;
}

}  // namespace

std::vector<NvmlGpu> read_nvml(const std::string& library) {
    const Library nvml(library);
    unsigned count = 0;
    if (!nvml.started() || nvml.call<int(unsigned*)>("nvmlDeviceGetCount_v2", &count) != success)
        return {};
    std::vector<NvmlGpu> gpus;
    for (unsigned i = 0; i < std::min(count, gpus_max); ++i) {
        Handle device = nullptr;
        PciInfo pci{};
        // One that has fallen off the bus is still counted.
        if (nvml.call<int(unsigned, Handle*)>("nvmlDeviceGetHandleByIndex_v2", i, &device) !=
                success ||
            nvml.call<int(Handle, PciInfo*)>("nvmlDeviceGetPciInfo_v3", device, &pci) != success)
            continue;
        gpus.push_back(read_gpu(nvml, device, pci, i));
    }
    return gpus;
}

}  // namespace ipcrun::topology
