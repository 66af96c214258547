// SPDX-License-Identifier: Apache-2.0
// A libFuzzer target for what a peer that knows the key may send over a link: frames in any order,
// with any contents, cut anywhere, between calls of any kind. An input is a row of steps: a frame,
// a few raw bytes, or a call. Sizes of bodies are small, so that no time goes into memory.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/fail.hpp"
#include "runtime/connection/socket_link.hpp"
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

class Raw {
  public:
    explicit Raw(UniqueFd fd) : fd_(std::move(fd)) {}
    // What does not fit is not sent: as cut off as anything else.
    void write(std::span<const std::uint8_t> bytes) const {
        (void)!::send(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }

  private:
    UniqueFd fd_;
};

void write_frame(Steps& steps, const Raw& raw) {
    FrameHeader header;
    header.kind = FrameKind(steps.byte() % frame_kind_count);
    if (describes_message(header.kind)) {
        header.dtype = steps.byte() % (dtype_count + 1);
        header.tag = steps.byte() % 4;
    }
    if (header.kind == FrameKind::message || header.kind == FrameKind::offer)
        header.note_bytes = steps.byte() % 32;
    if (header.kind != FrameKind::goodbye && header.kind != FrameKind::stay)
        header.body_bytes = steps.byte() * (steps.byte() % 8 == 0 ? 200u : 1u);
    raw.write(encode_frame_header(header));
    const std::vector<std::uint8_t> zeros(header.body_bytes + header.note_bytes);
    // Mostly there is as much behind it as it says.
    if (header.kind == FrameKind::message || header.kind == FrameKind::body)
        raw.write(std::span(zeros).first(zeros.size() -
                                         std::min<std::size_t>(zeros.size(), steps.byte() / 250)));
    else if (header.note_bytes != 0)
        raw.write(std::span(zeros).first(header.note_bytes));
}

void call(Steps& steps, SocketLink& link) {
    const int tag = steps.byte() % 4;
    const Deadline now = Deadline::after(Seconds(0));
    static std::array<std::uint8_t, 1 << 16> memory;
    const std::array<std::int64_t, 2> sizes{steps.byte() % 16, 3}, strides{7, 2};
    const Part part{.data = memory.data(),
                    .count = static_cast<std::size_t>(sizes[0]) * 3,
                    .dtype = Dtype::u8,
                    .sizes = sizes,
                    .strides = strides};
    switch (steps.byte() % 5) {
        case 0:
            (void)link.wait(tag, now);
            break;
        case 1:
            (void)link.receive(tag, now);
            break;
        case 2:
            link.receive_into({&part, 1}, tag, now);
            break;
        case 3:
            link.send({}, {&part, 1}, tag, now);
            break;
        default:
            (void)link.is_ready(tag);
    }
}

}  // namespace

void fuzz::add_seeds(Seeds& seeds) {
    // A message and its receipt; an offer, asked for, and its body; a goodbye.
    const std::vector<std::vector<std::uint8_t>> rows{
        {0, 0, 0, 0, 0, 12, 1, 0, 2, 0, 4, 2},
        {0, 2, 0, 1, 5, 9, 1, 2, 1, 3, 2, 0, 3, 0, 1, 9, 1, 0, 2, 1, 3, 2},
        {0, 0, 3, 2, 0, 16, 1, 0, 0, 1, 2, 2, 0, 1}};
    for (const auto& row : rows) seeds.add(row);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    int fds[2];
    check_syscall(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), "make sockets");
    SocketLink link{SecureStream(UniqueFd(fds[0]), Session(), "the peer")};
    {
        const Raw raw{UniqueFd(fds[1])};
        for (Steps steps({data, size}); !steps.is_over();) {
            switch (steps.byte() % 3) {
                case 0:
                    write_frame(steps, raw);
                    break;
                case 1:
                    raw.write(steps.some(steps.byte() % 40));
                    break;
                default:
                    try {
                        call(steps, link);
                    } catch (const Error& error) {
                        check(error.code != ErrorCode::internal, "an error that is a bug");
                    }
            }
        }
    }
    // Its peer has gone: whatever was sent, all that is left of it can be received, and then ends.
    for (int tag = 0; tag < 4; ++tag) {
        try {
            for (;;) (void)link.receive(tag, Deadline::never());
        } catch (const Error& error) {
            check(error.code == ErrorCode::peer_lost || error.code == ErrorCode::protocol,
                  "a link ended for another reason than its peer");
        }
    }
    return 0;
}
