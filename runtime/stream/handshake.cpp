// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/handshake.hpp"

#include <sodium.h>

#include <array>
#include <string_view>
#include <utility>

#include "base/fail.hpp"
#include "runtime/stream/sodium.hpp"

namespace ipcrun {

namespace {

// "ipcstrm1" where the byte order is ours; numbers travel as they are in memory.
constexpr std::uint64_t magic = 0x316d'7274'7363'7069;
constexpr std::size_t random_bytes = 32, public_bytes = crypto_scalarmult_BYTES, proof_bytes = 32;
// Magic, version, refusal, flags. The same in all versions, so that they can refuse each other.
constexpr std::size_t prefix_bytes = 12;
constexpr std::size_t hello_bytes = prefix_bytes + random_bytes + public_bytes;
constexpr std::uint8_t wants_encryption_flag = 1;

enum class Refusal : std::uint8_t { none, other_version, other_key };

Bytes encode_prefix(Refusal refusal, std::uint8_t flags) {
    Encoder out;
    out.number(magic);
    out.number(stream_version);
    out.number(refusal);
    out.number(flags);
    return out.take();
}

[[noreturn]] void fail_version(std::uint16_t theirs) {
    fail(ErrorCode::protocol,
         "another version of ipcrun: its connections have version {}, ours {} (install the same "
         "on both ends)",
         theirs, stream_version);
}

std::span<const std::uint8_t> part(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

struct Handshake::Impl {
    enum class Step { prefix, hello, proof_mark, proof, done };

    Role role;
    Key key;
    bool wants_encryption;
    std::string purpose;
    Key ephemeral;  // secret half
    Bytes own_hello, peer_hello, output;
    Step step = Step::prefix;
    Session session;

    bool is_client() const { return role == Role::client; }
    void make_hello();
    void take_prefix(std::span<const std::uint8_t> bytes);
    void take_hello(std::span<const std::uint8_t> bytes);
    void take_mark(std::uint8_t mark);
    void take_proof(std::span<const std::uint8_t> bytes);
    Key proof_of(Role prover) const;
    void derive_session();
    void send(std::span<const std::uint8_t> bytes) {
        output.insert(output.end(), bytes.begin(), bytes.end());
    }
};

void Handshake::Impl::make_hello() {
    ephemeral = Key::random();
    std::array<std::uint8_t, public_bytes> own_public;
    (void)crypto_scalarmult_base(own_public.data(), ephemeral.bytes.data());  // never fails
    own_hello = encode_prefix(Refusal::none, wants_encryption ? wants_encryption_flag : 0);
    const Key random = Key::random();
    own_hello.insert(own_hello.end(), random.bytes.begin(), random.bytes.end());
    own_hello.insert(own_hello.end(), own_public.begin(), own_public.end());
}

void Handshake::Impl::take_prefix(std::span<const std::uint8_t> bytes) {
    Decoder in(bytes);
    const auto their_magic = in.number<std::uint64_t>();
    const auto version = in.number<std::uint16_t>();
    const auto refusal = in.number<std::uint8_t>();
    const auto flags = in.number<std::uint8_t>();
    if (their_magic == __builtin_bswap64(magic)) {
        // It finds this out by our magic in the same way.
        if (!is_client()) send(encode_prefix(Refusal::other_version, 0));
        fail(ErrorCode::protocol, "a machine of another byte order cannot be connected with");
    }
    // A stranger, who gets no answer.
    if (their_magic != magic)
        fail(ErrorCode::protocol, "what is at the other end does not speak the language of ipcrun");
    if (version != stream_version) {
        if (!is_client()) send(encode_prefix(Refusal::other_version, 0));
        fail_version(version);
    }
    if (refusal != 0 || (flags & ~wants_encryption_flag) != 0)
        fail(ErrorCode::protocol, "the other end begins with what nobody of ipcrun sends");
    peer_hello.assign(bytes.begin(), bytes.end());
    step = Step::hello;
}

void Handshake::Impl::take_hello(std::span<const std::uint8_t> bytes) {
    peer_hello.insert(peer_hello.end(), bytes.begin(), bytes.end());
    derive_session();
    if (is_client()) {
        send(proof_of(Role::client).bytes);
        step = Step::proof_mark;
    } else {
        send(own_hello);
        step = Step::proof;
    }
}

void Handshake::Impl::derive_session() {
    Key shared;
    // A public key that makes any secret zero is no key.
    if (crypto_scalarmult(shared.bytes.data(), ephemeral.bytes.data(),
                          peer_hello.data() + prefix_bytes + random_bytes) != 0)
        fail(ErrorCode::protocol, "the other end sends a public key that is none");
    sodium_memzero(ephemeral.bytes.data(), ephemeral.bytes.size());
    const Bytes& first = is_client() ? own_hello : peer_hello;
    const Bytes& second = is_client() ? peer_hello : own_hello;
    const Key root =
        keyed_hash(key, "ipcrun session", {{shared.bytes, part(purpose), first, second}});
    const Key to_server = keyed_hash(root, "client to server", {});
    const Key to_client = keyed_hash(root, "server to client", {});
    session.send_key = is_client() ? to_server : to_client;
    session.receive_key = is_client() ? to_client : to_server;
    session.secret = keyed_hash(root, "secret", {});
    constexpr std::size_t flags_at = prefix_bytes - 1;
    session.is_encrypted =
        ((own_hello[flags_at] | peer_hello[flags_at]) & wants_encryption_flag) != 0;
}

Key Handshake::Impl::proof_of(Role prover) const {
    const Bytes& first = is_client() ? own_hello : peer_hello;
    const Bytes& second = is_client() ? peer_hello : own_hello;
    return keyed_hash(key, prover == Role::client ? "proof of the client" : "proof of the server",
                      {{part(purpose), first, second}});
}

void Handshake::Impl::take_mark(std::uint8_t mark) {
    if (mark == static_cast<std::uint8_t>(Refusal::other_key))
        fail(ErrorCode::config,
             "the other end has another key: give the same to both (option key or key_file, "
             "IPC_KEY, IPC_KEY_FILE, or the same key file of the user)");
    if (mark != static_cast<std::uint8_t>(Refusal::none))
        fail(ErrorCode::protocol, "the other end refuses, and does not say why");
    step = Step::proof;
}

void Handshake::Impl::take_proof(std::span<const std::uint8_t> bytes) {
    const Key expected = proof_of(is_client() ? Role::server : Role::client);
    const bool is_right = sodium_memcmp(bytes.data(), expected.bytes.data(), proof_bytes) == 0;
    if (is_client()) {
        if (!is_right)
            fail(ErrorCode::config,
                 "the other end takes our key and does not prove that it has it: it is not who it "
                 "says it is");
    } else {
        const Refusal mark = is_right ? Refusal::none : Refusal::other_key;
        output.push_back(static_cast<std::uint8_t>(mark));
        if (!is_right) fail(ErrorCode::config, "another key");
        send(proof_of(Role::server).bytes);
    }
    step = Step::done;
}

Handshake::Handshake(Role role, const Key& key, bool wants_encryption, std::string_view purpose)
    : impl_(std::make_unique<Impl>()) {
    start_sodium();
    impl_->role = role;
    impl_->key = key;
    impl_->wants_encryption = wants_encryption;
    impl_->purpose = purpose;
    impl_->make_hello();
    if (impl_->is_client()) impl_->send(impl_->own_hello);
}

Handshake::~Handshake() = default;

Bytes Handshake::take_output() {
    return std::exchange(impl_->output, {});
}

std::size_t Handshake::wants() const {
    switch (impl_->step) {
        case Impl::Step::prefix:
            return prefix_bytes;
        case Impl::Step::hello:
            return hello_bytes - prefix_bytes;
        case Impl::Step::proof_mark:
            return 1;
        case Impl::Step::proof:
            return proof_bytes;
        case Impl::Step::done:
            break;
    }
    return 0;
}

void Handshake::consume(std::span<const std::uint8_t> bytes) {
    check(!bytes.empty() && bytes.size() == wants(), "a handshake is fed what it does not want");
    switch (impl_->step) {
        case Impl::Step::prefix:
            return impl_->take_prefix(bytes);
        case Impl::Step::hello:
            return impl_->take_hello(bytes);
        case Impl::Step::proof_mark:
            return impl_->take_mark(bytes[0]);
        case Impl::Step::proof:
            return impl_->take_proof(bytes);
        case Impl::Step::done:
            break;
    }
}

const Session& Handshake::session() const {
    check(impl_->step == Impl::Step::done, "a session before its handshake is done");
    return impl_->session;
}

}  // namespace ipcrun
