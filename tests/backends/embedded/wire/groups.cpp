#include <catch2/catch_test_macros.hpp>

#include "backends/embedded/wire/igmp.hpp"
#include "backends/embedded/wire/mld.hpp"
#include "tests/backends/embedded/wire/hex.hpp"

namespace nal::embedded::wire {
namespace {

using namespace nal::literals;

const Ipv6Address kHost = "fe80::5eff:fe00:1"_ipv6;
const Ipv6Address kAllMldv2 = "ff02::16"_ipv6;
const Ipv6Address kGroup6 = "ff0e::4321"_ipv6;

Bytes with_checksum(Bytes message) {
  store_be16(&message[2], 0);
  store_be16(&message[2], sum(message).checksum());
  return message;
}

TEST_CASE("times of 8 and 16 bits are numbers at first, and floating points above (RFC 3376 §4.1.1, RFC 3810 §5.1.3)",
          "[wire][igmp][mld]") {
  CHECK(decode_time_code8(0) == 0);
  CHECK(decode_time_code8(127) == 127);
  CHECK(decode_time_code8(0x80) == 128);
  CHECK(decode_time_code8(0x8f) == 248);
  CHECK(decode_time_code8(0x90) == 256);
  CHECK(decode_time_code8(0xff) == 31744);
  CHECK(decode_time_code16(0) == 0);
  CHECK(decode_time_code16(32767) == 32767);
  CHECK(decode_time_code16(0x8000) == 32768);
  CHECK(decode_time_code16(0xffff) == 8387584);
}

TEST_CASE("an IGMPv2 report and leave read as they were written", "[wire][igmp]") {
  for (const IgmpType type : {IgmpType::report_v1, IgmpType::report_v2, IgmpType::leave}) {
    Bytes message(kIgmpSize);
    IgmpMessage{.type = type, .group = "239.1.2.3"_ipv4}.emit(message);
    const auto view = IgmpView::parse(message);
    REQUIRE(view);
    CHECK(view->type() == type);
    CHECK(view->group() == "239.1.2.3"_ipv4);
  }
  Bytes message(kIgmpSize);
  IgmpMessage{.type = IgmpType::report_v2, .group = "239.1.2.3"_ipv4}.emit(message);
  CHECK(message == hex("1600 f8fa ef010203"));
}

TEST_CASE("an IGMP query tells its version by its size and its response time", "[wire][igmp]") {
  struct Case {
    std::size_t size;
    unsigned code;
    unsigned version;  // 0: none
    std::uint32_t time;
  };
  for (const Case& c : {
           Case{7, 100, 0, 0},
           Case{8, 0, 1, 100},
           Case{8, 100, 2, 100},
           Case{8, 255, 2, 255},
           Case{9, 100, 0, 0},
           Case{11, 100, 0, 0},
           Case{12, 100, 3, 100},
           Case{12, 0, 3, 0},
           Case{12, 255, 3, 31744},
           Case{40, 127, 3, 127},
       }) {
    Bytes message(c.size);
    store_u8(message.data(), 0x11);
    store_u8(&message[1], c.code);
    message = with_checksum(message);
    const auto view = IgmpView::parse(message);
    INFO(c.size << " bytes, code " << c.code);
    CHECK(view.has_value() == (c.version != 0));
    if (!view) { continue; }
    CHECK(view->version() == c.version);
    CHECK(view->max_response_time() == c.time);
  }
}

TEST_CASE("an IGMPv3 query reads as it was written, and counts its sources", "[wire][igmp]") {
  const Bytes sources = hex("c0000201 c0000202");
  const Igmpv3Query query{.max_response_code = 0x8f,
                          .group = "239.1.2.3"_ipv4,
                          .suppress_router_processing = true,
                          .robustness = 7,
                          .query_interval_code = 0x90,
                          .sources = sources};
  Bytes message(query.size());
  query.emit(message);
  const auto view = IgmpView::parse(message);
  REQUIRE(view);
  CHECK(view->version() == 3);
  CHECK(view->group() == "239.1.2.3"_ipv4);
  CHECK(view->max_response_time() == 248);
  CHECK(view->suppress_router_processing());
  CHECK(view->robustness() == 7);
  CHECK(view->query_interval() == 256);
  REQUIRE(view->sources().size() == 2);
  CHECK(same(view->sources()[1], hex("c0000202")));
  for (const unsigned count : {0U, 1U, 2U, 3U, 0xffffU}) {
    Bytes other = message;
    store_be16(&other[10], count);
    other = with_checksum(other);
    const auto read = IgmpView::parse(other);
    CHECK(read.has_value() == (count <= 2));
    if (read) { CHECK(read->sources().size() == count); }
  }
}

TEST_CASE("an IGMP message with a wrong checksum or cut anywhere is none", "[wire][igmp]") {
  Bytes message(kIgmpSize);
  IgmpMessage{.type = IgmpType::query, .max_response_time = 100, .group = {}}.emit(message);
  for_each_truncation(message, [](const Bytes& part) { CHECK_FALSE(IgmpView::parse(part)); });
  for (std::size_t i = 0; i < message.size(); ++i) {
    Bytes other = message;
    other[i] ^= std::byte{0x10};
    CHECK_FALSE(IgmpView::parse(other));
  }
}

TEST_CASE("an IGMPv3 report reads as it was written, record by record", "[wire][igmp]") {
  Bytes out(100);
  Igmpv3ReportWriter writer(out);
  const Bytes a = hex("ef010203");
  const Bytes b = hex("ef010204");
  const Bytes sources = hex("c0000201 c0000202");
  REQUIRE(writer.add(GroupRecordType::change_to_exclude, std::span<const std::byte, 4>(a)));
  REQUIRE(writer.add(GroupRecordType::allow_new_sources, std::span<const std::byte, 4>(b), sources));
  const Bytes message = copy(writer.finish());
  // RFC 3376 §4.2: joining a group is a change to EXCLUDE of nothing, leaving it one to INCLUDE of nothing.
  CHECK(
      same(std::span(message).subspan(4), hex("0000 0002 04 00 0000 ef010203 05 00 0002 ef010204 c0000201 c0000202")));
  const auto view = IgmpView::parse(message);
  REQUIRE(view);
  CHECK(view->type() == IgmpType::report_v3);
  GroupRecords<4> records = view->records();
  const auto first = records.next();
  REQUIRE(first);
  CHECK(first->type == GroupRecordType::change_to_exclude);
  CHECK(same(first->group, a));
  CHECK(first->sources.size() == 0);
  const auto second = records.next();
  REQUIRE(second);
  CHECK(second->type == GroupRecordType::allow_new_sources);
  CHECK(same(second->sources.bytes(), sources));
  CHECK_FALSE(records.next());

  // The counts: of records, of sources, of auxiliary data
  for (const std::size_t field : {6U, 10U, 18U}) {
    for (const unsigned change : {1U, 100U, 0xfffdU}) {
      Bytes other = message;
      store_be16(&other[field], load_be16(&other[field]) + change);
      const auto read = IgmpView::parse(with_checksum(other));
      if (field != 10 || change != 1) { CHECK_FALSE(read); }
    }
  }
  for (const unsigned words : {1U, 255U}) {
    Bytes other = message;
    store_u8(&other[17], words);
    CHECK_FALSE(IgmpView::parse(with_checksum(other)));
  }
  for (std::size_t size = 8; size < message.size(); ++size) {
    CHECK_FALSE(
        IgmpView::parse(with_checksum(Bytes(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(size)))));
  }
}

TEST_CASE("records with auxiliary data are read, and the data passed over", "[wire][igmp]") {
  const Bytes message =
      with_checksum(hex("22000000 00000002 01 02 0000 ef010203 1111111122222222 02 00 0000 ef010204"));
  const auto view = IgmpView::parse(message);
  REQUIRE(view);
  GroupRecords<4> records = view->records();
  CHECK(same(records.next()->group, hex("ef010203")));
  CHECK(same(records.next()->group, hex("ef010204")));
}

TEST_CASE("records that do not fit wait for the next report", "[wire][igmp]") {
  const Bytes group = hex("ef010203");
  const Bytes sources(40);
  for (std::size_t room = 0; room < 64; ++room) {
    Bytes out(room);
    Igmpv3ReportWriter writer(out);
    const bool plain = writer.add(GroupRecordType::mode_is_exclude, std::span<const std::byte, 4>(group));
    CHECK(plain == (room >= 16));
    const std::size_t sources_fit = writer.room_for_sources();
    CHECK(writer.add(GroupRecordType::block_old_sources, std::span<const std::byte, 4>(group), sources) ==
          (sources_fit >= 10));
    CHECK(writer.finish().empty() == (writer.count() == 0));
  }
}

TEST_CASE("messages of MLDv1 read as they were written", "[wire][mld]") {
  for (const Icmpv6Type type : {Icmpv6Type::multicast_listener_query, Icmpv6Type::multicast_listener_report,
                                Icmpv6Type::multicast_listener_done}) {
    Bytes message(kMldSize);
    MldMessage{.type = type, .max_response_time = 10000, .group = bytes_of(kGroup6)}.emit(message, bytes_of(kHost),
                                                                                          bytes_of(kGroup6));
    CHECK((pseudo_header_sum(bytes_of(kHost), bytes_of(kGroup6), kIcmpv6Protocol, message.size()) + sum(message))
              .valid());
    const auto view = MldView::parse(message);
    REQUIRE(view);
    CHECK(view->type() == type);
    CHECK(view->version() == 1);
    CHECK(to_ipv6(view->group()) == kGroup6);
    CHECK(view->max_response_time() == 10000);
    for_each_truncation(message, [](const Bytes& part) { CHECK_FALSE(MldView::parse(part)); });
  }
}

TEST_CASE("an MLD query tells its version by its size", "[wire][mld]") {
  for (const std::size_t size : {0U, 7U, 8U, 23U, 24U, 25U, 27U, 28U, 29U, 60U}) {
    Bytes message(size);
    if (size > 0) { store_u8(message.data(), 130); }
    const auto view = MldView::parse(message);
    CHECK(view.has_value() == (size == 24 || size >= 28));
    if (view) { CHECK(view->version() == (size == 24 ? 1U : 2U)); }
  }
}

TEST_CASE("an MLDv2 query reads as it was written, and counts its sources", "[wire][mld]") {
  const Bytes sources = join(copy(bytes_of(kHost)), copy(bytes_of(kGroup6)));
  const Mldv2Query query{.max_response_code = 0x8001,
                         .group = bytes_of(kGroup6),
                         .suppress_router_processing = true,
                         .robustness = 3,
                         .query_interval_code = 125,
                         .sources = sources};
  Bytes message(query.size());
  query.emit(message, bytes_of(kHost), bytes_of(kGroup6));
  const auto view = MldView::parse(message);
  REQUIRE(view);
  CHECK(view->version() == 2);
  CHECK(view->max_response_time() == 0x1001U << 3);
  CHECK(view->suppress_router_processing());
  CHECK(view->robustness() == 3);
  CHECK(view->query_interval() == 125);
  REQUIRE(view->sources().size() == 2);
  CHECK(to_ipv6(view->sources()[0]) == kHost);
  for (const unsigned count : {0U, 1U, 2U, 3U, 0xffffU}) {
    Bytes other = message;
    store_be16(&other[26], count);
    CHECK(MldView::parse(other).has_value() == (count <= 2));
  }
}

TEST_CASE("an MLDv2 report joins by a change to EXCLUDE and leaves by a change to INCLUDE", "[wire][mld]") {
  Bytes out(200);
  Mldv2ReportWriter writer(out);
  REQUIRE(writer.add(GroupRecordType::change_to_exclude, bytes_of(kGroup6)));
  REQUIRE(writer.add(GroupRecordType::change_to_include, bytes_of(kAllMldv2)));
  const Bytes message = copy(writer.finish(bytes_of(kHost), bytes_of(kAllMldv2)));
  REQUIRE(message.size() == 48);
  CHECK((pseudo_header_sum(bytes_of(kHost), bytes_of(kAllMldv2), kIcmpv6Protocol, message.size()) + sum(message))
            .valid());
  CHECK(load_u8(message.data()) == 143);
  CHECK(load_be16(&message[6]) == 2);
  CHECK(load_be32(&message[8]) == 0x0400'0000);   // RFC 3810 §5.2.12: 4 is CHANGE_TO_EXCLUDE_MODE
  CHECK(load_be32(&message[28]) == 0x0300'0000);  // and 3 CHANGE_TO_INCLUDE_MODE
  const auto view = MldView::parse(message);
  REQUIRE(view);
  GroupRecords<16> records = view->records();
  CHECK(records.next()->type == GroupRecordType::change_to_exclude);
  CHECK(records.next()->type == GroupRecordType::change_to_include);
  CHECK_FALSE(records.next());
  for_each_truncation(message, [](const Bytes& part) { CHECK_FALSE(MldView::parse(part)); });
}

TEST_CASE("ICMPv6 messages of other types are no MLD", "[wire][mld]") {
  for (unsigned type = 0; type < 256; ++type) {
    Bytes message(28);
    store_u8(message.data(), type);
    CHECK(MldView::parse(message).has_value() == ((type >= 130 && type <= 132) || type == 143));
  }
}

}  // namespace
}  // namespace nal::embedded::wire
