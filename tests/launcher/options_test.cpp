// SPDX-License-Identifier: Apache-2.0
// Proves that the command line is understood as documented, and that what is not says why.
#include "launcher/options.hpp"

#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"

using namespace ipcrun;

namespace {

Options parse(std::vector<std::string> words) {
    words.insert(words.begin(), "ipcrun");
    return parse_options(words);
}

std::string error_of(const std::vector<std::string>& words) {
    try {
        (void)parse(words);
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("options: parsing stops at the program's name") {
    const Options options = parse({"-n", "4", "prog", "-n", "5", "--help"});
    CHECK(options.ranks == 4);
    CHECK(options.command == std::vector<std::string>{"prog", "-n", "5", "--help"});
    CHECK_FALSE(options.help);
}

TEST_CASE("options: the number of ranks has several spellings") {
    for (const std::vector<std::string>& words : {std::vector<std::string>{"-n", "3", "p"},
                                                  {"-n3", "p"},
                                                  {"-np", "3", "p"},
                                                  {"--np", "3", "p"},
                                                  {"--np=3", "p"},
                                                  {"-np=3", "p"}})
        CHECK(parse(words).ranks == 3);
    CHECK_FALSE(parse({"p"}).ranks);
}

TEST_CASE("options: each sets what it is for") {
    const Options options =
        parse({"-x", "A=b=c", "-x", "D", "--wdir", "/x", "--bind-to", "numa", "--report-bindings",
               "--tag-output", "--timeout", "1.5", "--stdin", "2", "--grace", "0", "--", "p"});
    REQUIRE(options.environment.size() == 2);
    CHECK(options.environment[0].name == "A");
    CHECK(options.environment[0].value == "b=c");
    CHECK_FALSE(options.environment[1].value);
    CHECK(options.directory == "/x");
    CHECK(options.mapping.bind_to == topology::BindTo::numa);
    CHECK(options.report_bindings);
    CHECK(options.tag_output);
    CHECK(options.timeout_seconds == 1.5);
    CHECK(options.stdin_rank == 2);
    CHECK(options.grace_seconds == 0);
    CHECK(options.command == std::vector<std::string>{"p"});
    CHECK(parse({"--stdin", "none", "p"}).stdin_rank == stdin_none);
}

TEST_CASE("options: hosts have several spellings, too") {
    for (const char* name : {"--hosts", "--host", "-host", "-hosts", "-H"}) {
        CAPTURE(name);
        CHECK(parse({name, "a:2,b", "p"}).hosts == "a:2,b");
    }
    CHECK(parse({"-Ha:2", "p"}).hosts == "a:2");
    CHECK(parse({"--machinefile", "f", "p"}).hostfile == "f");
    CHECK(parse({"-hostfile", "f", "p"}).hostfile == "f");
}

TEST_CASE("options: those for hosts set what they are for") {
    const Options options = parse({"--exclude", "a", "--ssh-args", "-p 22", "--agent-path", "/x",
                                   "--host-timeout", "2.5", "p"});
    CHECK(options.excluded_hosts == "a");
    CHECK(options.ssh_arguments == "-p 22");
    CHECK(options.agent_path == "/x");
    CHECK(options.host_timeout_seconds == 2.5);
    CHECK(parse({"--host-timeout", "0", "p"}).host_timeout_seconds == 0);
}

TEST_CASE("options: an option for hosts that is given nothing says what it takes") {
    for (const char* name : {"--hosts", "--exclude", "--hostfile", "--agent-path"}) {
        CAPTURE(name);
        CHECK(error_of({name, "", "p"}).starts_with(std::string("option ") + name + " takes "));
    }
    for (const char* seconds : {"-1", "x", "", "nan", "1e9"}) {
        CAPTURE(seconds);
        CHECK(
            error_of({"--host-timeout", seconds, "p"}).starts_with("option --host-timeout takes"));
    }
}

TEST_CASE("options: help and version need no program") {
    CHECK(parse({"--help"}).help);
    CHECK(parse({"-h"}).help);
    CHECK(parse({"--version"}).version);
    CHECK(error_of({}) == "no program given; for example: ipcrun -n 4 train.lua");
}

TEST_CASE("options: an unknown one is answered with the nearest known") {
    CHECK(error_of({"--tag-ouput", "p"}).find("did you mean --tag-output?") != std::string::npos);
    CHECK(error_of({"--wdri=x", "p"}).find("unknown option '--wdri'; did you mean --wdir?") !=
          std::string::npos);
    CHECK(error_of({"--bind", "x", "p"}).find("--bind-to takes") != std::string::npos);
}

TEST_CASE("options: a missing argument is named as --help names it") {
    CHECK(error_of({"--timeout"}) == "option --timeout needs an argument: --timeout SECONDS");
    CHECK(error_of({"-n"}) == "option -n needs an argument: -n N");
}

TEST_CASE("options: help lists every option of the table") {
    const std::string help = format_help();
    for (const OptionRule& rule : option_rules())
        for (const std::string_view name : rule.names) {
            CAPTURE(name);
            CHECK(help.find(name) != std::string::npos);
        }
}

TEST_CASE("options: no line of the help is wider than 100 columns") {
    std::size_t begin = 0;
    const std::string help = format_help();
    for (std::size_t end = help.find('\n'); end != std::string::npos;
         begin = end + 1, end = help.find('\n', begin))
        CHECK(end - begin <= 100);
}
