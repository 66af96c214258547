// SPDX-License-Identifier: Apache-2.0
// Proves which words --map-by, --rank-by and --bind-to know, and what they answer to others.
#include "topology/place/mapping.hpp"

#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;
using Policy = MapBy::Policy;

namespace {

template <typename Parse>
std::string refusal(Parse parse, std::string_view text) {
    try {
        (void)parse(text);
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        return error.what();
    }
    return "";
}

bool says(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("mapping: every policy of --map-by is known by its word, and printed as such") {
    for (const char* word : {"auto", "slot", "node", "package", "numa", "l3", "core", "hwthread",
                             "gpu", "ppr:4:package", "ppr:1:node", "ppr:2:gpu", "ppr:1:hwthread"})
        CHECK(format_map_by(parse_map_by(word)) == word);
    CHECK(parse_map_by("numa") == MapBy{Policy::round_robin, Object::numa});
    CHECK(parse_map_by("ppr:2:l3") == MapBy{Policy::packed, Object::l3, 2});
    CHECK(parse_map_by("auto") == MapBy{});
}

TEST_CASE("mapping: the words of Open MPI for objects that we have are taken by --map-by") {
    CHECK(parse_map_by("socket") == parse_map_by("package"));
    CHECK(parse_map_by("l3cache") == parse_map_by("l3"));
    CHECK(parse_map_by("ppr:2:socket") == parse_map_by("ppr:2:package"));
    CHECK(parse_map_by("ppr:2:l3cache") == parse_map_by("ppr:2:l3"));
}

TEST_CASE("mapping: an unknown word is answered with the words there are") {
    for (const char* bad : {"", "Numa", "numa ", "cores", "numa:pe=4", "seq", "ppr"}) {
        const std::string text = refusal(parse_map_by, bad);
        CAPTURE(bad);
        CHECK(says(text, "slot, node, package, numa, l3, core, hwthread, gpu or ppr:N:OBJECT"));
        CHECK(says(text, (std::string("'") + bad + "'").c_str()));
    }
    CHECK(says(refusal(parse_bind_to, "cores"), "none, hwthread, core, l3, numa or package"));
    CHECK(says(refusal(parse_rank_by, "numa"), "auto, slot or node"));
}

TEST_CASE("mapping: words of other launchers are answered with ours") {
    CHECK(says(refusal(parse_map_by, "board"), "boards are not told apart"));
    CHECK(says(refusal(parse_map_by, "numa:pe=4"), "behind a colon"));
    CHECK(says(refusal(parse_map_by, "seq"), "--rankfile"));
    CHECK(says(refusal(parse_map_by, "l2cache"), "take core or l3"));
    CHECK(says(refusal(parse_map_by, "ppr:2:board"), "boards are not told apart"));
    CHECK(says(refusal(parse_bind_to, "socket"), "called package here"));
    CHECK(says(refusal(parse_bind_to, "board"), "boards are not told apart"));
    CHECK(says(refusal(parse_bind_to, "l3cache"), "called l3 here"));
    CHECK(says(refusal(parse_rank_by, "fill"), "called slot here"));
}

TEST_CASE("mapping: ppr needs a number of ranks and an object") {
    for (const char* bad : {"ppr:", "ppr::node", "ppr:0:node", "ppr:-1:node", "ppr:1",
                            "ppr:1:", "ppr:1:node:", "ppr:1:slot", "ppr:x:node",
                            "ppr:99999999999:node", "ppr:2000000:node", "ppr: 1:node"}) {
        CAPTURE(bad);
        CHECK(says(refusal(parse_map_by, bad), "ppr:N:OBJECT takes the number of ranks"));
    }
}

TEST_CASE("mapping: names of bindings and orders of ranks are read back") {
    for (const BindTo bind_to : {BindTo::automatic, BindTo::none, BindTo::hwthread, BindTo::core,
                                 BindTo::l3, BindTo::numa, BindTo::package})
        CHECK(parse_bind_to(name_of(bind_to)) == bind_to);
    CHECK(parse_rank_by("slot") == RankBy::slot);
    CHECK(parse_rank_by("node") == RankBy::host);
    CHECK(parse_rank_by("auto") == RankBy::automatic);
}
