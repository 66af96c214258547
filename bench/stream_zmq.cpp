// SPDX-License-Identifier: Apache-2.0
// A parent and a child joined by ZeroMQ as lua---parallel joined them, a PUSH and a PULL socket
// each way, but over Unix sockets (compiled with STREAM_TCP: TCP over the loopback interface), and
// without its copies: messages are received where ZeroMQ puts them.
#include <zmq.h>

#include <string>

#include "bench/stream.hpp"

namespace {

class Sockets {
  public:
    ~Sockets() {
        if (out_ == nullptr) return;
        zmq_close(out_);
        zmq_close(in_);
        zmq_ctx_term(context_);
    }
    void be_parent() { open(true); }
    void be_child() { open(false); }
    void send(const char* data, std::size_t bytes) const {
        stream::require(zmq_send(out_, data, bytes, 0) == static_cast<int>(bytes), "zmq_send");
    }
    void receive(char* data, std::size_t bytes) const {
        zmq_msg_t message;
        zmq_msg_init(&message);
        stream::require(zmq_msg_recv(&message, in_, 0) == static_cast<int>(bytes), "zmq_msg_recv");
        data[0] = *static_cast<const char*>(zmq_msg_data(&message));
        zmq_msg_close(&message);
    }

  private:
    void open(bool is_parent) {
        context_ = zmq_ctx_new();
        out_ = zmq_socket(context_, ZMQ_PUSH);
        in_ = zmq_socket(context_, ZMQ_PULL);
        const long parent = is_parent ? ::getpid() : ::getppid();
        const std::string down = address(parent, 0);
        const std::string up = address(parent, 1);
        if (is_parent) {
            stream::require(zmq_bind(out_, down.c_str()) == 0, "zmq_bind");
            stream::require(zmq_bind(in_, up.c_str()) == 0, "zmq_bind");
        } else {
            stream::require(zmq_connect(in_, down.c_str()) == 0, "zmq_connect");
            stream::require(zmq_connect(out_, up.c_str()) == 0, "zmq_connect");
        }
    }
    static std::string address(long parent, int which) {
#ifdef STREAM_TCP
        // Below the ports that the kernel gives away by itself.
        return "tcp://127.0.0.1:" + std::to_string(10000 + 2 * (parent % 10000) + which);
#else
        return "ipc:///tmp/stream_zmq." + std::to_string(parent) + (which == 0 ? ".down" : ".up");
#endif
    }
    void* context_ = nullptr;
    void* out_ = nullptr;
    void* in_ = nullptr;
};

}  // namespace

int main(int argc, char** argv) {
    return stream::main<Sockets>(argc, argv);
}
