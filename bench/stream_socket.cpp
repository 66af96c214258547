// SPDX-License-Identifier: Apache-2.0
// A parent and a child joined by a socket as the kernel gives it: TCP over the loopback interface,
// or, compiled with STREAM_UNIX, a Unix socket.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "bench/stream.hpp"

namespace {

class Socket {
  public:
    Socket() {
#ifdef STREAM_UNIX
        stream::require(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_) == 0, "socketpair");
#else
        connect_over_loopback();
#endif
    }
    void be_parent() {
        choose(0);
    }
    void be_child() {
        choose(1);
    }
    void send(const char* data, std::size_t bytes) const {
        while (bytes > 0) {
            const ssize_t sent = ::send(own_, data, bytes, MSG_NOSIGNAL);
            stream::require(sent > 0, "send");
            data += sent;
            bytes -= static_cast<std::size_t>(sent);
        }
    }
    void receive(char* data, std::size_t bytes) const {
        while (bytes > 0) {
            const ssize_t count = ::recv(own_, data, bytes, 0);
            stream::require(count > 0, "recv");
            data += count;
            bytes -= static_cast<std::size_t>(count);
        }
    }

  private:
    void choose(int end) {
        own_ = ends_[end];
        ::close(ends_[1 - end]);
    }
#ifndef STREAM_UNIX
    void connect_over_loopback() {
        const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* const place = reinterpret_cast<sockaddr*>(&address);
        socklen_t length = sizeof address;
        stream::require(::bind(listener, place, length) == 0, "bind");
        stream::require(::listen(listener, 1) == 0, "listen");
        stream::require(::getsockname(listener, place, &length) == 0, "getsockname");
        ends_[1] = ::socket(AF_INET, SOCK_STREAM, 0);
        stream::require(::connect(ends_[1], place, length) == 0, "connect");
        ends_[0] = ::accept(listener, nullptr, nullptr);
        stream::require(ends_[0] >= 0, "accept");
        ::close(listener);
        const int on = 1;
        for (const int end : ends_) ::setsockopt(end, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
#endif
    int ends_[2] = {-1, -1};
    int own_ = -1;
};

}  // namespace

int main(int argc, char** argv) {
    return stream::main<Socket>(argc, argv);
}
