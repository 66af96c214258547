// SPDX-License-Identifier: Apache-2.0
// Proves what a process makes of the answer of ipcrun --join, or of none: programs/fake_ipcrun
// stands in its place.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include "base/socket.hpp"
#include "runtime/world/step.hpp"
#include "tests/step/steps.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

/// A variable of this process, for the time of a test; and as it was afterwards.
class Setting {
  public:
    Setting(std::string name, std::optional<std::string> value) : name_(std::move(name)) {
        if (const char* const text = std::getenv(name_.c_str())) before_ = text;
        set(value);
    }
    ~Setting() { set(before_); }
    Setting(const Setting&) = delete;

  private:
    void set(const std::optional<std::string>& value) {
        if (value)
            ::setenv(name_.c_str(), value->c_str(), 1);
        else
            ::unsetenv(name_.c_str());
    }
    std::string name_;
    std::optional<std::string> before_;
};

/// A task of a step of two, as far as variables tell, with an ipcrun that does as it is told.
struct Task {
    explicit Task(const std::string& does = "alone") : answer("FAKE_IPCRUN_DOES", does) {}
    std::optional<RankEnvironment> join(Seconds spare = Seconds(60)) {
        return join_step(
            [this] {
                ++asked;
                return std::string(FAKE_IPCRUN);
            },
            spare);
    }
    int asked = 0;
    Setting answer;
    Setting parent{"IPCRUN_PARENT_FD", std::nullopt}, wish{"IPCRUN_BOOTSTRAP", std::nullopt},
        time{"IPCRUN_JOIN_TIMEOUT", std::nullopt}, tasks{"SLURM_STEP_NUM_TASKS", "2"},
        pmix{"PMIX_RANK", std::nullopt}, pmi{"PMI_RANK", std::nullopt};
    // What it is told, and what else reads such variables is to find them as they were.
    Setting rank{"IPCRUN_RANK", std::nullopt}, size{"IPCRUN_SIZE", std::nullopt},
        node{"IPCRUN_NODE", std::nullopt}, local_rank{"IPCRUN_LOCAL_RANK", std::nullopt},
        local_size{"IPCRUN_LOCAL_SIZE", std::nullopt}, fd{"IPCRUN_CONTROL_FD", std::nullopt};
};

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("join: who is told to be alone is alone") {
    Task task("alone");
    CHECK_FALSE(task.join());
    CHECK(task.asked == 1);
}

TEST_CASE("join: who is seated has its place in its variables, and a socket that closes on exec") {
    Task task("seat");
    const auto own = task.join();
    REQUIRE(own);
    CHECK(own->rank == 3);
    CHECK(own->size == 5);
    CHECK(own->node == 1);
    CHECK(own->local_rank == 1);
    CHECK(own->local_size == 2);
    const UniqueFd control(own->control_fd);
    CHECK(std::getenv("IPCRUN_RANK") == std::string("3"));
    CHECK(std::getenv("IPCRUN_CONTROL_FD") == std::to_string(control.get()));
    CHECK(is_packet_socket(control.get()));
    CHECK((::fcntl(control.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("join: who is refused has an error with the kind and the reason") {
    Task task("refuse");
    const auto join = [&] { task.join(); };
    CHECK(code_of(join) == ErrorCode::config);
    CHECK(error_of(join) == "join the others: no way to them");
}

TEST_CASE("join: an ipcrun that ends without a word is an error") {
    Task task("nothing");
    const auto join = [&] { task.join(); };
    CHECK(code_of(join) == ErrorCode::peer_lost);
    CHECK(has(error_of(join), "has ended without an answer"));
}

TEST_CASE("join: an answer that makes no sense is an error") {
    for (const char* does : {"garbage", "seat without socket", "seat nowhere"}) {
        CAPTURE(does);
        Task task(does);
        CHECK(code_of([&] { task.join(); }) == ErrorCode::protocol);
    }
}

TEST_CASE("join: an ipcrun that never answers is an error when time is over") {
    Task task("never");
    const Setting time("IPCRUN_JOIN_TIMEOUT", "0.25");
    const auto join = [&] { task.join(Seconds(0.25)); };
    CHECK(code_of(join) == ErrorCode::timeout);
    CHECK(has(error_of(join), "has not answered within 0.5 s"));
}

TEST_CASE("join: an ipcrun that is not there is an error") {
    Task task;
    CHECK(code_of([] { join_step([] { return std::string("/nowhere/ipcrun"); }); }) ==
          ErrorCode::system);
}

TEST_CASE("join: ipcrun is told the time, and is no child any more that a program could meet") {
    const TemporaryFolder folder;
    Task task("note");
    const Setting where("FAKE_IPCRUN_NOTE", folder.path() + "/note");
    for (const auto& [wish, seconds] :
         std::vector<std::pair<const char*, const char*>>{{"2.5", "2.5"}, {"", "120"}}) {
        const Setting time("IPCRUN_JOIN_TIMEOUT", wish);
        CHECK_FALSE(task.join());
        std::ifstream file(folder.path() + "/note");
        std::string line;
        REQUIRE(std::getline(file, line));
        CHECK(line == fmt::format("ipcrun --join {}", seconds));
    }
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
    CHECK(errno == ECHILD);
}

TEST_CASE("join: a child of parallel, and who wishes to be alone, do not ask") {
    Task task;
    {
        const Setting parent("IPCRUN_PARENT_FD", "5");
        CHECK_FALSE(task.join());
    }
    {
        const Setting wish("IPCRUN_BOOTSTRAP", "alone");
        CHECK_FALSE(task.join());
    }
    CHECK(task.asked == 0);
}

TEST_CASE("join: who has nobody beside it by its variables does not ask") {
    Task task;
    for (const auto& tasks : {std::optional<std::string>(), std::optional<std::string>("1"),
                              std::optional<std::string>("")}) {
        const Setting setting("SLURM_STEP_NUM_TASKS", tasks);
        CHECK_FALSE(task.join());
    }
    CHECK(task.asked == 0);
}

TEST_CASE("join: any variable that tells of others makes it ask") {
    Task task;
    const Setting tasks("SLURM_STEP_NUM_TASKS", std::nullopt);
    for (const auto& [name, value] : std::vector<std::pair<const char*, const char*>>{
             {"PMIX_RANK", "0"}, {"PMI_RANK", "0"}, {"IPCRUN_BOOTSTRAP", "slurm"}}) {
        CAPTURE(name);
        const Setting setting(name, value);
        task.asked = 0;
        CHECK_FALSE(task.join());
        CHECK(task.asked == 1);
    }
}

TEST_CASE("join: a time that is none is an error, and nobody is asked") {
    Task task;
    for (const char* text : {"soon", "0", "-1", "1s", "nan", "inf", "86401"}) {
        CAPTURE(text);
        const Setting time("IPCRUN_JOIN_TIMEOUT", text);
        const auto join = [&] { task.join(); };
        CHECK(code_of(join) == ErrorCode::config);
        CHECK(has(error_of(join), fmt::format("IPCRUN_JOIN_TIMEOUT '{}'", text)));
    }
    CHECK(task.asked == 0);
}
