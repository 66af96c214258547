// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A network that puts bytes where they belong by itself, as this rank uses it: what a plug-in
/// (runtime/fabric) is to the streams between hosts. It carries bodies; who is there, who has ended
/// and what is sent at all is said on the streams.

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "runtime/wire/rank_environment.hpp"

namespace ipcrun {

/// One endpoint. Calls under one lock; none of them blocks. Whoever has transfers on their way
/// calls progress() again and again, or sleeps where may_sleep() lets it.
class Fabric {
  public:
    /// A body on its way. What the views name is the fabric's until it is over: it is destroyed
    /// after.
    class Transfer {
      public:
        virtual ~Transfer() = default;
        virtual bool is_over() const = 0;
        /// Why it failed, once it is over; empty: it did not. A receive that went well has exactly
        /// as many bytes as there was room for.
        virtual const std::string& failure() const = 0;
        /// It is not wanted any more. May be over at once, or later, or go well in spite of this.
        virtual void cancel() = 0;
    };

    virtual ~Fabric() = default;

    /// As libfabric calls it: "verbs;ofi_rxm". Both ends have the same.
    virtual const std::string& provider() const = 0;
    /// What others reach this endpoint by: `fabric_address_bytes_max` at most.
    virtual std::span<const std::uint8_t> address() const = 0;
    /// What a tag may have set.
    virtual std::uint64_t tag_mask() const = 0;
    /// Longer bodies do not go by this way; nor those of more views.
    virtual std::uint64_t bytes_max() const = 0;
    virtual std::size_t views_max() const = 0;

    /// A number for the one who has this address(). Throws Error{config}.
    virtual std::uint64_t add_peer(std::span<const std::uint8_t> address) = 0;
    virtual void remove_peer(std::uint64_t peer) = 0;

    /// The body that the peer receives by this tag. What cannot begin fails, and is over.
    virtual std::unique_ptr<Transfer> send(std::uint64_t peer, std::uint64_t tag,
                                           std::span<const iovec> views) = 0;
    virtual std::unique_ptr<Transfer> receive(std::uint64_t peer, std::uint64_t tag,
                                              std::span<const iovec> views) = 0;
    /// True when something is over that was not before.
    virtual bool progress() = 0;
    /// Readable when progress() has something to do; -1: there is none.
    virtual int fd() const = 0;
    /// Asked after progress() found nothing: does fd() tell when there is something to do?
    virtual bool may_sleep() = 0;

    /// The endpoint is no more: all transfers are over, and new ones fail.
    virtual void close() = 0;
};

constexpr std::size_t fabric_address_bytes_max = 256;

/// The fabric that `wish` asks for: "auto": the best that is here, and is no mere TCP, or null (our
/// own streams are as fast there); "none": null; else the name of a provider. `own`: where this
/// rank listens; a provider with IP addresses takes that one. A fabric encrypts nothing: with
/// `encrypt` "auto" is "none". Loads the plug-in libipcrun-fabric.so when a fabric is needed;
/// blocks for that, milliseconds to a second. Throws Error: usage (no such wish), config (a
/// provider that is not for this, or together with encryption), unsupported (no plug-in here, or
/// the provider has nothing to offer: what there is).
std::shared_ptr<Fabric> load_fabric(std::string_view wish, const Address& own, bool encrypt);

/// The wish of this process: IPCRUN_FABRIC, which `ipcrun --fabric` sets; "auto" without it.
std::string fabric_wish();

/// What a plug-in exports: its version, which is that of this library, and a function that opens
/// what load_fabric() is asked for, null where "auto" finds nothing.
constexpr const char* fabric_plugin_name = "libipcrun-fabric.so";
constexpr const char* fabric_version_symbol = "ipcrun_fabric_version";
constexpr const char* fabric_open_symbol = "ipcrun_open_fabric";
using OpenFabric = Fabric*(std::string_view wish, const Address* own);

}  // namespace ipcrun
