// SPDX-License-Identifier: Apache-2.0
#include "topology/link/measured.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/error.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;
using namespace ipcrun::topology;

namespace {

MeasuredCosts example() {
    MeasuredCosts costs;
    costs.machine = 0x0123456789abcdef;
    costs.when = "2026-11-22T20:09:29Z";
    costs.measured = {LinkClass::core, LinkClass::l3};
    costs.table.of(LinkClass::core) = {1.1, 0.1, 1e-4};
    costs.table.of(LinkClass::l3) = {0.5, 0.3, 2e-4};
    costs.table.reduce_us_per_byte = 1e-5;
    return costs;
}

bool is_refused(const std::string& text, const std::string& why) {
    try {
        (void)parse_measured(text, "links.json");
        return false;
    } catch (const Error& error) {
        const std::string said = error.what();
        INFO(said);
        CHECK(error.code == ErrorCode::config);
        CHECK(said.find("links.json") != std::string::npos);
        CHECK(said.find("delete the file, or measure again") != std::string::npos);
        return said.find(why) != std::string::npos;
    }
}

std::string replaced(std::string text, const std::string& part, const std::string& by) {
    const std::size_t at = text.find(part);
    REQUIRE(at != std::string::npos);
    return text.replace(at, part.size(), by);
}

}  // namespace

TEST_CASE("measured: what is written is read back") {
    CHECK(parse_measured(format_measured(example()), "links.json") == example());
}

TEST_CASE("measured: a damaged file is refused with what to do") {
    const std::string text = format_measured(example());
    CHECK(is_refused("", "no JSON"));
    CHECK(is_refused(text.substr(0, text.size() / 2), "no JSON"));
    CHECK(is_refused(text + "x", "no JSON"));
    CHECK(is_refused("[]", "no object"));
    CHECK(is_refused(std::string(100000, '['), "more than"));
    CHECK(is_refused(std::string(60000, '['), "no JSON"));
}

TEST_CASE("measured: members that are unknown, missing or of another type are refused") {
    const std::string text = format_measured(example());
    CHECK(is_refused(replaced(text, "\"when\"", "\"wen\""), "unknown member"));
    CHECK(is_refused("{\"format\": 1}", "has no"));
    CHECK(is_refused(replaced(text, "\"format\": 1", "\"format\": 2"), "another format"));
    CHECK(is_refused(replaced(text, "\"l3\"", "\"l9\""), "unknown class"));
    CHECK(is_refused(replaced(text, "0123456789abcdef", "0123456789ABCDEF"), "hexadecimal"));
    CHECK(is_refused(replaced(text, "0123456789abcdef", "0"), "hexadecimal"));
    CHECK(is_refused(replaced(text, "\"2026-11-22T20:09:29Z\"", "7"), "'when' is no text"));
    CHECK(is_refused(replaced(text, "\"gap_us\": 0.1", "\"gap_us\": null"), "'gap_us' is no time"));
}

TEST_CASE("measured: times that nothing takes are refused") {
    const std::string text = format_measured(example());
    CHECK(is_refused(replaced(text, "1.1", "-1.1"), "'latency_us' is no time"));
    CHECK(is_refused(replaced(text, "1.1", "1e300"), "'latency_us' is no time"));
    CHECK(is_refused(replaced(text, "1.1", "1e999"), "no JSON"));
    CHECK(is_refused(replaced(text, "1.1", "NaN"), "no JSON"));
}

TEST_CASE("measured: costs take the place of what was assumed, and no others do") {
    const CostTable assumed = default_costs();
    const CostTable table = with_measured(assumed, example());
    CHECK(table.of(LinkClass::l3) == example().table.of(LinkClass::l3));
    CHECK(table.of(LinkClass::core) == example().table.of(LinkClass::core));
    CHECK(table.reduce_us_per_byte == 1e-5);
    CHECK(table.of(LinkClass::l2) == assumed.of(LinkClass::l2));
    CHECK(table.of(LinkClass::network) == assumed.of(LinkClass::network));
}

TEST_CASE("measured: nothing that is farther is assumed to be nearer than what was measured") {
    const CostTable table = with_measured(default_costs(), example());
    CHECK(table.of(LinkClass::machine).latency_us == 0.5);
    CHECK(table.of(LinkClass::numa).gap_us == 0.3);
    CHECK(table.of(LinkClass::package).us_per_byte == 2e-4);
}

TEST_CASE("measured: the file lies in the cache of the user") {
    CHECK(measured_path(255, "/cache", "/home/u") == "/cache/ipcrun/links-00000000000000ff.json");
    CHECK(measured_path(255, std::nullopt, "/home/u") ==
          "/home/u/.cache/ipcrun/links-00000000000000ff.json");
    CHECK(measured_path(255, "", "/home/u") == "/home/u/.cache/ipcrun/links-00000000000000ff.json");
    CHECK(measured_path(255, "cache", "/") == "//.cache/ipcrun/links-00000000000000ff.json");
    CHECK(!measured_path(255, std::nullopt, std::nullopt));
    CHECK(!measured_path(255, "relative", ""));
}

TEST_CASE("measured: a file is written for nobody else, with its folders, and leaves no other") {
    const TemporaryFolder folder;
    const std::string path = folder.path() + "/a/b/links.json";
    write_measured(example(), path);
    write_measured(example(), path);
    CHECK(read_measured(path, example().machine) == example());
    struct stat file {
    }, parent{};
    REQUIRE(stat(path.c_str(), &file) == 0);
    REQUIRE(stat((folder.path() + "/a/b").c_str(), &parent) == 0);
    CHECK((file.st_mode & 0777) == 0600);
    CHECK((parent.st_mode & 0777) == 0700);
    int files = 0;
    for ([[maybe_unused]] const auto& entry :
         std::filesystem::directory_iterator(folder.path() + "/a/b"))
        ++files;
    CHECK(files == 1);
}

TEST_CASE("measured: a file that is not there is no error, one of another machine is") {
    const TemporaryFolder folder;
    const std::string path = folder.path() + "/links.json";
    CHECK(!read_measured(path, 1));
    CHECK(!read_measured(folder.write("plain", "") + "/links.json", 1));
    write_measured(example(), path);
    CHECK_THROWS_AS((void)read_measured(path, 1), Error);
}

TEST_CASE("measured: a file that cannot be written leaves nothing behind") {
    const TemporaryFolder folder;
    std::filesystem::create_directories(folder.path() + "/links.json/full");
    CHECK_THROWS_AS(write_measured(example(), folder.path() + "/links.json"), Error);
    int files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
        ++files;
    CHECK(files == 1);
}
