// SPDX-License-Identifier: Apache-2.0
// A cable that takes its time: delay_line MS NEAR FAR makes two TAP devices of these names in its
// network namespace, and each frame that goes into one comes out of the other so much later.
// It goes into the background when both are there, and ends when one of them is deleted, which is
// all that its user has to do; when it is killed, both are gone. netem does as much and more, in
// kernels that have it.
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sys/ioctl.h>

#include <cstdio>
#include <deque>
#include <vector>

#include "base/deadline.hpp"
#include "base/fail.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"

using namespace ipcrun;

namespace {

constexpr double delay_ms_max = 60'000;
// What is on its way in one direction: more is dropped, as a router does when its queue is full.
constexpr std::size_t queue_bytes_max = 16 << 20;
// The kernel hands us segments that it has not cut into frames yet, up to 64 KiB of payload.
constexpr std::size_t frame_bytes_max = 66'000;
// Of one direction before the other has its turn.
constexpr int reads_max = 64;

// Frames come with what is still to be done to them, sums and cutting, and are given on with it:
// otherwise the kernel would do it for each of them on the way into this process.
UniqueFd open_tap(const char* name) {
    UniqueFd tap(check_syscall(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC),
                               "open /dev/net/tun"));
    ifreq request{};
    if (std::snprintf(request.ifr_name, IFNAMSIZ, "%s", name) >= IFNAMSIZ)
        fail(ErrorCode::usage, "make the TAP device {}: its name is too long", name);
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    check_syscall(::ioctl(tap.get(), TUNSETIFF, &request),
                  fmt::format("make the TAP device {}", name));
    check_syscall(::ioctl(tap.get(), TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6),
                  fmt::format("let the TAP device {} pass large segments", name));
    return tap;
}

class Direction {
  public:
    Direction(int from, int to, Clock::duration delay) : from_(from), to_(to), delay_(delay) {}

    /// Takes what has come. False: its device is no more.
    bool take() {
        for (int reads = 0; reads < reads_max; ++reads) {
            char bytes[frame_bytes_max];
            const ssize_t count = ::read(from_, bytes, sizeof bytes);
            if (count < 0 && errno == EBADFD) return false;
            if (count < 0 && (errno == EAGAIN || errno == EINTR)) return true;
            const auto size = static_cast<std::size_t>(check_syscall(count, "read a frame"));
            if (queued_bytes_ + size > queue_bytes_max) continue;
            queue_.push_back({Clock::now() + delay_, std::vector<char>(bytes, bytes + size)});
            queued_bytes_ += size;
        }
        return true;
    }

    /// Lets go of all that is due.
    void give() {
        for (const auto now = Clock::now(); !queue_.empty() && queue_.front().due <= now;) {
            const std::vector<char>& bytes = queue_.front().bytes;
            if (::write(to_, bytes.data(), bytes.size()) < 0 && !is_loss(errno))
                fail_errno(errno, "write a frame");
            queued_bytes_ -= bytes.size();
            queue_.pop_front();
        }
    }

    Clock::time_point next() const {
        return queue_.empty() ? Clock::time_point::max() : queue_.front().due;
    }

  private:
    // The device is down, or has been deleted, or the kernel has no memory: frames get lost.
    static bool is_loss(int error) {
        return error == EIO || error == EBADFD || error == EAGAIN || error == ENOBUFS ||
               error == ENOMEM;
    }

    struct Frame {
        Clock::time_point due;
        std::vector<char> bytes;
    };
    int from_;
    int to_;
    Clock::duration delay_;
    std::deque<Frame> queue_;  // all take equally long: who came first leaves first
    std::size_t queued_bytes_ = 0;
};

// Until something comes, or `due`.
void wait_for_frames(pollfd (&ends)[2], Clock::time_point due) {
    timespec left{};
    if (due != Clock::time_point::max()) {
        const auto wait = std::max<long long>((due - Clock::now()).count(), 0);
        left = {wait / 1'000'000'000, wait % 1'000'000'000};
    }
    const timespec* limit = due == Clock::time_point::max() ? nullptr : &left;
    if (::ppoll(ends, 2, limit, nullptr) < 0 && errno != EINTR)
        fail_errno(errno, "wait for frames");
}

void run(int argc, char** argv) {
    const auto ms = argc == 4 ? parse_number<double>(argv[1]) : std::nullopt;
    if (!ms || !(*ms > 0 && *ms <= delay_ms_max))
        fail(ErrorCode::usage, "usage: delay_line MS NEAR FAR, with up to {} ms", delay_ms_max);
    const UniqueFd near = open_tap(argv[2]);
    const UniqueFd far = open_tap(argv[3]);
    check_syscall(::daemon(0, 1), "go into the background");

    const auto delay = std::chrono::duration_cast<Clock::duration>(Seconds(*ms / 1000));
    Direction there(near.get(), far.get(), delay);
    Direction back(far.get(), near.get(), delay);
    pollfd ends[] = {{near.get(), POLLIN, 0}, {far.get(), POLLIN, 0}};
    do {
        wait_for_frames(ends, std::min(there.next(), back.next()));
        there.give();
        back.give();
    } while (there.take() && back.take());
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run(argc, argv);
    } catch (const std::exception& error) {
        fmt::print(stderr, "delay_line: {}\n", error.what());
        return 1;
    }
}
