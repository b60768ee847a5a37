#include "backends/embedded/wire/ipv4.hpp"

#include <catch2/catch_test_macros.hpp>

#include "backends/embedded/wire/udp.hpp"
#include "tests/backends/embedded/wire/hex.hpp"

namespace nal::embedded::wire {
namespace {

using namespace nal::literals;

const char* const kPacket = "4500 001c 1234 4000 4011 a499 c0000201 c0000202 0035 d431 0008 0000";

Bytes with_u16(Bytes bytes, std::size_t at, unsigned value) {
  store_be16(&bytes[at], value);
  return bytes;
}
Bytes with_u8(Bytes bytes, std::size_t at, unsigned value) {
  store_u8(&bytes[at], value);
  return bytes;
}

TEST_CASE("an IPv4 header reads as it was written, with its checksum", "[wire][ipv4]") {
  Bytes packet(28);
  Ipv4Header{.payload_size = 8,
             .identification = 0x1234,
             .dont_fragment = true,
             .protocol = 17,
             .source = "192.0.2.1"_ipv4,
             .destination = "192.0.2.2"_ipv4}
      .emit(packet);
  CHECK(same(std::span(packet).first(20), std::span<const std::byte>(hex(kPacket)).first(20)));
  const auto view = Ipv4View::parse(packet);
  REQUIRE(view);
  CHECK(view->checksum_valid());
  CHECK(view->header_size() == 20);
  CHECK(view->total_length() == 28);
  CHECK(view->identification() == 0x1234);
  CHECK(view->dont_fragment());
  CHECK_FALSE(view->more_fragments());
  CHECK_FALSE(view->is_fragment());
  CHECK(view->hop_limit() == 64);
  CHECK(view->protocol() == 17);
  CHECK(view->source() == "192.0.2.1"_ipv4);
  CHECK(view->destination() == "192.0.2.2"_ipv4);
  CHECK(same(view->source_bytes(), hex("c0000201")));
  CHECK(same(view->destination_bytes(), hex("c0000202")));
  CHECK(view->options().empty());
  CHECK(view->payload().size() == 8);
}

TEST_CASE("every field of an IPv4 header holds its whole range", "[wire][ipv4]") {
  for (const unsigned traffic_class : {0U, 1U, 0xb8U, 255U}) {
    for (const unsigned offset : {0U, 8U, 1480U, 0xfff8U}) {
      for (const bool more : {false, true}) {
        for (const unsigned hops : {0U, 1U, 255U}) {
          Bytes packet(20);
          Ipv4Header{.traffic_class = static_cast<std::uint8_t>(traffic_class),
                     .identification = 0xffff,
                     .more_fragments = more,
                     .fragment_offset = offset,
                     .hop_limit = static_cast<std::uint8_t>(hops),
                     .protocol = 255,
                     .source = "255.255.255.255"_ipv4,
                     .destination = "255.255.255.255"_ipv4}
              .emit(packet);
          const auto view = Ipv4View::parse(packet);
          REQUIRE(view);
          CHECK(view->checksum_valid());
          CHECK(view->traffic_class() == traffic_class);
          CHECK(view->fragment_offset() == offset);
          CHECK(view->more_fragments() == more);
          CHECK(view->is_fragment() == (more || offset != 0));
          CHECK_FALSE(view->dont_fragment());
          CHECK(view->hop_limit() == hops);
          CHECK(view->protocol() == 255);
        }
      }
    }
  }
}

TEST_CASE("the router alert is an option of the header, told as RFC 2113 has it", "[wire][ipv4]") {
  Bytes packet(32);
  const Ipv4Header header{.payload_size = 8,
                          .hop_limit = 1,
                          .protocol = 2,
                          .source = "192.0.2.1"_ipv4,
                          .destination = "224.0.0.22"_ipv4,
                          .router_alert = true};
  REQUIRE(header.size() == 24);
  header.emit(packet);
  const auto view = Ipv4View::parse(packet);
  REQUIRE(view);
  CHECK(view->checksum_valid());
  CHECK(same(view->options(), hex("94040000")));
  CHECK(Ipv4Options(view->options()).contains(Ipv4OptionType::router_alert));
  CHECK(view->payload().size() == 8);
}

TEST_CASE("an IPv4 packet is none when it is cut anywhere", "[wire][ipv4]") {
  for_each_truncation(hex(kPacket), [](const Bytes& part) { CHECK_FALSE(Ipv4View::parse(part)); });
}

TEST_CASE("an IPv4 packet is none when its version or its lengths contradict what is there", "[wire][ipv4]") {
  const Bytes packet = hex(kPacket);
  for (unsigned version = 0; version < 16; ++version) {
    CHECK(Ipv4View::parse(with_u8(packet, 0, version << 4 | 5)).has_value() == (version == 4));
  }
  for (unsigned words = 0; words < 16; ++words) {
    // 28 bytes in all: headers of 5, 6 and 7 words find room
    CHECK(Ipv4View::parse(with_u8(packet, 0, 0x40 | words)).has_value() == (words >= 5 && words <= 7));
  }
  for (const unsigned total : {0U, 1U, 19U, 20U, 27U, 28U, 29U, 0xffffU}) {
    CHECK(Ipv4View::parse(with_u16(packet, 2, total)).has_value() == (total >= 20 && total <= 28));
  }
}

TEST_CASE("what the link puts behind an IPv4 packet is no part of it", "[wire][ipv4]") {
  const Bytes padded = join(hex(kPacket), Bytes(18));
  const auto view = Ipv4View::parse(padded);
  REQUIRE(view);
  CHECK(view->payload().size() == 8);
}

TEST_CASE("a quoted IPv4 packet may end before its payload does, but not within its header", "[wire][ipv4]") {
  const Bytes quoted = with_u16(hex(kPacket), 2, 1500);
  const auto view = Ipv4View::parse_quoted(quoted);
  REQUIRE(view);
  CHECK(view->total_length() == 1500);
  CHECK(view->payload().size() == 8);
  for_each_truncation(
      quoted, [](const Bytes& part) { CHECK(Ipv4View::parse_quoted(part).has_value() == (part.size() >= 20)); });
  CHECK_FALSE(Ipv4View::parse_quoted(with_u8(quoted, 0, 0x48)));  // 32 bytes of header, 28 there
}

TEST_CASE("IPv4 options are walked over safely, whatever they are", "[wire][ipv4]") {
  struct Case {
    const char* options;
    std::size_t count;
  };
  for (const Case& c : {
           Case{"", 0},
           Case{"01 01 01 00", 0},
           Case{"00 94 04 00", 0},  // behind the end
           Case{"94 04 00 00", 1},
           Case{"01 94 04 00 00 01 01 00", 1},
           Case{"83 07 04 c0000203 00", 1},
           Case{"94 04 00 00 83 07 04 c0000203 00", 2},
           Case{"94", 0},           // no length
           Case{"94 00 00 00", 0},  // a length that holds not even itself
           Case{"94 01 00 00", 0},
           Case{"94 02 00 00", 1},
           Case{"94 05 00 00", 0},  // beyond the end
           Case{"94 ff 00 00", 0},
       }) {
    const Bytes bytes = hex(c.options);
    Ipv4Options options(bytes);
    std::size_t count = 0;
    while (options.next()) { ++count; }
    INFO(c.options);
    CHECK(count == c.count);
  }
  const Bytes route = hex("01 83 07 04 c0000203");
  CHECK(Ipv4Options(route).contains(Ipv4OptionType::loose_source_route));
  CHECK_FALSE(Ipv4Options(route).contains(Ipv4OptionType::strict_source_route));
}

TEST_CASE("a datagram reads as it was written, with its checksum", "[wire][udp]") {
  const Bytes payload = hex("68656c6c6f");
  const Bytes from = hex("c0000201");
  const Bytes to = hex("c0000202");
  Bytes datagram(8 + 5);
  std::copy(payload.begin(), payload.end(), datagram.begin() + 8);
  const Sum pseudo = pseudo_header_sum(from, to, kUdpProtocol, datagram.size());
  UdpHeader{.source_port = 53, .destination_port = 65535, .payload_size = 5}.emit(datagram, pseudo, sum(payload));
  const auto view = UdpView::parse(datagram);
  REQUIRE(view);
  CHECK(view->source_port() == 53);
  CHECK(view->destination_port() == 65535);
  CHECK(view->length() == 13);
  CHECK(view->has_checksum());
  CHECK(view->checksum_valid(pseudo));
  CHECK_FALSE(view->checksum_valid(pseudo + Sum::of(1)));
  CHECK(same(view->payload(), payload));
}

TEST_CASE("a datagram without a checksum is told, and nothing of it can be wrong", "[wire][udp]") {
  Bytes datagram(8);
  UdpHeader{.source_port = 1, .destination_port = 2, .payload_size = 0}.emit_with(datagram, 0);
  const auto view = UdpView::parse(datagram);
  REQUIRE(view);
  CHECK_FALSE(view->has_checksum());
  CHECK(view->checksum_valid(Sum::of(0x1234)));
  CHECK(view->payload().empty());
}

TEST_CASE("a datagram is none when its length contradicts what is there", "[wire][udp]") {
  const Bytes datagram = hex("0035 d431 000c 0000 01020304");
  for_each_truncation(datagram, [](const Bytes& part) { CHECK_FALSE(UdpView::parse(part)); });
  for (const unsigned length : {0U, 1U, 7U, 8U, 9U, 11U, 12U, 13U, 0xffffU}) {
    const auto view = UdpView::parse(with_u16(datagram, 4, length));
    CHECK(view.has_value() == (length >= 8 && length <= 12));
    if (view) { CHECK(view->payload().size() == length - 8); }
  }
}

}  // namespace
}  // namespace nal::embedded::wire
