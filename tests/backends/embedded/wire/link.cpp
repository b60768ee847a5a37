#include <catch2/catch_test_macros.hpp>

#include "backends/embedded/wire/arp.hpp"
#include "backends/embedded/wire/ethernet.hpp"
#include "tests/backends/embedded/wire/hex.hpp"

namespace nal::embedded::wire {
namespace {

using namespace nal::literals;

TEST_CASE("an Ethernet header reads as it was written", "[wire][ethernet]") {
  Bytes frame(14 + 3, std::byte{0xee});
  const EthernetHeader header{
      .destination = "01:00:5e:00:00:fb"_mac, .source = "02:00:00:00:00:01"_mac, .type = EtherType::ipv6};
  REQUIRE(header.size() == 14);
  header.emit(frame);
  CHECK(same(frame, hex("01005e0000fb 020000000001 86dd eeeeee")));
  const auto view = EthernetView::parse(frame);
  REQUIRE(view);
  CHECK(view->destination() == "01:00:5e:00:00:fb"_mac);
  CHECK(view->source() == "02:00:00:00:00:01"_mac);
  CHECK(view->type() == EtherType::ipv6);
  CHECK_FALSE(view->tagged());
  CHECK(view->vlan() == kNoVlan);
  CHECK(view->priority() == 0);
  CHECK(same(view->payload(), hex("eeeeee")));
}

TEST_CASE("a tagged frame tells its VLAN, its priority and what it carries behind the tag", "[wire][ethernet]") {
  for (const unsigned vlan : {1U, 0xffU, 0x100U, 4094U}) {
    for (const unsigned priority : {0U, 1U, 7U}) {
      Bytes frame(18 + 2, std::byte{0x77});
      const EthernetHeader header{.destination = "02:00:00:00:00:02"_mac,
                                  .source = "02:00:00:00:00:01"_mac,
                                  .type = EtherType::arp,
                                  .vlan = static_cast<std::uint16_t>(vlan),
                                  .priority = static_cast<std::uint8_t>(priority)};
      REQUIRE(header.size() == 18);
      header.emit(frame);
      const auto view = EthernetView::parse(frame);
      REQUIRE(view);
      CHECK(view->tagged());
      CHECK(view->vlan() == vlan);
      CHECK(view->priority() == priority);
      CHECK(view->type() == EtherType::arp);
      CHECK(view->header_size() == 18);
      CHECK(same(view->payload(), hex("7777")));
    }
  }
}

TEST_CASE("a frame with only a priority in its tag is in no VLAN", "[wire][ethernet]") {
  const Bytes frame = hex("020000000002 020000000001 8100 a000 0800 45");
  const auto view = EthernetView::parse(frame);
  REQUIRE(view);
  CHECK(view->vlan() == kNoVlan);
  CHECK(view->priority() == 5);
  CHECK(view->type() == EtherType::ipv4);
}

TEST_CASE("a frame is none when it is shorter than its header and tag", "[wire][ethernet]") {
  for_each_truncation(hex("020000000002 020000000001 0800"),
                      [](const Bytes& part) { CHECK_FALSE(EthernetView::parse(part)); });
  for_each_truncation(hex("020000000002 020000000001 8100 0001 0800"),
                      [](const Bytes& part) { CHECK_FALSE(EthernetView::parse(part)); });
  CHECK(EthernetView::parse(hex("020000000002 020000000001 8100 0001 0800"))->payload().empty());
}

TEST_CASE("groups have the Ethernet addresses of RFC 1112 and RFC 2464", "[wire][ethernet]") {
  CHECK(ethernet_group("224.0.0.251"_ipv4) == "01:00:5e:00:00:fb"_mac);
  CHECK(ethernet_group("239.255.1.2"_ipv4) == "01:00:5e:7f:01:02"_mac);
  const Ipv6Address group = "ff02::1:ff28:9c5a"_ipv6;
  CHECK(ethernet_group(bytes_of(group)) == "33:33:ff:28:9c:5a"_mac);
}

const char* const kRequest = "0001 0800 06 04 0001 020000000001 c0000201 000000000000 c0000202";

TEST_CASE("an ARP request reads as it was written, and is that of RFC 826", "[wire][arp]") {
  Bytes packet(kArpSize);
  ArpPacket{.operation = ArpOperation::request,
            .sender_mac = "02:00:00:00:00:01"_mac,
            .sender = "192.0.2.1"_ipv4,
            .target_mac = {},
            .target = "192.0.2.2"_ipv4}
      .emit(packet);
  CHECK(packet == hex(kRequest));
  const auto view = ArpView::parse(packet);
  REQUIRE(view);
  CHECK(view->operation() == ArpOperation::request);
  CHECK(view->sender_mac() == "02:00:00:00:00:01"_mac);
  CHECK(view->sender() == "192.0.2.1"_ipv4);
  CHECK(view->target_mac() == MacAddress());
  CHECK(view->target() == "192.0.2.2"_ipv4);
  CHECK_FALSE(view->is_probe());
  CHECK_FALSE(view->is_announcement());
}

TEST_CASE("probes and announcements are told apart from other ARP packets", "[wire][arp]") {
  const auto parse = [](ArpOperation operation, Ipv4Address sender, Ipv4Address target) {
    static Bytes packet(kArpSize);
    ArpPacket{.operation = operation, .sender_mac = {}, .sender = sender, .target_mac = {}, .target = target}.emit(
        packet);
    return *ArpView::parse(packet);
  };
  CHECK(parse(ArpOperation::request, {}, "192.0.2.2"_ipv4).is_probe());
  CHECK_FALSE(parse(ArpOperation::reply, {}, "192.0.2.2"_ipv4).is_probe());
  CHECK(parse(ArpOperation::request, "192.0.2.2"_ipv4, "192.0.2.2"_ipv4).is_announcement());
  CHECK(parse(ArpOperation::reply, "192.0.2.2"_ipv4, "192.0.2.2"_ipv4).is_announcement());
  CHECK_FALSE(parse(ArpOperation::reply, "192.0.2.1"_ipv4, "192.0.2.2"_ipv4).is_announcement());
}

TEST_CASE("an ARP packet is none when it is cut, or about other hardware or another protocol", "[wire][arp]") {
  for_each_truncation(hex(kRequest), [](const Bytes& part) { CHECK_FALSE(ArpView::parse(part)); });
  CHECK(ArpView::parse(join(hex(kRequest), Bytes(18))));  // with the padding of a short frame
  // hardware type, protocol, and the size of either's addresses: one less, one more
  for (const std::size_t field : {0U, 1U, 2U, 3U, 4U, 5U}) {
    for (const int change : {-1, 1}) {
      Bytes packet = hex(kRequest);
      packet[field] = static_cast<std::byte>(std::to_integer<int>(packet[field]) + change);
      CHECK_FALSE(ArpView::parse(packet));
    }
  }
}

}  // namespace
}  // namespace nal::embedded::wire
