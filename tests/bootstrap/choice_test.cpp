// SPDX-License-Identifier: Apache-2.0
// Proves: from what an environment offers the right way to meet is chosen, and never none.
#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <set>

#include "launcher/bootstrap/bootstrap.hpp"
#include "launcher/bootstrap/slurm_step.hpp"

using namespace ipcrun;

namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

Lookup lookup_in(Variables variables) {
    return [variables = std::move(variables)](std::string_view name) {
        const auto place = variables.find(name);
        return place == variables.end() ? std::nullopt : std::optional<std::string>(place->second);
    };
}

// As srun sets them: measured with Slurm 22.05.
const Variables step = {{"SLURM_JOB_ID", "12"},          {"SLURM_STEP_ID", "0"},
                        {"SLURM_STEP_NUM_TASKS", "7"},   {"SLURM_PROCID", "4"},
                        {"SLURM_LOCALID", "0"},          {"SLURM_NODEID", "1"},
                        {"SLURMD_NODENAME", "h2"},       {"SLURM_STEP_NODELIST", "h[1-3]"},
                        {"SLURM_STEP_NUM_NODES", "3"},   {"SLURM_STEP_TASKS_PER_NODE", "4,2,1"},
                        {"SLURM_JOB_NODELIST", "h[1-3]"}};
const Variables pmi2 = {{"PMI_FD", "11"}, {"PMI_RANK", "4"}, {"PMI_SIZE", "7"}};
const Variables pmix = {{"PMIX_RANK", "4"}, {"PMIX_NAMESPACE", "slurm.pmix.12.0"}};

// The later ones win.
Variables with(Variables variables, const Variables& others) {
    for (const auto& [name, value] : others) variables.insert_or_assign(name, value);
    return variables;
}

Variables without(Variables variables, std::string_view name) {
    variables.erase(variables.find(name));
    return variables;
}

using Libraries = std::set<std::string>;
const Libraries all = {"libpmix.so.2", "libpmi2.so.0", "libpmi.so.0"};

BootstrapChoice choose(const Variables& variables, const Libraries& libraries = all,
                       bool is_connected = true) {
    return choose_bootstrap(
        lookup_in(variables), [&libraries](const char* name) { return libraries.contains(name); },
        [is_connected](const std::string&) { return is_connected; });
}

std::string error_of(const Variables& variables, const Libraries& libraries = all,
                     bool is_connected = true) {
    try {
        return "chose " + std::string(name_of(choose(variables, libraries, is_connected).kind));
    } catch (const Error& error) {
        return std::string(name_of(error.code)) + ": " + error.what();
    }
}

bool has(std::string_view text, std::string_view part) {
    CAPTURE(text);
    return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("bootstrap: a process that no launcher started is alone") {
    CHECK(choose({}).kind == BootstrapKind::alone);
    // A batch script, and what it starts without srun.
    CHECK(choose({{"SLURM_JOB_ID", "12"}, {"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "8"}}).kind ==
          BootstrapKind::alone);
    // The command of salloc.
    CHECK(choose({{"SLURM_JOB_ID", "12"}, {"SLURM_NTASKS", "8"}}).kind == BootstrapKind::alone);
}

TEST_CASE("bootstrap: what srun offers is taken before what can be had anyway") {
    CHECK(choose(with(step, pmix)).kind == BootstrapKind::pmix);
    CHECK(choose(with(step, pmi2)).kind == BootstrapKind::pmi2);
    CHECK(choose(step).kind == BootstrapKind::pmi1);
    CHECK(choose(step, {}).kind == BootstrapKind::slurm);
    CHECK(choose(with(step, pmi2)).reason == "PMI-2 is offered (PMI_FD is set)");
}

TEST_CASE("bootstrap: without the library of what is offered, a step meets in another way") {
    CHECK(choose(with(step, pmix), {"libpmi.so.0"}).kind == BootstrapKind::pmi1);
    CHECK(choose(with(step, pmi2), {"libpmi.so.0"}).kind == BootstrapKind::pmi1);
    CHECK(choose(with(step, pmix), {}).kind == BootstrapKind::slurm);
    CHECK(choose(with(step, pmi2), {}).kind == BootstrapKind::slurm);
}

TEST_CASE("bootstrap: a second program of a task meets without the PMI-2 that the first used up") {
    CHECK(choose(with(step, pmi2), all, false).kind == BootstrapKind::pmi1);
    CHECK(has(error_of(pmi2, all, false), "config: a launcher has started 7 processes"));
}

TEST_CASE("bootstrap: launchers other than Slurm's are met, too") {
    CHECK(choose({{"PMIX_RANK", "1"}, {"PMIX_NAMESPACE", "prterun-h1-812@1"}}).kind ==
          BootstrapKind::pmix);
    CHECK(choose(pmi2).kind == BootstrapKind::pmi2);
}

TEST_CASE("bootstrap: others who cannot be met are an error, and nobody is alone by mistake") {
    CHECK(has(error_of({{"PMIX_RANK", "1"}, {"PMIX_NAMESPACE", "prterun-h1-812@1"}}, {}),
              "config: a launcher offers PMIx"));
    CHECK(has(error_of(pmi2, {}), "config: a launcher has started 7 processes and offers PMI-2"));
    for (const char* name : {"SLURM_STEP_NUM_TASKS", "SLURM_JOB_ID", "SLURM_LOCALID",
                             "SLURMD_NODENAME", "SLURM_STEP_NODELIST"}) {
        CAPTURE(name);
        CHECK(has(error_of(without(step, name)), name));
    }
    for (const char* number : {"", "0", "-1", "x", "99999999999"}) {
        CAPTURE(number);
        CHECK(has(error_of(with(step, {{"SLURM_STEP_NUM_TASKS", number}})),
                  "config: SLURM_STEP_NUM_TASKS="));
    }
}

TEST_CASE("bootstrap: a step of one task is alone, whatever is offered to it") {
    const Variables one = with(step, {{"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_PROCID", "0"}});
    CHECK(choose(one).kind == BootstrapKind::alone);
    CHECK(choose(with(one, pmix)).kind == BootstrapKind::alone);
    // The shell of salloc, whose step is number -6.
    CHECK(choose(with(with(one, {{"SLURM_STEP_ID", "4294967290"}}),
                      {{"PMIX_RANK", "0"}, {"PMIX_NAMESPACE", "slurm.pmix.12.-6"}}))
              .kind == BootstrapKind::alone);
    CHECK(choose(with(one, {{"PMI_FD", "11"}, {"PMI_RANK", "0"}, {"PMI_SIZE", "1"}})).kind ==
          BootstrapKind::alone);
}

TEST_CASE("bootstrap: another launcher that runs in a step of one task is met") {
    const Variables one = with(step, {{"SLURM_STEP_NUM_TASKS", "1"}, {"SLURM_PROCID", "0"}});
    CHECK(choose(with(one, {{"PMIX_RANK", "1"}, {"PMIX_NAMESPACE", "prterun-h1-812@1"}})).kind ==
          BootstrapKind::pmix);
    CHECK(choose(with(one, pmi2)).kind == BootstrapKind::pmi2);
}

TEST_CASE("bootstrap: IPCRUN_BOOTSTRAP forces one of them, if it is offered") {
    for (const char* name : {"pmi2", "pmi1", "slurm", "alone"}) {
        CAPTURE(name);
        const auto choice = choose(with(with(step, pmi2), {{"IPCRUN_BOOTSTRAP", name}}), {});
        CHECK(name_of(choice.kind) == name);
        CHECK(choice.reason == std::string("IPCRUN_BOOTSTRAP=") + name);
    }
    CHECK(choose(with(step, {{"IPCRUN_BOOTSTRAP", ""}})).kind == BootstrapKind::pmi1);
    CHECK(has(error_of(with(step, {{"IPCRUN_BOOTSTRAP", "pmi2"}})),
              "config: IPCRUN_BOOTSTRAP=pmi2: "
              "no PMI-2 is offered"));
    CHECK(has(error_of(with(step, {{"IPCRUN_BOOTSTRAP", "pmix"}})), "--mpi=pmix"));
    CHECK(has(error_of({{"IPCRUN_BOOTSTRAP", "pmi1"}}), "start it with srun"));
    CHECK(
        has(error_of({{"IPCRUN_BOOTSTRAP", "PMIX"}}), "usage: IPCRUN_BOOTSTRAP=PMIX: it is pmix"));
    // Whatever else is wrong.
    CHECK(choose({{"IPCRUN_BOOTSTRAP", "alone"}, {"SLURM_STEP_ID", "0"}, {"SLURM_PROCID", "0"}})
              .kind == BootstrapKind::alone);
}

TEST_CASE("bootstrap: parts of a step that are counted apart are an error") {
    CHECK(has(error_of(with(step, {{"SLURM_PROCID", "7"}})), "start them in steps of their own"));
}

TEST_CASE("bootstrap: the variables of a step say who and where this task is") {
    const auto found = find_slurm_step(lookup_in(with(step, {{"SLURM_RESTART_COUNT", "2"}})));
    REQUIRE(found);
    CHECK(found->name == "12.0");
    CHECK(found->restarts == 2);
    CHECK(found->rank == 4);
    CHECK(found->size == 7);
    CHECK(found->nodes == std::vector<std::string>{"h1", "h2", "h3"});
    CHECK(found->own_node == "h2");
    CHECK(found->local_rank == 0);
    CHECK(has(error_of(with(step, {{"SLURMD_NODENAME", "h9"}})), "does not name"));
}

TEST_CASE("bootstrap: a descriptor is connected until one of its ends is shut down") {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    const std::string name = std::to_string(fds[0]);
    CHECK(is_connected_socket(name));
    ::shutdown(fds[0], SHUT_RDWR);
    CHECK_FALSE(is_connected_socket(name));
    ::close(fds[0]);
    ::close(fds[1]);
    CHECK_FALSE(is_connected_socket(name));
    CHECK_FALSE(is_connected_socket("x"));
    CHECK_FALSE(is_connected_socket("-1"));
}
