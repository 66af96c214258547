// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Copying more than any cache holds.

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

namespace ipcrun {

/// memcpy that writes past the caches: lines that are overwritten whole need not be read first,
/// which is a third of the traffic. Worth it when the data will have left the caches before anybody
/// reads them. memcpy does the same for a large block, but knows nothing of one cut into chunks.
inline void copy_streaming(std::byte* to, const std::byte* from, std::size_t bytes) {
#if defined(__x86_64__)
    constexpr std::size_t line = 64;
    const std::size_t head = (line - reinterpret_cast<std::uintptr_t>(to) % line) % line;
    if (bytes >= head + line) {
        std::memcpy(to, from, head);
        to += head;
        from += head;
        bytes -= head;
        for (; bytes >= line; bytes -= line, to += line, from += line) {
            const auto* source = reinterpret_cast<const __m128i*>(from);
            auto* target = reinterpret_cast<__m128i*>(to);
            const __m128i a = _mm_loadu_si128(source), b = _mm_loadu_si128(source + 1);
            const __m128i c = _mm_loadu_si128(source + 2), d = _mm_loadu_si128(source + 3);
            _mm_stream_si128(target, a);
            _mm_stream_si128(target + 1, b);
            _mm_stream_si128(target + 2, c);
            _mm_stream_si128(target + 3, d);
        }
        _mm_sfence();  // such writes are not ordered before what follows
    }
#endif
    std::memcpy(to, from, bytes);
}

}  // namespace ipcrun
