// SPDX-License-Identifier: Apache-2.0
// A libFuzzer target for what a rank of the job may send from another host: frames in any order,
// with any contents, cut anywhere, between calls of any kind. An input is a row of steps: a frame,
// a few raw bytes, or a call. Sizes of bodies are small, so that no time goes into memory.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <vector>

#include "base/fail.hpp"
#include "runtime/hosts/remote_mailbox.hpp"
#include "runtime/hosts/remote_peers_impl.hpp"
#include "tests/fuzz/seeds.hpp"

using namespace ipcrun;

namespace {

class Steps {
  public:
    explicit Steps(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
    bool is_over() const { return bytes_.empty(); }
    std::uint8_t byte() {
        if (bytes_.empty()) return 0;
        const std::uint8_t first = bytes_[0];
        bytes_ = bytes_.subspan(1);
        return first;
    }
    std::span<const std::uint8_t> some(std::size_t count) {
        const auto head = bytes_.first(std::min(count, bytes_.size()));
        bytes_ = bytes_.subspan(head.size());
        return head;
    }

  private:
    std::span<const std::uint8_t> bytes_;
};

// Rank 0, and the raw other end of its stream with rank 1.
class Stage {
  public:
    Stage() {
        int fds[2];
        check_syscall(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), "make sockets");
        raw_ = UniqueFd(fds[1]);
        RemotePeers::Options options;
        options.peers = {{{}, "rank 0"}, {{.host = "127.0.0.1", .port = 1}, "rank 1"}};
        peers_ = std::make_shared<RemotePeers>(std::move(options));
        peers_->impl().peer(1).establish(SecureStream(UniqueFd(fds[0]), Session(), "rank 1"),
                                         false);
        box_.emplace(peers_, 1, std::vector<int>{0, 1}, 0);
        // A communicator that is closed.
        (void)RemoteMailbox(peers_, 2, {1, 0}, 1);
    }

    void write_frame(Steps& steps);
    void write(std::span<const std::uint8_t> bytes) const {
        // What does not fit is not sent: as cut off as anything else.
        (void)!::send(raw_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    void call(Steps& steps);
    void end();

  private:
    UniqueFd raw_;
    std::shared_ptr<RemotePeers> peers_;
    std::optional<RemoteMailbox> box_;
    std::array<std::uint8_t, 1 << 16> memory_ = {};
    std::deque<std::unique_ptr<RemoteMailbox::Sending>> sendings_;
    std::deque<std::unique_ptr<RemoteMailbox::Receiving>> receivings_;
};

constexpr std::size_t long_bytes = host_eager_bytes_max + 8;

void Stage::write_frame(Steps& steps) {
    HostFrame frame;
    frame.kind = HostFrameKind(steps.byte() % host_frame_kind_count);
    const auto is = [&](auto... kinds) { return ((frame.kind == kinds) || ...); };
    using Kind = HostFrameKind;
    if (is(Kind::message, Kind::announcement)) {
        frame.dtype = steps.byte() % (dtype_count + 1);
        frame.tag = steps.byte() % 4;
    }
    if (is(Kind::message, Kind::announcement, Kind::credit, Kind::held, Kind::leave))
        frame.context = 1 + steps.byte() % 3;
    if (is(Kind::announcement, Kind::request, Kind::body, Kind::withdrawal))
        frame.number = steps.byte() % 4;
    if (is(Kind::message)) frame.bytes = steps.byte();
    if (is(Kind::announcement)) frame.bytes = long_bytes + steps.byte() % 2 * 1'000;
    if (is(Kind::body)) frame.bytes = std::min<std::size_t>(long_bytes, steps.byte() * 200);
    if (is(Kind::credit)) frame.bytes = steps.byte();
    write(encode_host_frame(frame));
    if (!is(Kind::message, Kind::body)) return;
    const std::vector<std::uint8_t> zeros(frame.bytes);
    // Mostly there is as much behind it as it says.
    const std::size_t missing = std::min<std::size_t>(zeros.size(), steps.byte() / 250);
    write(std::span(zeros).first(zeros.size() - missing));
}

void Stage::call(Steps& steps) {
    const int tag = steps.byte() % 5 - 1;
    // What a part names is borrowed, also how it lies.
    static constexpr std::array<std::int64_t, 2> all_sizes[] = {{0, 3}, {4, 3}, {5, 3}, {85, 3}};
    static constexpr std::array<std::int64_t, 2> strides{7, 2};
    const std::array<std::int64_t, 2>& sizes = all_sizes[steps.byte() % 4];
    const Part small{.data = memory_.data(),
                     .count = static_cast<std::size_t>(sizes[0]) * 3,
                     .dtype = Dtype::u8,
                     .sizes = sizes,
                     .strides = strides};
    const Part large{.data = memory_.data(), .count = long_bytes, .dtype = Dtype::u8};
    const int from = steps.byte() % 2 == 0 ? 1 : any_source;
    switch (steps.byte() % 7) {
        case 0:
            receivings_.push_back(box_->start_receive(std::nullopt, from, tag));
            break;
        case 1:
            receivings_.push_back(box_->start_receive(std::span(&small, 1), from, tag));
            break;
        case 2:
            receivings_.push_back(box_->start_receive(std::span(&large, 1), from, tag));
            break;
        case 3:
            if (!receivings_.empty()) receivings_.pop_front();
            break;
        case 4:
            sendings_.push_back(box_->start_send({&small, 1}, 1, std::max(tag, 0)));
            break;
        case 5:
            sendings_.push_back(box_->start_send({&large, 1}, 1, std::max(tag, 0)));
            break;
        default:
            (void)box_->find(from, tag);
    }
    (void)peers_->progress();
}

// Its peer has gone: whatever was sent, nobody waits any more.
void Stage::end() {
    raw_.reset();
    while (!peers_->impl().peer(1).end()) (void)peers_->progress();
    const auto code = peers_->impl().peer(1).end()->code;
    check(code == ErrorCode::peer_lost || code == ErrorCode::protocol,
          "a stream ended for another reason than its peer");
    for (const auto& receiving : receivings_) check(receiving->is_done(), "somebody waits");
    for (const auto& sending : sendings_) check(sending->is_done(), "somebody sends");
    receivings_.clear();
    sendings_.clear();
    while (box_->find(any_source, any_tag))
        check(box_->start_receive(std::nullopt, any_source, any_tag)->error() == nullptr,
              "what has come cannot be received");
    check(box_->is_forsaken(1), "somebody may come");
}

}  // namespace

void fuzz::add_seeds(Seeds& seeds) {
    // A message, and who wants it; an announcement that is asked for, and its body in two pieces.
    const std::vector<std::vector<std::uint8_t>> rows{
        {0, 1, 0, 0, 0, 12, 0, 2, 1, 0, 0, 0},
        {2, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 2, 1, 0, 0, 0, 6, 0, 4, 1, 100, 0, 0, 4, 1, 64, 0},
        {2, 1, 3, 0, 5, 0, 3, 1, 0, 9, 0, 6, 1, 9}};
    for (const auto& row : rows) seeds.add(row);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Stage stage;
    for (Steps steps({data, size}); !steps.is_over();) {
        switch (steps.byte() % 3) {
            case 0:
                stage.write_frame(steps);
                break;
            case 1:
                stage.write(steps.some(steps.byte() % 40));
                break;
            default:
                stage.call(steps);
        }
    }
    stage.end();
    return 0;
}
