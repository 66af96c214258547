// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/key.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "base/socket.hpp"
#include "tests/stream/stream_ends.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

const std::string long_text = "sixteen bytes ok";

// Of variables that find_key() looks at: gone for a test, and back behind it.
class CleanEnvironment {
  public:
    CleanEnvironment() {
        for (const char* name : names) {
            const char* value = std::getenv(name);
            before_.push_back(value == nullptr ? std::nullopt : std::optional<std::string>(value));
            ::unsetenv(name);
        }
        ::setenv("XDG_CONFIG_HOME", folder.path().c_str(), 1);
    }
    ~CleanEnvironment() {
        for (std::size_t i = 0; i < before_.size(); ++i)
            if (before_[i])
                ::setenv(names[i], before_[i]->c_str(), 1);
            else
                ::unsetenv(names[i]);
    }
    TemporaryFolder folder;

  private:
    static constexpr const char* names[] = {"IPC_KEY", "IPC_KEY_FILE", "XDG_CONFIG_HOME"};
    std::vector<std::optional<std::string>> before_;
};

std::string private_file(const TemporaryFolder& folder, std::string_view text, mode_t mode = 0600) {
    const std::string path = folder.write("key", text);
    REQUIRE(::chmod(path.c_str(), mode) == 0);
    return path;
}

std::string hex_of(const Key& key) {
    std::string text;
    for (const std::uint8_t byte : key.bytes) text += fmt::format("{:02x}", byte);
    return text;
}

}  // namespace

TEST_CASE("key: equal texts make equal keys, and others others") {
    CHECK(key_of_text(long_text).bytes == key_of_text(long_text).bytes);
    CHECK(key_of_text(long_text).bytes != key_of_text(long_text + " ").bytes);
    CHECK(Key::random().bytes != Key::random().bytes);
}

TEST_CASE("key: a text of less than 16 bytes is too short") {
    const auto [code, text] = error_of([] { (void)key_of_text("fifteen bytes !"); });
    CHECK(code == ErrorCode::usage);
    CHECK(text.find("too short") != text.npos);
    CHECK_NOTHROW((void)key_of_text(long_text));
}

TEST_CASE("key: a file has the key of its text, whether or not its line is ended") {
    const TemporaryFolder folder;
    const Key key = key_of_text(long_text);
    CHECK(key_of_file(private_file(folder, long_text)).bytes == key.bytes);
    CHECK(key_of_file(private_file(folder, long_text + "\n")).bytes == key.bytes);
    CHECK(key_of_file(private_file(folder, long_text + "\r\n")).bytes == key.bytes);
    CHECK(key_of_file(private_file(folder, long_text + "\n\n")).bytes != key.bytes);
    CHECK(key_of_file(private_file(folder, long_text, 0400)).bytes == key.bytes);
}

TEST_CASE("key: a file that others may read or write is refused, saying what to do") {
    const TemporaryFolder folder;
    for (const mode_t mode : {0640, 0604, 0620, 0602, 0610, 0601, 0644, 0666}) {
        const std::string path = private_file(folder, long_text, mode);
        const auto [code, text] = error_of([&] { (void)key_of_file(path); });
        CAPTURE(mode);
        CHECK(code == ErrorCode::config);
        CHECK(text.find("chmod 600") != text.npos);
    }
}

TEST_CASE("key: a file that is too short, too long, no file, or not there is refused") {
    const TemporaryFolder folder;
    const auto code_for = [](const std::string& path) {
        return error_of([&] { (void)key_of_file(path); }).first;
    };
    CHECK(code_for(private_file(folder, "")) == ErrorCode::config);
    CHECK(code_for(private_file(folder, "fifteen bytes !\n")) == ErrorCode::config);
    CHECK(code_for(private_file(folder, std::string(4097, 'x'))) == ErrorCode::config);
    CHECK_NOTHROW((void)key_of_file(private_file(folder, std::string(4096, 'x'))));
    CHECK(code_for(folder.path()) == ErrorCode::config);
    CHECK(code_for(folder.path() + "/nothing") == ErrorCode::system);
    const std::string pipe = folder.path() + "/pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    CHECK(code_for(pipe) == ErrorCode::config);  // and does not wait for a writer
}

TEST_CASE("key: a file of another user is refused") {
    if (::geteuid() != 0) {
        MESSAGE("only root can give a file away");
        return;
    }
    const TemporaryFolder folder;
    const std::string path = private_file(folder, long_text);
    REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
    const auto [code, text] = error_of([&] { (void)key_of_file(path); });
    CHECK(code == ErrorCode::config);
    CHECK(text.find("belongs to the user 65534") != text.npos);
}

TEST_CASE("key: of all places the first that has one counts") {
    const CleanEnvironment clean;
    const std::string file = private_file(clean.folder, long_text + " of a file");
    const Key job = Key::random();
    const auto found = [&](const KeyWish& wish) { return find_key(wish, job); };
    CHECK(found({}).key.bytes == job.bytes);
    CHECK(found({}).source == "the job");
    ::setenv("IPC_KEY_FILE", file.c_str(), 1);
    CHECK(found({}).key.bytes == key_of_text(long_text + " of a file").bytes);
    CHECK(found({}).source == "the file " + file + " (IPC_KEY_FILE)");
    ::setenv("IPC_KEY", (long_text + " set").c_str(), 1);
    CHECK(found({}).key.bytes == key_of_text(long_text + " set").bytes);
    CHECK(found({}).source == "IPC_KEY");
    CHECK(found({.file = file}).source == "the file " + file);
    CHECK(found({.text = long_text}).key.bytes == key_of_text(long_text).bytes);
    CHECK(found({.text = long_text}).source == "the option key");
}

TEST_CASE("key: a wish or a variable that is no good is an error, and no reason to look further") {
    const CleanEnvironment clean;
    CHECK(error_of([&] { (void)find_key({.text = "short"}, {}); }).first == ErrorCode::usage);
    CHECK(error_of([&] { (void)find_key({.text = long_text, .file = "/nothing"}, {}); }).first ==
          ErrorCode::usage);
    CHECK(error_of([&] { (void)find_key({.file = "/nothing"}, {}); }).first == ErrorCode::system);
    ::setenv("IPC_KEY_FILE", "/nothing", 1);
    CHECK(error_of([&] { (void)find_key({}, {}); }).first == ErrorCode::system);
    ::setenv("IPC_KEY", "", 1);
    const auto [code, text] = error_of([&] { (void)find_key({}, {}); });
    CHECK(code == ErrorCode::usage);
    CHECK(text.starts_with("IPC_KEY: "));
}

TEST_CASE("key: the user's own file makes itself, for its owner alone, and stays") {
    const CleanEnvironment clean;
    const std::string path = clean.folder.path() + "/ipcrun/key";
    CHECK(user_key_path() == path);
    const FoundKey first = find_key({}, {});
    CHECK(first.source == "the file " + path);
    CHECK(find_key({}, {}).key.bytes == first.key.bytes);
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    REQUIRE(::stat((clean.folder.path() + "/ipcrun").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0700);
    // It can be handed on as text.
    std::string text;
    std::getline(std::ifstream(path), text);
    CHECK(text.size() == 64);
    CHECK(key_of_text(text).bytes == first.key.bytes);
}

TEST_CASE("key: of fifty processes that make the user's file at once all get the same key") {
    const CleanEnvironment clean;
    auto [start, go] = create_socket_pair(SocketKind::stream);
    auto [told, tell] = create_socket_pair(SocketKind::stream);
    std::vector<pid_t> children;
    for (int i = 0; i < 50; ++i) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            start.reset();
            (void)wait_readable(go.get(), soon());
            int status = 1;
            try {
                const std::string text = hex_of(find_key({}, {}).key);
                status = ::write(tell.get(), text.data(), 64) == 64 ? 0 : 1;
            } catch (const Error& error) {
                fmt::print(stderr, "{}\n", error.what());
            }
            ::_exit(status);
        }
        children.push_back(child);
    }
    start.reset();
    const std::string expected = [&] {
        std::string text(64, '\0');
        for (const pid_t child : children) {
            int status = 0;
            CHECK(::waitpid(child, &status, 0) == child);
            CHECK(status == 0);
        }
        return hex_of(find_key({}, {}).key);
    }();
    std::string all(50 * 64, '\0');
    REQUIRE(::recv(told.get(), all.data(), all.size(), MSG_WAITALL) == 50 * 64);
    for (std::size_t i = 0; i < 50; ++i) CHECK(all.substr(i * 64, 64) == expected);
    // Drafts are gone.
    int files = 0;
    for (const auto& file : std::filesystem::directory_iterator(clean.folder.path() + "/ipcrun"))
        files += file.is_regular_file();
    CHECK(files == 1);
}

TEST_CASE("key: where the user's file cannot be made, the error says what to set") {
    const CleanEnvironment clean;
    ::setenv("XDG_CONFIG_HOME", "/proc/nothing", 1);
    const auto [code, text] = error_of([] { (void)find_key({}, {}); });
    CHECK(code == ErrorCode::config);
    CHECK(text.find("set IPC_KEY") != text.npos);
}

TEST_CASE("key: a relative XDG_CONFIG_HOME does not count") {
    const CleanEnvironment clean;
    ::setenv("XDG_CONFIG_HOME", "somewhere", 1);
    CHECK(user_key_path().ends_with("/.config/ipcrun/key"));
    CHECK(user_key_path().starts_with("/"));
}
