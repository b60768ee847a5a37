#include "tests/adapters/c/desk.hpp"

using namespace nal;
using namespace nal::test;

namespace {

/// A server's socket, and a client's that is connected to it.
template <class Fixture>
struct Sockets : Desk<Fixture> {
  Sockets() {
    const nal_endpoint any = this->at(Fixture::server_address(Family::v4), 0);
    REQUIRE(nal_udp_bind(&this->server, &far_socket, &any, nullptr) == NAL_OK);
    REQUIRE(nal_udp_local(&far_socket, &there) == NAL_OK);
    REQUIRE(nal_udp_connect(&this->client, &near_socket, nullptr, &there, nullptr) == NAL_OK);
  }
  ~Sockets() {
    nal_udp_close(&near_socket);
    nal_udp_close(&far_socket);
  }
  nal_udp near_socket{};
  nal_udp far_socket{};
  nal_endpoint there{};
};

}  // namespace

TEMPLATE_TEST_CASE("C: a datagram tells where it came from and where it went to, and is answered", "[c]", OnPosix,
                   OnEmbedded) {
  Sockets<TestType> s;
  std::array<char, 16> buffer{};
  nal_datagram about{};
  CHECK(nal_udp_send(&s.near_socket, "ping", 4, s.patience()) == NAL_OK);
  REQUIRE(nal_udp_receive(&s.far_socket, buffer.data(), buffer.size(), &about, s.patience()) == 4);
  CHECK(about.size == 4);
  CHECK(about.truncated == 0);
  CHECK(nal_endpoint_equal(&about.local, &s.there) == 1);
  nal_endpoint from{};
  CHECK(nal_udp_local(&s.near_socket, &from) == NAL_OK);
  CHECK(from.port == about.remote.port);
  CHECK(nal_udp_remote(&s.near_socket, &from) == NAL_OK);
  CHECK(nal_endpoint_equal(&from, &s.there) == 1);
  CHECK(nal_udp_send_to(&s.far_socket, &about.local, &about.remote, "pong!", 5, s.patience()) == NAL_OK);
  CHECK(nal_udp_receive(&s.near_socket, buffer.data(), buffer.size(), nullptr, s.patience()) == 5);
  CHECK(nal_udp_send_to(&s.far_socket, nullptr, &about.remote, "", 0, s.patience()) == NAL_OK);
  CHECK(nal_udp_receive(&s.near_socket, buffer.data(), buffer.size(), nullptr, s.patience()) == 0);
}

TEMPLATE_TEST_CASE("C: a datagram that is larger than the buffer is cut, and says so", "[c]", OnPosix, OnEmbedded) {
  Sockets<TestType> s;
  std::array<char, 3> buffer{};
  nal_datagram about{};
  CHECK(nal_udp_send(&s.near_socket, "longer", 6, s.patience()) == NAL_OK);
  CHECK(nal_udp_receive(&s.far_socket, buffer.data(), buffer.size(), &about, s.patience()) == 3);
  CHECK(about.truncated == 1);
  CHECK(about.size == 6);
  CHECK(nal_udp_receive(&s.far_socket, buffer.data(), buffer.size(), &about, NAL_NO_WAIT) == NAL_WOULD_BLOCK);
  CHECK(nal_udp_receive(&s.far_socket, buffer.data(), buffer.size(), &about, nal_within_ms(3)) == NAL_TIMED_OUT);
}

TEMPLATE_TEST_CASE("C: UDP's errors are told apart", "[c]", OnPosix, OnEmbedded) {
  Sockets<TestType> s;
  std::array<char, 8> buffer{};
  CHECK(nal_udp_send(&s.far_socket, "x", 1, s.patience()) == NAL_NOT_CONNECTED);
  const std::string large(66'000, 'x');
  CHECK(nal_udp_send(&s.near_socket, large.data(), large.size(), s.patience()) == NAL_MESSAGE_SIZE);
  CHECK(nal_udp_close(&s.far_socket) == NAL_OK);
  CHECK(nal_udp_send(&s.near_socket, "x", 1, s.patience()) == NAL_OK);
  CHECK(nal_udp_receive(&s.near_socket, buffer.data(), 8, nullptr, s.patience()) == NAL_CONNECTION_REFUSED);
  CHECK(nal_udp_receive(&s.near_socket, buffer.data(), 8, nullptr, NAL_NO_WAIT) == NAL_WOULD_BLOCK);
  const auto close = [&] { nal_udp_close(&s.near_socket); };
  s.meanwhile(close);
  CHECK(nal_udp_receive(&s.near_socket, buffer.data(), 8, nullptr, NAL_FOREVER) == NAL_CLOSED);
  CHECK(nal_udp_send(&s.near_socket, "x", 1, NAL_NO_WAIT) == NAL_CLOSED);
}

TEMPLATE_TEST_CASE("C: a socket hears the groups that it has joined", "[c]", OnPosix, OnEmbedded) {
  Sockets<TestType> s;
  nal_udp group_socket{};
  nal_udp_options options{};
  options.share_port = 1;
  nal_endpoint all = s.at(IpAddress::unspecified(Family::v4), 0);
  REQUIRE(nal_udp_bind_all(&s.server, &group_socket, &all, &options) == NAL_OK);
  nal_endpoint group{};
  REQUIRE(nal_udp_local(&group_socket, &group) == NAL_OK);
  REQUIRE(nal_address_parse(&group.address, "239.1.2.3") == NAL_OK);
  const std::uint32_t interface = TestType::multicast_interface().index();
  CHECK(nal_udp_join(&group_socket, &group.address, interface) == NAL_OK);
  CHECK(nal_udp_join(&group_socket, &group.address, interface) == NAL_ADDRESS_IN_USE);
  nal_udp sender{};
  const nal_endpoint from = s.at(TestType::client_address(Family::v4), 0);
  REQUIRE(nal_udp_bind(&s.client, &sender, &from, nullptr) == NAL_OK);
  options = {};
  options.multicast_interface = interface;
  options.multicast_loopback = 1;
  options.multicast_hop_limit = 2;
  CHECK(nal_udp_configure(&sender, &options) == NAL_OK);
  CHECK(nal_udp_send_to(&sender, nullptr, &group, "all", 3, s.patience()) == NAL_OK);
  std::array<char, 8> buffer{};
  nal_datagram about{};
  CHECK(nal_udp_receive(&group_socket, buffer.data(), 8, &about, s.patience()) == 3);
  CHECK(nal_address_equal(&about.local.address, &group.address) == 1);
  CHECK(nal_udp_leave(&group_socket, &group.address, interface) == NAL_OK);
  CHECK(nal_udp_leave(&group_socket, &group.address, interface) < 0);
  CHECK(nal_udp_close(&sender) == NAL_OK);
  CHECK(nal_udp_close(&group_socket) == NAL_OK);
}
