// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A program that was started with pipes at its standard input and output. Knows nothing of Lua.

#include <optional>
#include <string>
#include <vector>

#include "base/child.hpp"
#include "bindings/lua/context.hpp"

namespace ipcrun::lua {

struct ProgramSpec {
    std::string file;  ///< a path, or a name that is searched for in PATH
    std::vector<std::string> arguments = {};
    /// "NAME=value" each, the whole environment; nullopt: this process's.
    std::optional<std::vector<std::string>> environment = {};
};

struct ProgramEnd {
    int exit_status = 0;
    int signal = 0;  ///< what ended it; 0: none did
};

/// Used by one thread at a time. Empty by default. `thread`: the caller's.
class Program {
  public:
    Program() = default;
    /// Starts it. Throws Error{system}, naming the step that failed.
    explicit Program(const ProgramSpec& spec);
    Program(const Program&) = delete;
    Program& operator=(Program&& other) noexcept;
    /// As stop().
    ~Program() { stop(); }

    explicit operator bool() const { return child_.pid >= 0; }
    int pid() const { return child_.pid; }
    int output_fd() const { return output_.get(); }
    bool is_running() const;

    /// Writes all, and keeps what the program writes meanwhile, so that neither waits for the other
    /// for ever. Throws Error{system} when the program reads no more.
    void write(const Context& thread, std::string_view text);
    void close_input() { input_.reset(); }

    /// What read_some() and so on have found: good until the next call of this object.
    using Found = std::optional<std::string_view>;  ///< nullopt: the output has ended
    /// One read of up to `count` bytes.
    Found read_some(const Context& thread, std::size_t count);
    /// To the end of the line, which is not part of it.
    Found read_line(const Context& thread);
    Found read_all(const Context& thread);

    /// False when it has ended and was reaped elsewhere.
    bool signal(int number) const { return child_.signal(number); }
    /// Closes the input, and waits for the end; reads, and throws away, what the program writes
    /// until then when `drains`. Empty afterwards.
    ProgramEnd wait(const Context& thread, bool drains);

    /// Ends the program if it still runs: by TERM and, when that does not help in time, by KILL.
    /// Takes two seconds at most. Empty afterwards.
    void stop() noexcept;

  private:
    bool fill(const Context& thread, const char* operation);
    Found take(std::size_t count, std::size_t beyond = 0);
    std::string_view pending() const { return std::string_view(buffer_).substr(taken_); }

    Child child_;
    UniqueFd input_;   // non-blocking
    UniqueFd output_;  // read when it can be
    bool has_ended_ = false;
    std::string buffer_;     // what was read,
    std::size_t taken_ = 0;  // and how much of it was asked for
};

}  // namespace ipcrun::lua
