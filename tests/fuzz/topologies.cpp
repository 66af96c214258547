// SPDX-License-Identifier: Apache-2.0
// A libFuzzer target for machines that come from elsewhere: as bytes, and as NCCL's XML. Whatever
// is accepted keeps all that a Machine promises. (hwloc's XML is read by hwloc, in a process of its
// own; see topology/discover/apart.hpp.) The first byte picks the form.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <pugixml.hpp>
#include <span>
#include <string>

#include "base/fail.hpp"
#include "tests/fuzz/seeds.hpp"
#include "topology/discover/nccl_xml.hpp"
#include "topology/machine_codec.hpp"
#include "topology/visible_gpus.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;

namespace {

void try_bytes(std::span<const std::uint8_t> bytes) {
    try {
        const Machine machine = decode_machine(bytes);
        const Bytes again = encode(machine);
        check(std::equal(again.begin(), again.end(), bytes.begin(), bytes.end()),
              "a machine changed");
    } catch (const Error& error) {
        check(error.code == ErrorCode::protocol, "refused for another reason than bytes");
    }
}

void try_nccl(const std::string& text, const std::string& visible_list) {
    pugi::xml_document document;
    if (!document.load_buffer(text.data(), text.size())) return;
    try {
        const Machine machine = read_nccl(document.document_element(), "fuzz");
        check_indices(machine);
        for (const GpuVendor vendor : {GpuVendor::nvidia, GpuVendor::amd, GpuVendor::other})
            check_indices(visible(machine, vendor, visible_list));
        (void)hash_of(machine);
    } catch (const Error& error) {
        check(error.code == ErrorCode::usage, "refused for another reason than the file");
    }
}

}  // namespace

void fuzz::add_seeds(Seeds& seeds) {
    std::ifstream file(IPCRUN_MACHINES "/nccl.xml");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    seeds.add(1, text);
    pugi::xml_document document;
    check(document.load_string(text.c_str()), "the seed is no XML");
    seeds.add(0, encode(read_nccl(document.document_element(), "seed")));
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto rest = std::span(data, size).subspan(1);
    if (data[0] % 2 == 0)
        try_bytes(rest);
    else
        try_nccl({rest.begin(), rest.end()},
                 {rest.begin(), rest.begin() + std::min<long>(16, static_cast<long>(rest.size()))});
    return 0;
}
