// SPDX-License-Identifier: Apache-2.0
#include "relay/near_end.hpp"

#include <arpa/inet.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <system_error>
#include <thread>

#include "base/fail.hpp"
#include "base/quiet_thread.hpp"
#include "base/stream_socket.hpp"
#include "base/text.hpp"
#include "launcher/family_plan.hpp"
#include "launcher/hosts/host_agent.hpp"
#include "launcher/hosts/host_environment.hpp"
#include "launcher/output.hpp"
#include "launcher/program.hpp"
#include "launcher/signals.hpp"
#include "launcher/surroundings.hpp"
#include "relay/far_end.hpp"
#include "relay/near_order.hpp"
#include "relay/relay.hpp"
#include "runtime/children.hpp"
#include "runtime/stream/acceptor.hpp"

namespace ipcrun {

namespace {

constexpr Seconds silence_max{10.0};  // as of ipcrun --host-timeout
// Addresses, of a rank that does not use them.
constexpr std::uint64_t far_arena_bytes = 1ull << 30;
constexpr std::size_t shown_bytes_max = 300;
// From the launch of the far end until it has connected: longer than it tries.
constexpr std::chrono::seconds connect_time_max{15};
// And from there until the child runs: longer than the agent there takes to give up.
constexpr std::chrono::seconds start_time_max{60};
// For the agent to say why a connection has ended; for it to end what is left there.
constexpr std::chrono::seconds explanation_time_max{2};
constexpr std::chrono::seconds finish_time_max{5};
constexpr Seconds agent_end_max{2.0};

// What a process can be sent and act on. Those of faults are its own.
constexpr int forwarded_signals[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGABRT, SIGUSR1,  SIGUSR2,
                                     SIGALRM, SIGTERM, SIGCONT, SIGTSTP, SIGTTIN,  SIGTTOU,
                                     SIGURG,  SIGXCPU, SIGXFSZ, SIGPROF, SIGWINCH, SIGVTALRM,
                                     SIGIO,   SIGPWR,  SIGSYS};

bool is_numeric(const std::string& address) {
    unsigned char bytes[sizeof(in6_addr)];
    return ::inet_pton(AF_INET, address.c_str(), bytes) == 1 ||
           ::inet_pton(AF_INET6, address.c_str(), bytes) == 1;
}

class NearEnd {
  public:
    NearEnd(const NearOrder& order, ParentProcess& parent)
        : order_(order), parent_(parent), out_(open(STDOUT_FILENO)), err_(open(STDERR_FILENO)) {
        loop_.accept_posts();
        for (const int number : forwarded_signals)
            signals_.push_back(loop_.on_signal(number, [this, number] { pass_on(number); }));
    }

    int run() {
        try {
            agent_.emplace(loop_, order_.host, order_.ssh,
                           Prepare{.silence_max = silence_max.count()},
                           HostAgent::Patience{.silence = silence_max},
                           HostAgent::Callbacks{
                               .message = [this](const ToLauncher& message) { hear(message); },
                               .lost = [this](const std::string& why) { agent_lost(why); }});
            loop_.run();
        } catch (const std::exception& error) {
            give_up(error.what());
        }
        end_relay();
        if (agent_) {
            agent_->expect_end();
            agent_->close();
            agent_->await_end(Deadline::after(agent_end_max));
        }
        if (!outcome_->report.empty()) parent_.report(outcome_->report);
        return outcome_->wait_status;
    }

  private:
    // What the parent is to be told.
    struct Outcome {
        int wait_status;
        std::string report;
    };

    OutputWriter open(int fd) {
        return {loop_,
                fd,
                false,
                {.consumed = [this](int, const Consumed& consumed) { agent_->send(consumed); },
                 .broken = [this](int error) { output_broken(error); },
                 .idle = [this] { stop_when_written(); }}};
    }

    // As of a child here, whom the signal would meet.
    void output_broken(int error) {
        if (error == EPIPE) return pass_on(SIGPIPE);
        give_up(on_host(
            fmt::format("write what the child wrote: {}", std::generic_category().message(error))));
    }

    void hear(const ToLauncher& message) {
        std::visit([this](const auto& body) { act(body); }, message);
    }

    void act(const Ready& ready) {
        const std::string address = own_address_for(ready.route);
        UniqueFd listener = listen_for(address);
        const std::string port = format_address(own_address(listener.get()));
        const Key key = Key::random();
        acceptor_.emplace(loop_, std::move(listener),
                          AcceptorOptions{.key = key, .purpose = Relay::purpose},
                          [this](SecureStream stream) { begin_relay(std::move(stream)); });
        Launch launch;
        launch.argv = far_arguments({.address = port,
                                     .directory = std::filesystem::current_path().string(),
                                     .program = order_.program,
                                     .argv = order_.argv});
        launch.argv.insert(launch.argv.begin(), std::string(relay_program));
        launch.own_variables = own_variables({});
        launch.environment =
            forwarded(without_place(read_surroundings().environment), launch.own_variables);
        launch.stdin_rank = 0;
        launch.stdin_is_sent = true;
        launch.whole_lines = false;
        launch.arena_bytes = far_arena_bytes;
        launch.job_ranks = 1;
        launch.ranks.emplace_back();
        agent_->send(launch);
        FarSecrets secrets{key, std::nullopt};
        if (const auto family = parent_.secret()) secrets.family.emplace().bytes = *family;
        agent_->send(Input{encode_far_secrets(secrets)});
        agent_->send(Input{});
        limit_ = loop_.after(connect_time_max, [this, address] {
            explain(fmt::format("host {} cannot reach this one at {}: is a firewall between?",
                                order_.host, address));
        });
    }

    std::string own_address_for(const Route& route) const {
        // What parallel.ip is until somebody says more; in children the name of a host.
        constexpr std::string_view unknown = "127.0.0.1";
        if (order_.address != unknown && is_numeric(order_.address)) return order_.address;
        if (!route.launcher.empty()) return route.launcher;
        fail(ErrorCode::config,
             "no address of this host is known at which host {} could reach it: say which, by "
             "parallel.ip or parallel.autoip()",
             order_.host);
    }

    // The address that the host sees may be that of a gateway.
    UniqueFd listen_for(const std::string& address) const {
        try {
            return listen_at({.host = address});
        } catch (const Error& error) {
            fail(error.code,
                 "{} (host {} is reached from there: say an address of this host, by parallel.ip "
                 "or parallel.autoip())",
                 error.what(), order_.host);
        }
    }

    void act(const LaunchRefused& refused) { give_up(on_host(refused.reason)); }
    void act(const SpawnFailed& failed) { give_up(on_host(failed.reason)); }
    void act(const Failed& failed) { give_up(on_host(failed.reason)); }
    void act(const Output& output) {
        // Before the child is there, it is of the far end, and says what is wrong.
        if (!relay_thread_.joinable()) {
            said_ += output.data;
            agent_->send(Consumed{output.stream, static_cast<std::uint32_t>(output.data.size())});
            return;
        }
        (output.stream == Stream::out ? out_ : err_).write(0, output);
    }
    // The far end stays until this one has all that the child sent, and has said that it is done.
    void act(const Ended& ended) {
        const std::string why = on_host(
            fmt::format("the relay ended with {}{}{}", describe_wait_status(ended.wait_status),
                        said_.empty() ? "" : ": ", last_words(said_, shown_bytes_max)));
        // What it has said by the connection is better, and may be heard later while that is open.
        if (relay_thread_.joinable() && !is_explaining_)
            explain(why);
        else
            give_up(why);
    }
    void act(const Done&) {
        limit_.reset();
        is_done_ = true;
        stop_when_written();
    }
    template <typename Other>
    void act(const Other&) {}

    std::string on_host(std::string_view what) const {
        return fmt::format("host {}: {}", order_.host, what);
    }

    void begin_relay(SecureStream stream) {
        try {
            link_.emplace(std::move(stream));
            relay_.emplace(parent_.communicator(), *link_);
            for (const int number : std::exchange(early_signals_, {})) pass_on(number);
            relay_thread_ = start_quiet_thread([this] { relay_messages(); });
        } catch (const std::exception& error) {
            return give_up(fmt::format("speak with host {}: {}", order_.host, error.what()));
        }
        is_explaining_ = false;
        limit_ = loop_.after(start_time_max, [this] {
            explain(on_host("the child has not been started for a minute"));
        });
        acceptor_.reset();  // one connection is all
    }

    // By the thread.
    void confirm_start() {
        loop_.post([this] {
            if (!outcome_ && !is_explaining_) limit_.reset();
        });
        parent_.communicator().send({}, 0, Relay::started_tag);
    }

    // The thread's.
    void relay_messages() {
        try {
            const auto outcome = relay_until_over();
            if (outcome) loop_.post([this, outcome] { finish(*outcome); });
        } catch (const std::exception& error) {
            loop_.post([this, why = std::string(error.what())] { give_up(on_host(why)); });
        }
    }

    // Nullopt: somebody else knows better.
    std::optional<Outcome> relay_until_over() {
        std::optional<Outcome> end;
        while (!is_relay_to_stop_) {
            const bool has_moved = relay_->pass_on();
            while (const auto word = relay_->hear()) {
                if (std::holds_alternative<Begun>(*word)) confirm_start();
                if (const auto* refused = std::get_if<NotBegun>(&*word))
                    return failure(on_host(refused->reason));
                if (const auto* over = std::get_if<ChildOver>(&*word)) end = outcome_of(*over);
            }
            if (end) relay_->lift_limits();
            if (end && relay_->is_delivered()) return end;
            // It wants nothing of this child any more: whoever is its parent has ended.
            if (relay_->has_local_gone()) return failure("the parent has ended");
            if (has_moved) continue;
            if (relay_->link_end() && !end) {
                loop_.post([this, why = std::string(relay_->link_end()->what())] {
                    explain(on_host(fmt::format("the connection is lost: {}", why)));
                });
                return std::nullopt;
            }
            relay_->sleep([this] { return is_relay_to_stop_.load(); });
        }
        return std::nullopt;
    }

    static Outcome failure(std::string report) { return {W_EXITCODE(1, 0), std::move(report)}; }
    Outcome outcome_of(const ChildOver& over) const {
        if (over.out_of_memory && over.report.empty())
            return {over.wait_status,
                    on_host(describe_wait_status(over.wait_status) + ": out of memory")};
        return {over.wait_status, over.report};
    }

    void pass_on(int number) {
        if (relay_)
            relay_->say_soon(Signalled{number});
        else if (number == SIGTERM || number == SIGINT || number == SIGHUP)
            finish_at_once({W_EXITCODE(0, number), {}});  // there is no child yet
        else
            early_signals_.push_back(number);
    }

    // The child's end: what it wrote is still to come.
    void finish(const Outcome& outcome) {
        if (outcome_) return;
        outcome_ = outcome;
        limit_ = loop_.after(finish_time_max, [this] { loop_.stop(); });
        agent_->send(Finish{});
    }
    void give_up(const std::string& why) {
        if (outcome_) return;
        finish_at_once(failure(why));
    }
    void finish_at_once(Outcome outcome) {
        outcome_ = std::move(outcome);
        is_done_ = true;
        stop_when_written();
    }
    // Something else may tell why that is so, presently.
    void explain(const std::string& why) {
        if (outcome_ || is_explaining_) return;
        is_explaining_ = true;
        limit_ = loop_.after(explanation_time_max, [this, why] { give_up(why); });
    }
    void agent_lost(const std::string& why) {
        if (outcome_) return finish_at_once(*outcome_);
        give_up(why);
    }
    void stop_when_written() {
        if (is_done_ && out_.is_idle() && err_.is_idle()) loop_.stop();
    }

    void end_relay() {
        is_relay_to_stop_ = true;
        if (!relay_thread_.joinable()) return;
        relay_->wake();
        relay_thread_.join();
        relay_.reset();
        link_.reset();
    }

    const NearOrder& order_;
    ParentProcess& parent_;
    EventLoop loop_;
    OutputWriter out_, err_;
    std::vector<SignalWatch> signals_;
    std::optional<HostAgent> agent_;
    std::optional<Acceptor> acceptor_;
    Timer limit_;
    std::string said_;  // by the far end, before there was a child
    std::vector<int> early_signals_;
    std::optional<SocketLink> link_;
    std::optional<Relay> relay_;
    std::thread relay_thread_;
    std::atomic<bool> is_relay_to_stop_ = false;
    std::optional<Outcome> outcome_;
    bool is_explaining_ = false;
    bool is_done_ = false;
};

}  // namespace

int run_near_end(const std::vector<std::string>& arguments) {
    const auto parent = ParentProcess::join();
    if (parent == nullptr)
        fail(ErrorCode::usage, "parallel.fork starts this by itself: it is not for people to call");
    try {
        const NearOrder order = parse_near_arguments(arguments);
        prepare_signals();
        return NearEnd(order, *parent).run();
    } catch (const std::exception& error) {
        parent->report(error.what());
        return W_EXITCODE(1, 0);
    }
}

}  // namespace ipcrun
