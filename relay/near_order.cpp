// SPDX-License-Identifier: Apache-2.0
#include "relay/near_order.hpp"

#include <string_view>

#include "base/fail.hpp"
#include "base/text.hpp"

namespace ipcrun {

namespace {

class Words {
  public:
    explicit Words(const std::vector<std::string>& words) : words_(words) {}

    const std::string& next() {
        if (next_ == words_.size()) fail(ErrorCode::usage, "option --near: words are missing");
        return words_[next_++];
    }
    std::vector<std::string> next(std::size_t count) {
        std::vector<std::string> found;
        while (found.size() < count) found.push_back(next());
        return found;
    }
    std::vector<std::string> rest() { return next(words_.size() - next_); }

  private:
    const std::vector<std::string>& words_;
    std::size_t next_ = 0;
};

// "ssh -i key", called as ssh is; or something like it, by its own rules.
void go_by(SshOptions& ssh, const std::string& host, const std::string& line) {
    std::vector<std::string> words = split_arguments(line, fmt::format("protocol '{}'", line));
    if (words.empty()) fail(ErrorCode::usage, "protocol '{}': it names no program", line);
    const std::string_view name = split(words.front(), '/').back();
    if (name == "ssh") {
        ssh.program = words.front();
        ssh.arguments.assign(words.begin() + 1, words.end());
        return;
    }
    ssh.other_argv = std::move(words);
    ssh.other_argv.push_back(host);
    ssh.other_argv.push_back(agent_command(ssh.agent_path));
}

}  // namespace

NearOrder parse_near_arguments(const std::vector<std::string>& arguments) {
    Words words(arguments);
    (void)words.next();  // --near
    NearOrder order;
    order.host = words.next();
    if (order.host.empty() || order.host.starts_with('-'))
        fail(ErrorCode::usage, "host '{}' is none", order.host);
    order.address = words.next();
    order.ssh.agent_path = words.next();
    order.ssh.place_option = "the environment variable IPCRUN_AGENT_PATH";
    const std::string& way = words.next();
    if (way == "line") {
        go_by(order.ssh, order.host, words.next());
    } else if (way == "program") {
        const auto count = parse_number<std::size_t>(words.next());
        if (!count || *count == 0) fail(ErrorCode::usage, "a protocol that names no program");
        order.ssh.other_argv = words.next(*count);
    } else if (way != "ssh") {
        fail(ErrorCode::usage, "option --near: '{}' is no way to another host", way);
    }
    order.program = words.next();
    order.argv = words.rest();
    return order;
}

}  // namespace ipcrun
