#include <algorithm>
#include <cstring>

#include "backends/embedded/ip/headers.hpp"
#include "backends/embedded/udp/udp.hpp"
#include "backends/embedded/wire/udp.hpp"

namespace nal::embedded {

namespace {

/// What the headers in front of a queued payload tell.
void describe(Packet& packet, Received& about) noexcept {
  const InterfaceIndex interface = packet.buffer()->interface;
  const std::byte* const udp = packet.data().data() - wire::kUdpHeaderSize;
  about.remote.port = wire::load_be16(udp);
  about.local.port = wire::load_be16(udp + 2);
  about.interface = InterfaceId(interface);
  const std::byte* const v4 = packet.buffer()->memory() + packet.buffer()->network_header;
  if (features::kFastPaths && features::kIpv4 && wire::load_u8(v4) >> 4 == 4) {
    about.remote.address = wire::load_ipv4(v4 + 12);
    about.local.address = wire::load_ipv4(v4 + 16);
    about.hop_limit = wire::load_u8(v4 + 8);
  } else {
    const IpHeaders ip = headers_of(packet);
    about.remote.address = ip.source.to_ip(interface);
    about.local.address = ip.destination.to_ip(interface);
    about.hop_limit = ip.hop_limit;
  }
  about.datagram_size = packet.size();
  about.size = packet.size();
}

/// Nothing is there: what is to be told instead, or waits.
Error wait(UdpSlot& slot, Context& context, Waiter& waiter) noexcept {
  if (slot.error != Error{}) { return std::exchange(slot.error, Error{}); }
  slot.readable.add(context, waiter, Wait::readable);
  return {};
}

}  // namespace

void UdpSocket::drop() noexcept {
  if (UdpSlot* const mine = slot()) { udp_->release(*mine); }
  udp_ = nullptr;
}

Poll<Result<UdpSocket::Datagram>> UdpSocket::poll_take(Context& context, Waiter& waiter) noexcept {
  UdpSlot* const mine = slot();
  if (!mine) { return Unexpected(Error::closed); }
  if (mine->queue.empty()) {
    if (const Error error = wait(*mine, context, waiter); error != Error{}) { return Unexpected(error); }
    return pending;
  }
  Datagram datagram;
  datagram.packet = mine->queue.pop();
  describe(datagram.packet, datagram.about);
  return Result<Datagram>(std::move(datagram));
}

Poll<Result<Received>> UdpSocket::poll_receive(Context& context, Waiter& waiter, std::span<std::byte> buffer) noexcept {
  UdpSlot* const mine = slot();
  if (!mine) { return Unexpected(Error::closed); }
  if (mine->queue.empty()) {
    if (const Error error = wait(*mine, context, waiter); error != Error{}) { return Unexpected(error); }
    return pending;
  }
  Packet packet = mine->queue.pop();
  Poll<Result<Received>> got{Received()};
  Received& about = **got;
  describe(packet, about);
  about.size = std::min(about.datagram_size, buffer.size());
  about.truncated = about.size < about.datagram_size;
  if (about.size != 0) { std::memcpy(buffer.data(), packet.data().data(), about.size); }
  return got;
}

Result<> UdpSocket::configure(const UdpOptions& options) noexcept {
  UdpSlot* const mine = slot();
  return mine ? Udp::configure(*mine, options) : Result<>(Unexpected(Error::closed));
}

Endpoint UdpSocket::local_endpoint() const noexcept {
  const UdpSlot* const mine = slot();
  if (!mine) { return {}; }
  const IpAddress address = mine->local.is_unspecified() ? IpAddress::unspecified(mine->v6 ? Family::v6 : Family::v4)
                                                         : mine->local.to_ip(mine->interface);
  return {address, mine->local_port};
}

Poll<Result<>> ConnectedUdp::poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
  UdpSlot* const mine = slot();
  if (!mine) { return Unexpected(Error::closed); }
  return udp_->poll_send(context, waiter, *mine, mine->local, mine->remote, mine->remote_port, mine->interface, data);
}

Endpoint ConnectedUdp::remote_endpoint() const noexcept {
  const UdpSlot* const mine = slot();
  return mine ? Endpoint{mine->remote.to_ip(mine->interface), mine->remote_port} : Endpoint{};
}

Poll<Result<>> UnconnectedUdp::poll_send(Context& context, Waiter& waiter, const Endpoint& local,
                                         const Endpoint& remote, std::span<const std::byte> data) noexcept {
  UdpSlot* const mine = slot();
  if (!mine) { return Unexpected(Error::closed); }
  if (local.address.family() != remote.address.family()) { return Unexpected(Error::invalid_argument); }
  const Address from = local.address.is_unspecified() ? mine->local : Address(local.address);
  InterfaceIndex interface = interface_index(remote.address.zone());
  if (interface == 0) { interface = mine->interface; }
  return udp_->poll_send(context, waiter, *mine, from, Address(remote.address), remote.port, interface, data);
}

Result<> UnconnectedUdp::change(const IpAddress& group, const IpAddress& source, InterfaceId interface,
                                bool join) noexcept {
  UdpSlot* const mine = slot();
  return mine ? udp_->change_membership(*mine, group, source, interface, join) : Result<>(Unexpected(Error::closed));
}

}  // namespace nal::embedded
