// SPDX-License-Identifier: Apache-2.0
#include "runtime/cpu_features.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ipcrun {

#if defined(__x86_64__)

namespace {

// Clang before 18 does not know it by name. The registers that it works on are those of AVX.
bool has_f16c() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __builtin_cpu_supports("avx") && __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 &&
           (ecx & bit_F16C) != 0;
}

}  // namespace

// The compiler answers for literals alone.
#define IPCRUN_CPU_HAS(name) \
    { name, __builtin_cpu_supports(name) != 0 }

bool cpu_has(std::string_view feature) {
    __builtin_cpu_init();  // again: a constructor may call before that of the compiler's library
                           // ran
    if (feature == "f16c") return has_f16c();
    const struct {
        std::string_view name;
        bool is_there;
    } features[] = {
        IPCRUN_CPU_HAS("sse2"),     IPCRUN_CPU_HAS("ssse3"),    IPCRUN_CPU_HAS("sse4.1"),
        IPCRUN_CPU_HAS("sse4.2"),   IPCRUN_CPU_HAS("pclmul"),   IPCRUN_CPU_HAS("aes"),
        IPCRUN_CPU_HAS("avx"),      IPCRUN_CPU_HAS("avx2"),     IPCRUN_CPU_HAS("bmi"),
        IPCRUN_CPU_HAS("bmi2"),     IPCRUN_CPU_HAS("fma"),      IPCRUN_CPU_HAS("avx512f"),
        IPCRUN_CPU_HAS("avx512cd"), IPCRUN_CPU_HAS("avx512vl"), IPCRUN_CPU_HAS("avx512dq"),
        IPCRUN_CPU_HAS("avx512bw"),
    };
    for (const auto& [name, is_there] : features)
        if (name == feature) return is_there;
    return false;
}

#undef IPCRUN_CPU_HAS

#else

// Where the loops for the baseline are the only ones, nobody needs to know.
bool cpu_has(std::string_view) {
    return false;
}

#endif

}  // namespace ipcrun
