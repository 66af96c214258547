// SPDX-License-Identifier: Apache-2.0
#include <dlfcn.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/environment.hpp"
#include "base/fail.hpp"
#include "runtime/hosts/fabric.hpp"

namespace ipcrun {

namespace {

// Where the kernel lists adapters that a fabric other than TCP could use: InfiniBand, RoCE, EFA and
// Omni-Path in the first. Without any, nothing has to be loaded to know that there is none.
constexpr const char* adapter_folders[] = {"/sys/class/infiniband", "/sys/class/cxi"};

bool has_adapter() {
    for (const char* const folder : adapter_folders) {
        std::error_code ignored;  // no such folder: no such adapters
        if (std::filesystem::directory_iterator(folder, ignored) !=
            std::filesystem::directory_iterator())
            return true;
    }
    return false;
}

// Beside whatever this code is in: the library, or a program or module that was linked with it.
std::string beside_this() {
    Dl_info info{};
    if (::dladdr(reinterpret_cast<const void*>(&has_adapter), &info) == 0 ||
        info.dli_fname == nullptr)
        return "";
    return std::filesystem::path(info.dli_fname).parent_path() / fabric_plugin_name;
}

void* open_plugin(std::string& why) {
    // Then where the loader looks, then where it was installed.
    for (const std::string& path :
         {beside_this(), std::string(fabric_plugin_name),
          std::string(IPCRUN_LIBRARY_FOLDER) + "/" + fabric_plugin_name}) {
        if (path.empty()) continue;
        // It stays: threads of libfabric may run in it.
        if (void* const plugin = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE))
            return plugin;
        const char* const text = ::dlerror();
        const std::string problem = text != nullptr ? text : "unknown";
        // One that is there and cannot be loaded says more than those that are not.
        if (why.empty() || problem.find(std::strerror(ENOENT)) == std::string::npos) why = problem;
    }
    return nullptr;
}

// Null, with why, when there is none that fits.
OpenFabric* find_plugin(std::string& why) {
    void* const plugin = open_plugin(why);
    if (plugin == nullptr) return nullptr;
    const auto* const version =
        static_cast<const char* const*>(::dlsym(plugin, fabric_version_symbol));
    if (version == nullptr || std::string_view(*version) != IPCRUN_VERSION) {
        why = fmt::format("{} is of version {}, and this library of {}", fabric_plugin_name,
                          version == nullptr ? "unknown" : *version, IPCRUN_VERSION);
        return nullptr;
    }
    const auto open = reinterpret_cast<OpenFabric*>(::dlsym(plugin, fabric_open_symbol));
    if (open == nullptr) why = fmt::format("{} opens nothing", fabric_plugin_name);
    return open;
}

}  // namespace

std::string fabric_wish() {
    const std::string wish = environment_variable(fabric_variable).value_or("");
    return wish.empty() ? "auto" : wish;
}

std::shared_ptr<Fabric> load_fabric(std::string_view wish, const Address& own, bool encrypt) {
    if (wish.empty()) fail(ErrorCode::usage, "a fabric is 'auto', 'none', or named; not ''");
    const bool is_forced = wish != "auto";
    if (wish == "none" || (!is_forced && (encrypt || !has_adapter()))) return nullptr;
    if (encrypt)
        fail(ErrorCode::config,
             "fabric '{}': messages between hosts are to be encrypted, which no fabric does; leave "
             "out one of the two",
             wish);
    std::string why;
    OpenFabric* const open = find_plugin(why);
    if (open != nullptr) return std::shared_ptr<Fabric>(open(wish, &own));
    if (is_forced)
        fail(ErrorCode::unsupported,
             "fabric '{}' needs the plug-in {}, which was built where libfabric-dev is installed: "
             "{}",
             wish, fabric_plugin_name, why);
    return nullptr;
}

}  // namespace ipcrun
