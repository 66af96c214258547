// SPDX-License-Identifier: Apache-2.0
// A libFuzzer target for .t7 files, which may come from anybody. The first byte picks the format;
// what is accepted must survive being written and read again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/fail.hpp"
#include "bindings/lua/torch/t7/document.hpp"
#include "tests/fuzz/seeds.hpp"

using namespace ipcrun;
using namespace ipcrun::lua;

namespace {

class StringSink : public T7Sink {
  public:
    void write(const void* bytes, std::size_t count) override {
        text.append(static_cast<const char*>(bytes), count);
    }
    std::string text;
};

std::string encoded(const T7Document& document, T7Format format) {
    StringSink sink;
    encode_t7(document, format, sink);
    return std::move(sink.text);
}

}  // namespace

void fuzz::add_seeds(Seeds& seeds) {
    for (const std::string_view text : {"1\n2.5\n", "2\n3\nabc\n", "3\n1\n1\n2\n1\na\n5\n1\n"}) {
        seeds.add(1, text);
        const T7Document document = decode_t7(std::string(text), T7Format::ascii, nullptr);
        seeds.add(0, encoded(document, T7Format::binary));
    }
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const T7Format format = data[0] % 2 == 0 ? T7Format::binary : T7Format::ascii;
    T7Document document;
    try {
        document = decode_t7(std::string(reinterpret_cast<const char*>(data) + 1, size - 1), format,
                             nullptr);
    } catch (const Error& error) {
        check(error.code == ErrorCode::protocol || error.code == ErrorCode::unsupported,
              "a decoder failed for another reason than bytes");
        return 0;
    }
    const std::string once = encoded(document, format);
    check(encoded(decode_t7(once, format, nullptr), format) == once, "a document changed");
    return 0;
}
