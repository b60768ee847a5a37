// fails NO_UDP_CONNECT_FROM: no matching function .*udp_connect & UdpStack & udp_connect_from
// fails NO_UDP_BIND_SINGLE: no matching function .*udp_connect & UdpStack & udp_bind_single
// fails NO_UDP_BIND_MULTIPLE: no matching function .*udp_connect & UdpStack & udp_bind_multiple
// fails STACK_NAMES_NO_CONNECTED_SOCKET: no matching function .*udp_connect & ConnectedUdp. in|ConnectedUdp>. is not
// fails NO_JOIN: no matching function .*udp_connect & UdpStack & UnconnectedUdp
#include "nal/udp.hpp"
#include "tests/fail/models.hpp"

auto operation(model::Stack& stack, const nal::Endpoint& remote) { return nal::udp_connect(stack, remote); }
