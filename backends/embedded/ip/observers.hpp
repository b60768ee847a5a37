#pragma once
#include "backends/embedded/ip/network.hpp"

namespace nal::embedded {

struct Interface;

// What the IP layer tells whoever wants to know beside the transports. One of each can be attached
// (`IpLayer::observe`); a stack to which none is attached neither links nor looks for them. They may keep or copy
// packets and wake sockets, and do not call the stack.

/// Hears what comes of echo requests and of other probes.
class IcmpObserver {
 public:
  /// An echo reply with a good checksum; the packet begins with it.
  virtual void echo_reply(const Ingress& ingress, Packet&& packet) noexcept = 0;
  /// An ICMP error about a packet that this host seems to have sent; the packet begins with it, and `error` looks into
  /// it. Whether it is about something that is under way.
  virtual bool delivery_error(const DeliveryError& error, Protocol protocol, Packet&& packet) noexcept = 0;
  /// A neighbour does not answer: `packet` waited for it, and begins with its IP header, which `error` looks into.
  virtual void unreachable(const DeliveryError& error, Protocol protocol, Packet&& packet) noexcept = 0;

 protected:
  IcmpObserver() = default;
  IcmpObserver(const IcmpObserver&) = delete;
  IcmpObserver& operator=(const IcmpObserver&) = delete;
  ~IcmpObserver() = default;
};

/// Sees every IP packet for this host.
class PacketObserver {
 public:
  /// A whole packet, put together if it came in fragments; it begins behind its headers, and `network_header` tells
  /// where those are. Its transport checksum is not looked at yet. Whether somebody wants its protocol, so that the
  /// sender is not told that nobody does.
  virtual bool packet(const Ingress& ingress, const Packet& packet) noexcept = 0;

 protected:
  PacketObserver() = default;
  PacketObserver(const PacketObserver&) = delete;
  PacketObserver& operator=(const PacketObserver&) = delete;
  ~PacketObserver() = default;
};

/// Sees every frame of every interface.
class FrameObserver {
 public:
  /// One that a device has received, or one that is about to be sent (`outgoing`).
  virtual void frame(const Interface& interface, const Packet& packet, bool outgoing) noexcept = 0;

 protected:
  FrameObserver() = default;
  FrameObserver(const FrameObserver&) = delete;
  FrameObserver& operator=(const FrameObserver&) = delete;
  ~FrameObserver() = default;
};

}  // namespace nal::embedded
