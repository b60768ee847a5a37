#include "backends/embedded/wire/ipv6.hpp"

#include <catch2/catch_test_macros.hpp>

#include "tests/backends/embedded/wire/hex.hpp"

namespace nal::embedded::wire {
namespace {

using namespace nal::literals;
using Verdict = Ipv6Chain::Verdict;

const Ipv6Address kSource = "2001:db8::1"_ipv6;
const Ipv6Address kDestination = "2001:db8::2"_ipv6;
const Ipv6Address kGroup = "ff02::1"_ipv6;

Bytes packet(NextHeader next, const Bytes& payload, const Ipv6Address& destination = kDestination) {
  Bytes bytes(kIpv6HeaderSize);
  Ipv6Header{.payload_length = payload.size(),
             .next_header = static_cast<std::uint8_t>(next),
             .source = bytes_of(kSource),
             .destination = bytes_of(destination)}
      .emit(bytes);
  return join(bytes, payload);
}
Ipv6Chain walk(const Bytes& bytes) {
  const auto view = Ipv6View::parse(bytes);
  REQUIRE(view);
  return walk_extension_headers(*view);
}

TEST_CASE("an IPv6 header reads as it was written", "[wire][ipv6]") {
  Bytes bytes(43, std::byte{0x33});
  Ipv6Header{.traffic_class = 0xab,
             .flow_label = 0xcdef1,
             .payload_length = 3,
             .next_header = 17,
             .hop_limit = 255,
             .source = bytes_of(kSource),
             .destination = bytes_of(kDestination)}
      .emit(bytes);
  CHECK(same(std::span(bytes).first(8), hex("6abcdef1 0003 11 ff")));
  const auto view = Ipv6View::parse(bytes);
  REQUIRE(view);
  CHECK(view->traffic_class() == 0xab);
  CHECK(view->flow_label() == 0xcdef1);
  CHECK(view->payload_length() == 3);
  CHECK(view->next_header() == 17);
  CHECK(view->hop_limit() == 255);
  CHECK(to_ipv6(view->source()) == kSource);
  CHECK(to_ipv6(view->destination()) == kDestination);
  CHECK(same(view->payload(), hex("333333")));
}

TEST_CASE("an IPv6 packet is none when it is cut, of another version, or says more than is there", "[wire][ipv6]") {
  const Bytes whole = packet(NextHeader::udp, Bytes(8));
  for_each_truncation(whole, [](const Bytes& part) {
    CHECK_FALSE(Ipv6View::parse(part));
    CHECK(Ipv6View::parse_quoted(part).has_value() == (part.size() >= kIpv6HeaderSize));
  });
  for (unsigned version = 0; version < 16; ++version) {
    Bytes other = whole;
    store_u8(other.data(), version << 4);
    CHECK(Ipv6View::parse(other).has_value() == (version == 6));
  }
  for (const unsigned length : {0U, 1U, 7U, 8U, 9U, 0xffffU}) {
    Bytes other = whole;
    store_be16(&other[4], length);
    const auto view = Ipv6View::parse(other);
    CHECK(view.has_value() == (length <= 8));
    if (view) { CHECK(view->payload().size() == length); }
  }
}

TEST_CASE("a packet without extension headers is delivered to what it names", "[wire][ipv6]") {
  const Ipv6Chain chain = walk(packet(NextHeader::tcp, Bytes(20)));
  CHECK(chain.verdict == Verdict::deliver);
  CHECK(chain.protocol == 6);
  CHECK(chain.offset == 40);
  CHECK(chain.next_header_field == 6);
  CHECK_FALSE(chain.router_alert);
}

TEST_CASE("what follows no header at all is dropped in silence", "[wire][ipv6]") {
  CHECK(walk(packet(NextHeader::none, Bytes(20))).verdict == Verdict::discard);
}

TEST_CASE("extension headers are walked over to what they carry", "[wire][ipv6]") {
  // hop-by-hop with a router alert, destination options, routing with nothing left, atomic fragment, UDP
  const Bytes bytes = packet(NextHeader::hop_by_hop, hex("3c 00 0502 0000 0100"
                                                         "2b 00 0104 00000000"
                                                         "2c 00 fd00 00000000"
                                                         "11 00 0000 12345678"
                                                         "0035 0035 0008 0000"));
  const Ipv6Chain chain = walk(bytes);
  CHECK(chain.verdict == Verdict::deliver);
  CHECK(chain.protocol == 17);
  CHECK(chain.offset == 72);
  CHECK(chain.next_header_field == 64);
  CHECK(chain.router_alert);
  // Wherever it is cut, with the header saying so, it is dropped or at least stays within its bytes.
  for (std::size_t size = 0; size < 32; ++size) {
    Bytes part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(40 + size));
    store_be16(&part[4], static_cast<std::uint32_t>(size));
    INFO(size);
    CHECK(walk(part).verdict == Verdict::discard);
  }
}

TEST_CASE("the length of an extension header counts units of eight bytes behind the first", "[wire][ipv6]") {
  for (const unsigned length : {0U, 1U, 2U, 3U, 255U}) {
    // 24 bytes: lengths 0 to 2 find room, and what is in them is padding
    Bytes options = hex("11 00 0114 00000000 00000000 00000000 00000000 00000000");
    store_u8(&options[1], length);
    if (length < 2) { store_u8(&options[3], 8 * length + 4); }
    const Ipv6Chain chain = walk(packet(NextHeader::destination_options, options));
    INFO(length);
    if (length <= 2) {
      CHECK(chain.verdict == Verdict::deliver);
      CHECK(chain.offset == 40 + 8 * (length + 1));
    } else {
      CHECK(chain.verdict == Verdict::discard);
    }
  }
}

TEST_CASE("unknown options get what their two highest bits ask for (RFC 8200 §4.2)", "[wire][ipv6]") {
  struct Case {
    const char* options;
    Verdict to_host;
    Verdict to_group;
  };
  for (const Case& c : {
           Case{"11 00 3e02 0000 0100", Verdict::deliver, Verdict::deliver},
           Case{"11 00 7e02 0000 0100", Verdict::discard, Verdict::discard},
           Case{"11 00 be02 0000 0100", Verdict::parameter_problem, Verdict::parameter_problem},
           Case{"11 00 fe02 0000 0100", Verdict::parameter_problem, Verdict::discard},
       }) {
    for (const NextHeader header : {NextHeader::hop_by_hop, NextHeader::destination_options}) {
      INFO(c.options);
      const Ipv6Chain to_host = walk(packet(header, hex(c.options)));
      CHECK(to_host.verdict == c.to_host);
      if (to_host.verdict == Verdict::parameter_problem) {
        CHECK(to_host.code == 2);
        CHECK(to_host.pointer == 42);
      }
      CHECK(walk(packet(header, hex(c.options), kGroup)).verdict == c.to_group);
    }
  }
}

TEST_CASE("an option that is longer than its header is dropped with the packet", "[wire][ipv6]") {
  for (const char* options : {"11 00 0105 00000000", "11 00 01ff 00000000", "11 00 0000 00000001",
                              "11 00 3e00 0000 01ff", "11 00 0102 0000 3e01"}) {
    INFO(options);
    CHECK(walk(packet(NextHeader::destination_options, hex(options))).verdict == Verdict::discard);
  }
  for (const char* options : {"11 00 0104 00000000", "11 00 0000 00000000", "11 00 3e00 3e02 0000"}) {
    INFO(options);
    CHECK(walk(packet(NextHeader::destination_options, hex(options))).verdict == Verdict::deliver);
  }
}

TEST_CASE("hop-by-hop options anywhere but first are an unknown next header (RFC 8200 §4.1)", "[wire][ipv6]") {
  const Ipv6Chain chain = walk(packet(NextHeader::destination_options, hex("00 00 0104 00000000"
                                                                           "11 00 0104 00000000")));
  CHECK(chain.verdict == Verdict::parameter_problem);
  CHECK(chain.code == 1);
  CHECK(chain.pointer == 40);
  // Only hop-by-hop options can have a router alert.
  CHECK_FALSE(walk(packet(NextHeader::destination_options, hex("11 00 0502 0000 0100"))).router_alert);
}

TEST_CASE("a routing header with segments left is refused, one without is walked over (RFC 5095)", "[wire][ipv6]") {
  for (const unsigned type : {0U, 2U, 3U, 4U, 253U}) {
    for (const unsigned left : {0U, 1U, 255U}) {
      Bytes header = hex("11 00 0000 00000000");
      store_u8(&header[2], type);
      store_u8(&header[3], left);
      const Ipv6Chain chain = walk(packet(NextHeader::routing, header));
      if (left == 0) {
        CHECK(chain.verdict == Verdict::deliver);
      } else {
        CHECK(chain.verdict == Verdict::parameter_problem);
        CHECK(chain.code == 0);
        CHECK(chain.pointer == 42);
      }
    }
  }
}

TEST_CASE("a fragment tells what its header says and what has to be changed to put it together", "[wire][ipv6]") {
  Bytes header(8);
  FragmentHeader{.next_header = 17, .offset = 1448, .more = true, .identification = 0xdeadbeef}.emit(header);
  CHECK(same(header, hex("11 00 05a9 deadbeef")));
  const Ipv6Chain chain =
      walk(packet(NextHeader::destination_options, join(hex("2c 00 0104 00000000"), join(header, Bytes(16)))));
  CHECK(chain.verdict == Verdict::fragment);
  CHECK(chain.protocol == 17);
  CHECK(chain.fragment_offset == 1448);
  CHECK(chain.more_fragments);
  CHECK(chain.identification == 0xdeadbeef);
  CHECK(chain.offset == 56);
  CHECK(chain.next_header_field == 40);
}

TEST_CASE("fragments that cannot be parts of a packet are refused as RFC 8200 §4.5 has it", "[wire][ipv6]") {
  struct Case {
    const char* why;
    const char* header;
    std::size_t payload;
    Verdict verdict;
    std::uint32_t pointer;
  };
  for (const Case& c : {
           Case{"not the last, of a length that is no multiple of 8", "11 00 0009 00000001", 15,
                Verdict::parameter_problem, 4},
           Case{"the last may have any length", "11 00 0008 00000001", 15, Verdict::fragment, 0},
           Case{"would reach beyond 65535 bytes", "11 00 fff8 00000001", 8, Verdict::parameter_problem, 42},
           Case{"reaches just to 65535 bytes", "11 00 fff8 00000001", 7, Verdict::fragment, 0},
           Case{"the first without a whole UDP header (RFC 7112)", "11 00 0001 00000001", 0, Verdict::discard, 0},
           Case{"the first with a whole UDP header", "11 00 0001 00000001", 8, Verdict::fragment, 0},
           Case{"the first without a whole TCP header", "06 00 0001 00000001", 16, Verdict::discard, 0},
           Case{"the first with a whole TCP header", "06 00 0001 00000001", 24, Verdict::fragment, 0},
           Case{"the first that begins with options it does not have", "3c 00 0001 00000001", 0, Verdict::discard, 0},
           Case{"a fragment of a fragment", "2c 00 0001 00000001", 8, Verdict::discard, 0},
       }) {
    INFO(c.why);
    const Ipv6Chain chain = walk(packet(NextHeader::fragment, join(hex(c.header), Bytes(c.payload))));
    CHECK(chain.verdict == c.verdict);
    if (c.verdict == Verdict::parameter_problem) {
      CHECK(chain.code == 0);
      CHECK(chain.pointer == c.pointer);
    }
  }
}

TEST_CASE("the longest packet of nothing but extension headers ends", "[wire][ipv6]") {
  Bytes payload;
  payload.reserve(65528);
  while (payload.size() < 65528) {
    payload = join(payload, Bytes(payload.empty() ? 8 : std::min(payload.size(), 65528 - payload.size())));
  }
  for (std::size_t at = 0; at < payload.size(); at += 8) { store_be32(&payload[at], 0x3c00'0104); }
  CHECK(walk(packet(NextHeader::destination_options, payload)).verdict == Verdict::discard);
  // All of them hop-by-hop length: the last ends just at the end of the packet.
  store_be32(&payload[payload.size() - 8], 0x1100'0104);
  const Ipv6Chain chain = walk(packet(NextHeader::destination_options, payload));
  CHECK(chain.verdict == Verdict::deliver);
  CHECK(chain.offset == 40 + 65528);
}

TEST_CASE("a quoted packet's transport header is found behind its extension headers, if it is there", "[wire][ipv6]") {
  const auto skip = [](const Bytes& bytes) { return skip_extension_headers(*Ipv6View::parse_quoted(bytes)); };
  const Bytes whole = packet(NextHeader::hop_by_hop, hex("2c 00 0104 00000000"
                                                         "11 00 0001 00000001"
                                                         "0035 0036 0008 0000"));
  const auto found = skip(whole);
  REQUIRE(found);
  CHECK(found->protocol == 17);
  CHECK(found->offset == 56);
  for (std::size_t size = 40; size < 56; ++size) {
    CHECK_FALSE(skip(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))));
  }
  CHECK_FALSE(skip(packet(NextHeader::fragment, hex("11 00 0008 00000001 0035 0036 0008 0000"))));
  CHECK_FALSE(skip(packet(NextHeader::none, Bytes(8))));
}

TEST_CASE("the router alert header of MLD is that of RFC 2711", "[wire][ipv6]") {
  Bytes header(8);
  emit_router_alert(header, 58);
  CHECK(header == hex("3a 00 0502 0000 0100"));
  CHECK(walk(packet(NextHeader::hop_by_hop, join(header, Bytes(8)))).router_alert);
}

}  // namespace
}  // namespace nal::embedded::wire
