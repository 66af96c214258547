// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/secure_stream.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "tests/stream/stream_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

std::string pattern(std::size_t bytes) {
    std::string text(bytes, '\0');
    for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>(i * 2654435761u >> 13);
    return text;
}

}  // namespace

TEST_CASE("secure stream: what is written arrives, both ways, plain and encrypted") {
    for (const bool encrypt : {false, true}) {
        auto [client, server] = stream_pair(encrypt);
        CHECK(client.is_encrypted() == encrypt);
        CHECK(server.is_encrypted() == encrypt);
        CHECK(client.secret().bytes == server.secret().bytes);
        write_all(client, "to the server");
        write_all(server, "to the client");
        CHECK(read_all(server, 13) == "to the server");
        CHECK(read_all(client, 13) == "to the client");
    }
}

TEST_CASE("secure stream: megabytes go through a socket that is full again and again") {
    for (const bool encrypt : {false, true}) {
        auto ends = stream_pair(encrypt);
        const std::string text = pattern(20 << 20);
        std::thread writer([&] { write_all(ends.client, text); });
        CHECK(read_all(ends.server, text.size()) == text);
        writer.join();
    }
}

TEST_CASE("secure stream: many small buffers, and empty ones, are one row of bytes") {
    for (const bool encrypt : {false, true}) {
        auto ends = stream_pair(encrypt);
        std::string text = pattern(3000);
        std::vector<iovec> out(1, iovec{nullptr, 0});
        for (std::size_t i = 0; i < text.size(); ++i) out.push_back({text.data() + i, 1});
        std::size_t written = 0;
        while (written < text.size())
            written += ends.client.try_write(std::span(out).subspan(1 + written));
        REQUIRE(ends.client.try_flush());
        std::string got(text.size(), '\0');
        std::size_t read = 0;
        while (read < got.size()) {
            iovec in[] = {{nullptr, 0},
                          {got.data() + read, std::min<std::size_t>(7, got.size() - read)},
                          {got.data() + read + 7, got.size() > read + 7 ? 5u : 0u}};
            in[2].iov_len = std::min<std::size_t>(5, got.size() - std::min(got.size(), read + 7));
            read += ends.server.try_read(in);
        }
        CHECK(got == text);
    }
}

TEST_CASE("secure stream: nothing to read and no room to write are no errors") {
    for (const bool encrypt : {false, true}) {
        auto ends = stream_pair(encrypt);
        char byte = 0;
        const iovec one{&byte, 1};
        CHECK(ends.server.try_read({&one, 1}) == 0);
        CHECK_FALSE(ends.server.has_read_ahead());
        CHECK_FALSE(ends.server.wait(true, false, Deadline::after(Seconds(0))));
        const std::string text(1 << 20, 'x');
        const iovec much{const_cast<char*>(text.data()), text.size()};
        std::size_t taken = 0;
        while (const std::size_t count = ends.client.try_write({&much, 1})) taken += count;
        CHECK_FALSE(ends.client.wait(false, true, Deadline::after(Seconds(0))));
        CHECK(ends.client.has_unsent() == encrypt);
        // All that was taken arrives; what is left of a record has to be flushed.
        std::thread reader([&] { CHECK(read_all(ends.server, taken).size() == taken); });
        while (!ends.client.try_flush()) (void)ends.client.wait(false, true, soon());
        CHECK_FALSE(ends.client.has_unsent());
        reader.join();
    }
}

TEST_CASE("secure stream: what was read ahead is known, though the socket is empty") {
    auto ends = stream_pair(true);
    write_all(ends.client, "abcdef");
    REQUIRE(ends.server.wait(true, false, soon()));
    CHECK(read_all(ends.server, 2) == "ab");
    CHECK(ends.server.has_read_ahead());
    CHECK_FALSE(ends.server.wait(true, false, Deadline::after(Seconds(0))));
    CHECK(read_all(ends.server, 4) == "cdef");
    CHECK_FALSE(ends.server.has_read_ahead());
}

TEST_CASE("secure stream: the end of the peer comes after what it had sent, and names it") {
    for (const bool encrypt : {false, true}) {
        auto ends = std::make_unique<StreamPair>(stream_pair(encrypt));
        write_all(ends->client, "last words");
        { const SecureStream gone = std::move(ends->client); }
        CHECK(read_all(ends->server, 10) == "last words");
        const auto [code, text] = error_of([&] { (void)read_all(ends->server, 1); });
        CHECK(code == ErrorCode::peer_lost);
        CHECK(text == "client: it closed the connection, or ended");
        const auto [write_code, write_text] = error_of([&] {
            for (;;) write_all(ends->server, std::string(1 << 16, 'x'));
        });
        CHECK(write_code == ErrorCode::peer_lost);
        CHECK(write_text.starts_with("client: "));
    }
}

TEST_CASE("secure stream: a peer that ends with bytes unread resets, and that is its end") {
    auto ends = std::make_unique<StreamPair>(stream_pair(false));
    write_all(ends->server, "unread");
    REQUIRE(ends->client.wait(true, false, soon()));
    { const SecureStream gone = std::move(ends->client); }
    const auto [code, text] = error_of([&] { (void)read_all(ends->server, 1); });
    CHECK(code == ErrorCode::peer_lost);
    CHECK(text.find("broke the connection") != text.npos);
}

TEST_CASE("secure stream: a half that is closed still reads") {
    auto ends = stream_pair(false);
    REQUIRE(::shutdown(ends.client.fd(), SHUT_WR) == 0);
    CHECK(error_of([&] { (void)read_all(ends.server, 1); }).first == ErrorCode::peer_lost);
    write_all(ends.server, "still");
    CHECK(read_all(ends.client, 5) == "still");
}
