#include "nal/resolver/record.hpp"

#include "nal/resolver/operations.hpp"
#include "tests/nal/resolver/bytes.hpp"

namespace nal::dns::test {
namespace {

/// The data of a message's one record, uncompressed.
Result<Bytes> copied(Type type, const Bytes& data, const Bytes& behind = {}) {
  Bytes bytes;
  bytes.header(1, 0x8000, 1, 1).name("example.org").u16(1).u16(1);
  bytes.pointer(12).u16(static_cast<unsigned>(type)).u16(1).u32(60).u16(static_cast<unsigned>(data.size()));
  bytes.put(data).put(behind);
  auto message = Message::parse(bytes);
  Record record;
  REQUIRE(message->next(record) == true);
  Bytes out(1000);
  WireWriter writer(out);
  NAL_TRY(copy_data(*message, record, writer));
  out.resize(writer.size());
  return out;
}

Bytes with(unsigned size, const Bytes& behind) { return Bytes(size).put(behind); }

}  // namespace

TEST_CASE("Addresses have the size of their family, and no other", "[dns][record]") {
  for (unsigned size = 0; size <= 17; ++size) {
    INFO(size << " bytes");
    CHECK(copied(Type::a, Bytes(size)).has_value() == (size == 4));
    CHECK(copied(Type::aaaa, Bytes(size)).has_value() == (size == 16));
    CHECK(read_address(Bytes(size)).has_value() == (size == 4 || size == 16));
  }
  CHECK(read_address(address_data("192.0.2.7")) == *IpAddress::parse("192.0.2.7"));
  CHECK(read_address(address_data("2001:db8::7")) == *IpAddress::parse("2001:db8::7"));
}

TEST_CASE("Names in data are uncompressed, and end where the data does", "[dns][record]") {
  const Bytes full = Bytes().name("host.example.org");
  const Bytes compressed = Bytes().u8(4).text("host").pointer(12);
  for (const Type type : {Type::ns, Type::cname, Type::ptr}) {
    CHECK(*copied(type, full) == full);
    CHECK(*copied(type, compressed) == full);
    CHECK_FALSE(copied(type, {}));
    CHECK_FALSE(copied(type, Bytes(full).u8(0)));
    CHECK_FALSE(copied(type, Bytes(compressed).u8(0)));
    // The rest of the name would stand behind the data.
    for (std::size_t size = 0; size < full.size(); ++size) {
      const auto front = std::span<const std::byte>(full).first(size);
      const auto back = std::span<const std::byte>(full).subspan(size);
      CHECK_FALSE(copied(type, Bytes(front), Bytes(back)));
    }
  }
  CHECK(*copied(Type::mx, with(2, compressed)) == with(2, full));
  CHECK(*copied(Type::srv, with(6, compressed)) == with(6, full));
  for (unsigned size = 0; size <= 6; ++size) { CHECK_FALSE(copied(Type::srv, Bytes(size))); }
  for (unsigned size = 0; size <= 2; ++size) { CHECK_FALSE(copied(Type::mx, Bytes(size))); }
  CHECK(*copied(Type::soa, Bytes(compressed).pointer(12).put(Bytes(20))) ==
        Bytes(full).name("example.org").put(Bytes(20)));
  CHECK_FALSE(copied(Type::soa, Bytes(compressed).pointer(12).put(Bytes(19))));
  CHECK_FALSE(copied(Type::soa, Bytes(compressed).pointer(12).put(Bytes(21))));
}

TEST_CASE("Data of unknown types is any bytes", "[dns][record]") {
  CHECK(*copied(static_cast<Type>(65280), Bytes().u16(0xc0ff)) == Bytes().u16(0xc0ff));
  CHECK(copied(static_cast<Type>(65280), {}));
}

TEST_CASE("A text is one string or more, which fill the data", "[dns][record]") {
  const Bytes two = Bytes().u8(5).text("hello").u8(0);
  CHECK(*copied(Type::txt, two) == two);
  Strings strings(two);
  CHECK(strings.next() == std::string_view("hello"));
  CHECK(strings.next() == std::string_view(""));
  CHECK_FALSE(strings.next());
  CHECK_FALSE(copied(Type::txt, {}));
  CHECK_FALSE(copied(Type::txt, Bytes().u8(1)));
  CHECK_FALSE(copied(Type::txt, Bytes().u8(6).text("hello")));
  CHECK_FALSE(copied(Type::txt, Bytes().u8(4).text("hello")));
  CHECK(copied(Type::txt, Bytes().u8(255).text(std::string(255, 'x'))));
  const Bytes half = Bytes().u8(200).text("x");
  Strings torn(half);
  CHECK_FALSE(torn.next());
}

TEST_CASE("Data that finds no room is told apart from data that is wrong", "[dns][record]") {
  Bytes bytes;
  bytes.header(1, 0x8000, 0, 1).u8(0).u16(1).u16(1).u32(60).u16(4).u32(0);
  auto message = Message::parse(bytes);
  Record record;
  REQUIRE(message->next(record) == true);
  std::byte out[3];
  WireWriter writer(out);
  CHECK(copy_data(*message, record, writer) == Unexpected(Error::buffer_too_small));
}

TEST_CASE("A service is read from its record's data", "[dns][record]") {
  Service service;
  const Bytes data = Bytes().u16(10).u16(20).u16(1883).name("broker.example.org");
  REQUIRE(read_service(data, service));
  CHECK(service.priority == 10);
  CHECK(service.weight == 20);
  CHECK(service.port == 1883);
  CHECK(text_of(service.target) == "broker.example.org");
  for (std::size_t size = 0; size < data.size(); ++size) {
    CHECK(read_service(std::span<const std::byte>(data).first(size), service) == Unexpected(Error::protocol_error));
  }
  CHECK(read_service(Bytes(data).u8(0), service) == Unexpected(Error::protocol_error));
}

TEST_CASE("Services are tried by priority, and within it by lot and weight", "[dns][record]") {
  Random random{Entropy(std::array<std::byte, Entropy::kSize>{})};
  unsigned heavy_first = 0;
  unsigned light_first = 0;
  for (int i = 0; i < 1000; ++i) {
    std::array<Service, 4> services;
    services[0] = {.priority = 5, .weight = 0, .port = 1, .target = {}};
    services[1] = {.priority = 1, .weight = 0, .port = 2, .target = {}};
    services[2] = {.priority = 1, .weight = 90, .port = 3, .target = {}};
    services[3] = {.priority = 1, .weight = 10, .port = 4, .target = {}};
    order_services(services, random);
    CHECK(services[3].port == 1);
    heavy_first += services[0].port == 3 ? 1 : 0;
    light_first += services[0].port == 2 ? 1 : 0;
  }
  CHECK(heavy_first > 800);
  CHECK(heavy_first < 950);
  CHECK(light_first > 0);
  order_services({}, random);
}

TEST_CASE("When not all services fit, those to try first are kept", "[dns][record]") {
  Bytes bytes;
  for (const unsigned priority : {30u, 10u, 20u, 5u}) { bytes.u16(9).u16(priority).u16(0).u16(80).name("a"); }
  const RecordSet records(Type::srv, 60, 4, false, bytes);
  CHECK(records.size() == 4);
  std::array<Service, 2> two;
  REQUIRE(gather_services(records, two) == 2);
  CHECK(two[0].priority + two[1].priority == 15);
  std::array<Service, 8> eight;
  CHECK(gather_services(records, eight) == 4);
  CHECK(gather_services(records, {}) == 0);
}

}  // namespace nal::dns::test
