// fails NO_POLL_RECEIVE: no matching function .*send_to & UnconnectedUdp & DatagramReceiver & poll_receive
// fails POLL_SEND_KNOWS_NO_LOCAL_ADDRESS: no matching function .*send_to & UnconnectedUdp & poll_send
// fails NO_JOIN: no matching function .*send_to & UnconnectedUdp & join\b
// fails NO_LEAVE: no matching function .*send_to & UnconnectedUdp & leave\b
// fails NO_JOIN_SOURCE: no matching function .*send_to & UnconnectedUdp & join_source
// fails NO_LEAVE_SOURCE: no matching function .*send_to & UnconnectedUdp & leave_source
#include "nal/udp.hpp"
#include "tests/fail/models.hpp"

auto operation(model::Unconnected& socket, const nal::Endpoint& remote, std::span<const std::byte> data) {
  return nal::send_to(socket, remote, data);
}
