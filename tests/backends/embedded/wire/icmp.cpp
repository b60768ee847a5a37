#include "backends/embedded/wire/icmp.hpp"

#include <catch2/catch_test_macros.hpp>

#include "tests/backends/embedded/wire/hex.hpp"

namespace nal::embedded::wire {
namespace {

using namespace nal::literals;

TEST_CASE("an ICMPv4 echo reads as it was written", "[wire][icmp]") {
  Bytes message = hex("0000000000000000 61626364");
  IcmpHeader::of(Icmpv4Type::echo_request, 0, IcmpHeader::echo(0x1234, 0x0001)).emit(message);
  CHECK(message == hex("0800 2104 1234 0001 61626364"));
  const auto view = IcmpView::parse(message);
  REQUIRE(view);
  CHECK(view->type_v4() == Icmpv4Type::echo_request);
  CHECK(view->code() == 0);
  CHECK(view->identifier() == 0x1234);
  CHECK(view->sequence() == 1);
  CHECK(view->checksum_valid_v4());
  CHECK(same(view->body(), hex("61626364")));
  message[9] ^= std::byte{1};
  CHECK_FALSE(IcmpView::parse(message)->checksum_valid_v4());
}

TEST_CASE("an ICMPv6 echo has the pseudo header in its checksum", "[wire][icmp]") {
  const Ipv6Address from = "fe80::1"_ipv6;
  const Ipv6Address to = "fe80::2"_ipv6;
  Bytes message(13);
  const Sum pseudo = pseudo_header_sum(bytes_of(from), bytes_of(to), kIcmpv6Protocol, message.size());
  IcmpHeader::of(Icmpv6Type::echo_reply, 0, IcmpHeader::echo(7, 9)).emit(message, pseudo);
  const auto view = IcmpView::parse(message);
  REQUIRE(view);
  CHECK(view->type_v6() == Icmpv6Type::echo_reply);
  CHECK(view->checksum_valid_v6(pseudo));
  CHECK_FALSE(view->checksum_valid_v6({}));
  CHECK_FALSE(view->checksum_valid_v4());
}

TEST_CASE("an ICMP message is none when it is shorter than its header", "[wire][icmp]") {
  for_each_truncation(Bytes(8), [](const Bytes& part) { CHECK_FALSE(IcmpView::parse(part)); });
  CHECK(IcmpView::parse(Bytes(8))->body().empty());
}

TEST_CASE("errors are told from other messages, in either version", "[wire][icmp]") {
  for (unsigned type = 0; type < 256; ++type) {
    Bytes message(8);
    store_u8(message.data(), type);
    const auto view = IcmpView::parse(message);
    CHECK(view->is_error_v4() == (type == 3 || type == 4 || type == 5 || type == 11 || type == 12));
    CHECK(view->is_error_v6() == (type < 128));
  }
}

TEST_CASE("each error tells its own field", "[wire][icmp]") {
  const Bytes message = hex("0304 0000 0000 05dc");
  const auto view = IcmpView::parse(message);
  CHECK(view->mtu_v4() == 1500);
  const Bytes big = hex("0200 0000 00010500");
  CHECK(IcmpView::parse(big)->mtu_v6() == 0x10500);
  const Bytes problem = hex("0c00 0000 14000000");
  CHECK(IcmpView::parse(problem)->pointer_v4() == 20);
  const Bytes problem6 = hex("0402 0000 0000002a");
  CHECK(IcmpView::parse(problem6)->pointer_v6() == 42);
  const Bytes redirect = hex("0501 0000 c00002fe");
  CHECK(IcmpView::parse(redirect)->gateway() == "192.0.2.254"_ipv4);
}

const char* const kQuoted4 = "4500 05dc 1234 4000 4006 0000 c0000201 c0000202 0035 d431 01020304";

TEST_CASE("the IPv4 packet that an error quotes tells its flow", "[wire][icmp]") {
  const Bytes quoted = hex(kQuoted4);
  const auto packet = QuotedPacket::parse_v4(quoted);
  REQUIRE(packet);
  CHECK(same(packet->source, hex("c0000201")));
  CHECK(same(packet->destination, hex("c0000202")));
  CHECK(packet->protocol == 6);
  CHECK(same(packet->transport, hex("0035 d431 01020304")));
  for_each_truncation(quoted, [](const Bytes& part) { CHECK_FALSE(QuotedPacket::parse_v4(part)); });
  Bytes later = quoted;
  store_be16(&later[6], 0x0001);
  CHECK_FALSE(QuotedPacket::parse_v4(later));
  store_be16(&later[6], 0x2000);  // the first of several
  CHECK(QuotedPacket::parse_v4(later));
}

TEST_CASE("the IPv6 packet that an error quotes tells its flow", "[wire][icmp]") {
  const Bytes quoted =
      hex("60000000 05b4 2c 40 20010db8000000000000000000000001 20010db8000000000000000000000002"
          "06 00 0001 00000001 0035 d431 01020304");
  const auto packet = QuotedPacket::parse_v6(quoted);
  REQUIRE(packet);
  CHECK(same(packet->source, hex("20010db8000000000000000000000001")));
  CHECK(same(packet->destination, hex("20010db8000000000000000000000002")));
  CHECK(packet->protocol == 6);
  CHECK(same(packet->transport, hex("0035 d431 01020304")));
  for_each_truncation(quoted, [](const Bytes& part) { CHECK_FALSE(QuotedPacket::parse_v6(part)); });
}

TEST_CASE("what RFC 4884 puts behind a quotation is no part of it", "[wire][icmp]") {
  struct Case {
    const char* header;
    bool v6;
    std::size_t body;
    std::size_t quotation;
  };
  for (const Case& c : {
           Case{"0301 0000 00 00 0000", false, 200, 200}, Case{"0301 0000 00 20 0000", false, 200, 128},
           Case{"0b00 0000 00 01 0000", false, 200, 4},
           Case{"0301 0000 00 ff 0000", false, 200, 200},  // more than is there
           Case{"0500 0000 00 20 0000", false, 200, 200},  // a redirect has no length
           Case{"0104 0000 10 00 0000", true, 200, 128}, Case{"0300 0000 00 00 0000", true, 200, 200},
           Case{"0104 0000 ff 00 0000", true, 200, 200},
           Case{"0200 0000 10 00 0000", true, 200, 200},  // packet too big: that is its MTU
       }) {
    const Bytes message = join(hex(c.header), Bytes(c.body));
    const auto view = IcmpView::parse(message);
    INFO(c.header);
    CHECK((c.v6 ? view->quotation_v6() : view->quotation_v4()).size() == c.quotation);
  }
}

}  // namespace
}  // namespace nal::embedded::wire
