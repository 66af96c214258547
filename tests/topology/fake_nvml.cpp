// SPDX-License-Identifier: Apache-2.0
// Stands in for NVIDIA's management library: two A100 with four NVLinks between them, one of which
// is down, and an H100 with one to a switch that hides what it is. IPCRUN_FAKE_NVML=broken: no
// driver.
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

struct PciInfo {
    char legacy_id[16];
    unsigned domain, bus, device, device_and_vendor, subsystem;
    char id[32];
};
struct Memory {
    unsigned long long total, free, used;
};

constexpr int success = 0, not_supported = 3, failed = 999;

unsigned index_of(const void* device) {
    return static_cast<unsigned>(reinterpret_cast<unsigned long>(device)) - 1;
}

PciInfo pci_of(unsigned gpu) {
    PciInfo pci{};
    pci.bus = gpu == 0 ? 0x13 : gpu == 1 ? 0x83 : 0xc0;
    return pci;
}

}  // namespace

extern "C" {

int nvmlInit_v2() {
    const char* state = std::getenv("IPCRUN_FAKE_NVML");
    return state != nullptr && std::strcmp(state, "broken") == 0 ? failed : success;
}
int nvmlShutdown() {
    return success;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
    *count = 4;  // the last has fallen off the bus
    return success;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
    if (index == 3) return failed;
    *device = reinterpret_cast<void*>(static_cast<unsigned long>(index) + 1);
    return success;
}
int nvmlDeviceGetPciInfo_v3(void* device, PciInfo* pci) {
    *pci = pci_of(index_of(device));
    return success;
}
int nvmlDeviceGetName(void* device, char* name, unsigned size) {
    std::snprintf(name, size, index_of(device) == 2 ? "NVIDIA H100" : "NVIDIA A100");
    return success;
}
int nvmlDeviceGetUUID(void* device, char* uuid, unsigned size) {
    std::snprintf(uuid, size, "GPU-%u", index_of(device));
    return success;
}
int nvmlDeviceGetMemoryInfo(void*, Memory* memory) {
    memory->total = 40ull << 30;
    return success;
}
int nvmlDeviceGetMaxPcieLinkGeneration(void* device, unsigned* generation) {
    *generation = index_of(device) == 2 ? 5 : 4;
    return success;
}
int nvmlDeviceGetMaxPcieLinkWidth(void*, unsigned* lanes) {
    *lanes = 16;
    return success;
}
int nvmlDeviceGetCudaComputeCapability(void* device, int* major, int* minor) {
    *major = index_of(device) == 2 ? 9 : 8;
    *minor = 0;
    return success;
}
int nvmlDeviceGetNvLinkState(void* device, unsigned link, int* active) {
    if (link >= 4) return not_supported;
    *active = index_of(device) == 2 ? link == 0 : link != 3;
    return success;
}
int nvmlDeviceGetNvLinkRemotePciInfo_v2(void* device, unsigned, PciInfo* pci) {
    if (index_of(device) == 2) return not_supported;
    *pci = pci_of(1 - index_of(device));
    return success;
}
}
