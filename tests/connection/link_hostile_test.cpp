// SPDX-License-Identifier: Apache-2.0
// Peers that know the key and send nonsense, or next to nothing.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/resource.h>

#include <array>
#include <fstream>

#include "tests/connection/link_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

// A link, and the raw other end of its socket.
struct Raw {
    Sockets sockets = unix_sockets();
    SocketLink link{SecureStream(std::move(sockets.first), session_of(true, false), "the peer")};

    void write(std::span<const std::uint8_t> bytes) const {
        check(::write(sockets.second.get(), bytes.data(), bytes.size()) ==
                  static_cast<ssize_t>(bytes.size()),
              "a few bytes fit into a socket");
    }
    void write(const FrameHeader& header) const { write(encode_frame_header(header)); }
    void close() { sockets.second.reset(); }
};

FrameHeader frame(FrameKind kind, std::uint64_t bytes = 0) {
    return {.kind = kind, .body_bytes = bytes};
}

}  // namespace

TEST_CASE("socket link: nonsense is an error of protocol, at once and for good") {
    const std::vector<std::vector<FrameHeader>> nonsense{
        {frame(FrameKind::body)},
        {frame(FrameKind::body, 7)},
        {frame(FrameKind::stay)},
        {frame(FrameKind::goodbye), frame(FrameKind::message)},
        {frame(FrameKind::offer, 5), frame(FrameKind::offer, 5)},
        {frame(FrameKind::offer, 5), frame(FrameKind::message)},
        {frame(FrameKind::offer, 5), frame(FrameKind::body, 6)},
        {frame(FrameKind::offer, 300 << 20), frame(FrameKind::body, 300 << 20)},
        {frame(FrameKind::message, (256 << 20) + 1)},
        {frame(FrameKind::message, message_bytes_max)},
        {{.kind = FrameKind::message, .dtype = dtype_count}},
        {{.kind = FrameKind::message, .dtype = 8, .body_bytes = 12}},
        {frame(FrameKind::received, 1)},
    };
    for (std::size_t i = 0; i < nonsense.size(); ++i) {
        CAPTURE(i);
        Raw raw;
        for (const FrameHeader& header : nonsense[i]) raw.write(header);
        for (int again = 0; again < 2; ++again) {
            const auto code = error_of([&] { (void)raw.link.receive(9, soon()); }).code;
            CHECK((code == ErrorCode::protocol ||
                   (code == ErrorCode::peer_lost && nonsense[i][0].kind == FrameKind::goodbye)));
        }
    }
}

TEST_CASE("socket link: a note counts for the lag, too") {
    constexpr std::size_t nearly = (256 << 20) - note_bytes_max;
    for (const bool fits : {true, false}) {
        CAPTURE(fits);
        Raw raw;
        raw.write({.kind = FrameKind::message,
                   .note_bytes = note_bytes_max,
                   .body_bytes = fits ? nearly : nearly + 1});
        raw.write(pattern(note_bytes_max, 1));
        if (fits)
            CHECK(raw.link.wait(0, soon())->bytes == nearly);
        else
            CHECK(error_of([&] { (void)raw.link.wait(0, soon()); }).code == ErrorCode::protocol);
    }
}

TEST_CASE("socket link: bytes out of step are an error of protocol") {
    Raw raw;
    raw.write(pattern(100, 1));
    CHECK(error_of([&] { (void)raw.link.receive(0, soon()); }).code == ErrorCode::protocol);
    CHECK(error_of([&] { send_text(raw.link, "x"); }).code == ErrorCode::protocol);
}

TEST_CASE("socket link: a message that comes a byte at a time is a message") {
    Raw raw;
    auto bytes = bytes_of("drop by drop");
    std::vector<std::uint8_t> stream;
    for (int i = 0; i < 3; ++i) {
        const auto header = encode_frame_header({.kind = FrameKind::message,
                                                 .tag = static_cast<std::uint32_t>(i),
                                                 .note_bytes = 4,
                                                 .body_bytes = bytes.size()});
        stream.insert(stream.end(), header.begin(), header.end());
        for (const char c : {'n', 'o', 't', 'e'}) stream.push_back(static_cast<std::uint8_t>(c));
        stream.insert(stream.end(), bytes.begin(), bytes.end());
    }
    run_both(
        [&] {
            for (const std::uint8_t& byte : stream) {
                raw.write({&byte, 1});
                std::this_thread::yield();
            }
        },
        [&] {
            std::vector<std::uint8_t> got(bytes.size());
            CHECK(text_of(raw.link.receive(2, soon())) == "drop by drop");
            CHECK(text_of(raw.link.wait(0, soon())->note) == "note");
            receive_bytes(raw.link, got, 0);
            CHECK(got == bytes);
            CHECK(text_of(raw.link.receive(1, soon())) == "drop by drop");
        });
}

TEST_CASE("socket link: a stream that ends without a goodbye is a lost peer, at every byte of it") {
    const auto header = encode_frame_header(
        {.kind = FrameKind::message, .tag = 0, .note_bytes = 3, .body_bytes = 20});
    std::vector<std::uint8_t> stream(header.begin(), header.end());
    stream.resize(stream.size() + 23, 'x');
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        CAPTURE(cut);
        Raw raw;
        raw.write({stream.data(), cut});
        raw.close();
        if (cut == stream.size()) CHECK(raw.link.receive(0, soon()).envelope.bytes == 20);
        std::vector<std::uint8_t> got(20);
        const Error error = error_of([&] { receive_bytes(raw.link, got, 0); });
        CHECK(error.code == ErrorCode::peer_lost);
        CHECK(std::string(error.what()).find("without a goodbye") != std::string::npos);
        CHECK(error_of([&] { send_text(raw.link, "x"); }).code == ErrorCode::peer_lost);
    }
}

TEST_CASE("socket link: a peer that never reads holds up a send only until its deadline") {
    Raw raw;
    std::vector<std::uint8_t> bytes(16 << 20);
    const Deadline shortly = Deadline::after(Seconds(0.1));
    CHECK(error_of([&] { send_bytes(raw.link, bytes, 0, shortly); }).code == ErrorCode::timeout);
    const auto before = Clock::now();
    raw.link.close();
    CHECK(Clock::now() - before < Seconds(10));
}

TEST_CASE("socket link: an offer that is taken back before it was asked for is no message") {
    Raw raw;
    raw.write(frame(FrameKind::offer, 5));
    CHECK(raw.link.wait(0, soon())->bytes == 5);
    raw.write(frame(FrameKind::withdraw, 1));
    CHECK_FALSE(raw.link.wait(1, Deadline::after(Seconds(0.02))));
    CHECK_FALSE(raw.link.wait(0, now()));
    raw.write(frame(FrameKind::message, 0));
    CHECK(raw.link.receive(0, soon()).envelope.bytes == 0);
}

TEST_CASE("socket link: a peer that reads no more is lost, also to who waits for its message") {
    Raw raw;
    raw.write(frame(FrameKind::offer, 20));
    raw.write(frame(FrameKind::body, 20));
    raw.write(pattern(10, 1));
    // What this end has to say while it waits for the other half cannot leave.
    check_syscall(::shutdown(raw.sockets.second.get(), SHUT_RD), "read no more");
    std::vector<std::uint8_t> got(20);
    CHECK(error_of([&] { receive_bytes(raw.link, got); }).code == ErrorCode::peer_lost);
}

TEST_CASE("socket link: offers to a peer that does not read take no memory, however many") {
    Raw raw;
    // Its bytes are never asked for, and so not there.
    std::uint8_t nothing = 0;
    const Part large{.data = &nothing, .count = 300 << 20, .dtype = Dtype::u8};
    const std::vector<std::uint8_t> note(1000);
    for (int i = 0; i < 3000; ++i)
        CHECK(error_of([&] {
                  raw.link.send(note, {&large, 1}, 0, now());
              }).code == ErrorCode::timeout);
    std::vector<std::uint8_t> stream;
    for (bool goes_on = true; goes_on;) {
        goes_on = raw.link.has_unsent();
        std::array<std::uint8_t, 4096> some;
        ssize_t count;
        while ((count = ::read(raw.sockets.second.get(), some.data(), some.size())) > 0)
            stream.insert(stream.end(), some.begin(), some.begin() + count);
        CHECK_FALSE(raw.link.is_ready(0));
    }
    CHECK(stream.size() < 1 << 20);
    // What has left is a row of offers, each withdrawn.
    std::uint64_t offers = 0, withdrawn = 0;
    for (std::size_t at = 0; at < stream.size();) {
        const FrameHeader header =
            decode_frame_header(std::span<const std::uint8_t, frame_header_bytes>(
                stream.data() + at, frame_header_bytes));
        at += frame_header_bytes + header.note_bytes;
        if (header.kind == FrameKind::offer) {
            CHECK(withdrawn == offers++);
        } else {
            CHECK(header == frame(FrameKind::withdraw, ++withdrawn));
        }
    }
    CHECK(offers > 0);
    CHECK(offers == withdrawn);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

// While it lives this process gets `bytes` more of memory, at most.
class LittleMemory {
  public:
    explicit LittleMemory(std::size_t bytes) {
        check_syscall(::getrlimit(RLIMIT_AS, &before_), "read a limit");
        std::ifstream file("/proc/self/statm");
        std::size_t pages = 0;
        file >> pages;
        const rlimit limit{pages * 4096 + bytes, before_.rlim_max};
        check_syscall(::setrlimit(RLIMIT_AS, &limit), "set a limit");
    }
    LittleMemory(const LittleMemory&) = delete;
    ~LittleMemory() { (void)::setrlimit(RLIMIT_AS, &before_); }

  private:
    rlimit before_ = {};
};

}  // namespace

TEST_CASE("socket link: without memory in the middle of a send the link is lost, not out of step") {
    Raw raw;
    std::vector<std::uint8_t> large(16 << 20);
    run_both(
        [&] {
            // As soon as a part of the message is here, there is another the other way.
            pollfd readable{raw.sockets.second.get(), POLLIN, 0};
            check_syscall(::poll(&readable, 1, -1), "wait for a part");
            raw.write(frame(FrameKind::message, 200 << 20));
        },
        [&] {
            const LittleMemory limit(100 << 20);
            CHECK(error_of([&] { send_bytes(raw.link, large); }).code == ErrorCode::system);
        });
    CHECK(error_of([&] { send_text(raw.link, "x", 0, {}, now()); }).code == ErrorCode::peer_lost);
}

TEST_CASE("socket link: without memory for more small messages the link is lost, not out of step") {
    Raw raw;
    // More than the memory that an allocator has in reserve.
    constexpr std::size_t messages = 3'000'000;
    constexpr std::size_t at_once = 1000;
    std::vector<std::uint8_t> many;
    for (std::size_t i = 0; i < at_once; ++i) {
        const auto bytes = encode_frame_header(frame(FrameKind::message));
        many.insert(many.end(), bytes.begin(), bytes.end());
    }
    run_both(
        [&] {
            const int fd = raw.sockets.second.get();
            for (std::size_t written = 0; written < messages / at_once * many.size();) {
                const std::size_t from = written % many.size();
                const ssize_t count =
                    ::send(fd, many.data() + from, many.size() - from, MSG_NOSIGNAL);
                pollfd writable{fd, POLLOUT, 0};
                if (count > 0)
                    written += static_cast<std::size_t>(count);
                else if (errno != EAGAIN || ::poll(&writable, 1, 500) != 1)
                    return;  // the link has had enough
            }
        },
        [&] {
            const LittleMemory limit(16 << 20);
            try {
                (void)raw.link.wait(9, Deadline::after(Seconds(20)));
                FAIL("there was memory for all of them");
            } catch (const std::exception&) {
                // There may not even be enough for the text of the error.
            }
        });
    CHECK(error_of([&] { (void)raw.link.wait(9, now()); }).code == ErrorCode::system);
}
#endif
