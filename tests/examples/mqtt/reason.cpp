#include "examples/mqtt/reason.hpp"

#include <catch2/catch_test_macros.hpp>
#include <set>
#include <string>

#include "examples/mqtt/packet.hpp"

using namespace mqtt;

namespace {

/// Table 2-6 of MQTT 5.0, a row for each code.
struct Row {
  unsigned code;
  std::set<PacketType> in;
};
using enum PacketType;
const Row kTable[] = {
    {0x00, {connack, puback, pubrec, pubrel, pubcomp, suback, unsuback, disconnect, auth}},
    {0x01, {suback}},
    {0x02, {suback}},
    {0x04, {disconnect}},
    {0x10, {puback, pubrec}},
    {0x11, {unsuback}},
    {0x18, {auth}},
    {0x19, {auth}},
    {0x80, {connack, puback, pubrec, suback, unsuback, disconnect}},
    {0x81, {connack, disconnect}},
    {0x82, {connack, disconnect}},
    {0x83, {connack, puback, pubrec, suback, unsuback, disconnect}},
    {0x84, {connack}},
    {0x85, {connack}},
    {0x86, {connack}},
    {0x87, {connack, puback, pubrec, suback, unsuback, disconnect}},
    {0x88, {connack}},
    {0x89, {connack, disconnect}},
    {0x8A, {connack}},
    {0x8B, {disconnect}},
    {0x8C, {connack, disconnect}},
    {0x8D, {disconnect}},
    {0x8E, {disconnect}},
    {0x8F, {suback, unsuback, disconnect}},
    {0x90, {connack, puback, pubrec, disconnect}},
    {0x91, {puback, pubrec, suback, unsuback}},
    {0x92, {pubrel, pubcomp}},
    {0x93, {disconnect}},
    {0x94, {disconnect}},
    {0x95, {connack, disconnect}},
    {0x96, {disconnect}},
    {0x97, {connack, puback, pubrec, suback, disconnect}},
    {0x98, {disconnect}},
    {0x99, {connack, puback, pubrec, disconnect}},
    {0x9A, {connack, disconnect}},
    {0x9B, {connack, disconnect}},
    {0x9C, {connack, disconnect}},
    {0x9D, {connack, disconnect}},
    {0x9E, {suback, disconnect}},
    {0x9F, {connack, disconnect}},
    {0xA0, {disconnect}},
    {0xA1, {suback, disconnect}},
    {0xA2, {suback, disconnect}},
};

}  // namespace

TEST_CASE("Every reason code is allowed in the packets that the standard tells and in no other", "[mqtt]") {
  for (unsigned code = 0; code < 256; ++code) {
    std::set<PacketType> right;
    for (const Row& row : kTable) {
      if (row.code == code) { right = row.in; }
    }
    for (unsigned type = 0; type < 16; ++type) {
      INFO("code " << code << " in packet type " << type);
      CHECK(is_allowed(static_cast<Reason>(code), PacketType{static_cast<std::uint8_t>(type)}) ==
            (right.count(PacketType{static_cast<std::uint8_t>(type)}) != 0));
    }
  }
}

TEST_CASE("Every reason code has words of its own, and only those from 0x80 on are failures", "[mqtt]") {
  std::set<std::string> all;
  for (const Row& row : kTable) {
    const auto reason = static_cast<Reason>(row.code);
    all.insert(to_string(reason));
    CHECK(is_failure(reason) == (row.code >= 0x80));
  }
  CHECK(all.size() == std::size(kTable));
  CHECK(all.count("unknown reason code") == 0);
  CHECK(to_string(Reason{0x03}) == std::string("unknown reason code"));
}

TEST_CASE("Every fault has words and is told with a reason that DISCONNECT can carry", "[mqtt]") {
  std::set<std::string> all;
  for (unsigned i = 1; i <= static_cast<unsigned>(kLastFault); ++i) {
    const auto fault = static_cast<Fault>(i);
    INFO(to_string(fault));
    all.insert(to_string(fault));
    CHECK(is_failure(reason_of(fault)));
    // A wrong protocol name is only ever in a CONNECT.
    CHECK(is_allowed(reason_of(fault), fault == Fault::protocol_name ? connack : disconnect));
  }
  CHECK(all.size() == static_cast<unsigned>(kLastFault));
  CHECK(all.count("unknown fault") == 0);
  CHECK(reason_of(Fault::truncated) == Reason{0x81});
  CHECK(reason_of(Fault::second_connack) == Reason{0x82});
  CHECK(reason_of(Fault::property_repeated) == Reason{0x82});
  CHECK(reason_of(Fault::receive_maximum) == Reason{0x93});
  CHECK(reason_of(Fault::topic_alias) == Reason{0x94});
  CHECK(reason_of(Fault::packet_too_large) == Reason{0x95});
}

TEST_CASE("The refusals of 3.1.1 have their codes of 5.0", "[mqtt]") {
  CHECK(reason_of(ConnectCode::accepted) == Reason::success);
  for (unsigned i = 1; i <= static_cast<unsigned>(kLastConnectCode); ++i) {
    const Reason reason = reason_of(static_cast<ConnectCode>(i));
    CHECK(is_failure(reason));
    CHECK(is_allowed(reason, connack));
  }
  CHECK(reason_of(ConnectCode{200}) == Reason::unspecified_error);
}
