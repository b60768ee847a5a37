// fails NO_POLL_RECEIVE: no matching function .*send & ConnectedUdp & DatagramReceiver & poll_receive
// fails NO_UDP_CONFIGURE: no matching function .*send & ConnectedUdp & DatagramReceiver & configure
// fails NO_UDP_LOCAL_ENDPOINT: no matching function .*send & ConnectedUdp & DatagramReceiver & local_endpoint
// fails NO_POLL_SEND: no matching function .*send & ConnectedUdp & poll_send
// fails POLL_SEND_GIVES_SIZE: no matching function .*send & ConnectedUdp & poll_send.*return-type-requirement|same_as<
// fails NO_UDP_REMOTE_ENDPOINT: no matching function .*send & ConnectedUdp & remote_endpoint
#include "nal/udp.hpp"
#include "tests/fail/models.hpp"

auto operation(model::Connected& socket, std::span<const std::byte> data) { return nal::send(socket, data); }
