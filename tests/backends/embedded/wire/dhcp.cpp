#include <catch2/catch_test_macros.hpp>

#include "backends/embedded/wire/dhcpv4.hpp"
#include "backends/embedded/wire/dhcpv6.hpp"
#include "backends/embedded/wire/domain_list.hpp"
#include "tests/backends/embedded/wire/hex.hpp"

namespace nal::embedded::wire {
namespace {

using namespace nal::literals;

const MacAddress kMac = "02:00:5e:00:00:01"_mac;

/// A message with these options, and no end behind them.
Bytes message(const char* options) {
  Bytes bytes(kDhcpv4FixedSize);
  bytes[0] = std::byte{2};
  bytes[1] = std::byte{1};
  bytes[2] = std::byte{6};
  store_be32(&bytes[236], 0x6382'5363);
  return join(bytes, hex(options));
}
void put(Bytes& bytes, std::size_t at, const char* text) {
  const Bytes part = hex(text);
  std::copy(part.begin(), part.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

TEST_CASE("a DHCPv4 message reads as it was written", "[wire][dhcp]") {
  Bytes out(576);
  Dhcpv4Writer writer(out,
                      {.reply = true,
                       .transaction = 0x12345678,
                       .seconds = 0xffff,
                       .broadcast = true,
                       .client_address = "192.0.2.7"_ipv4,
                       .your_address = "192.0.2.8"_ipv4,
                       .relay = "192.0.2.9"_ipv4,
                       .hardware_address = kMac},
                      Dhcpv4MessageType::ack);
  writer.option_u32(Dhcpv4Option::lease_time, 3600);
  writer.option_u16(Dhcpv4Option::interface_mtu, 1492);
  writer.option_address(Dhcpv4Option::subnet_mask, "255.255.255.0"_ipv4);
  writer.option(Dhcpv4Option::dns_servers, hex("c0000201 c0000202 c0"));
  const auto written = writer.finish();
  REQUIRE(written);
  CHECK(written->size() == kDhcpv4MinSize);
  const auto view = Dhcpv4View::parse(*written);
  REQUIRE(view);
  CHECK(view->is_reply());
  CHECK(view->transaction() == 0x12345678);
  CHECK(view->seconds() == 0xffff);
  CHECK(view->broadcast());
  CHECK(view->client_address() == "192.0.2.7"_ipv4);
  CHECK(view->your_address() == "192.0.2.8"_ipv4);
  CHECK(view->next_server() == Ipv4Address());
  CHECK(view->relay() == "192.0.2.9"_ipv4);
  CHECK(view->hardware_address() == kMac);
  CHECK(view->message_type() == Dhcpv4MessageType::ack);
  CHECK(view->u32(Dhcpv4Option::lease_time) == 3600U);
  CHECK(view->u16(Dhcpv4Option::interface_mtu) == 1492);
  CHECK(view->address(Dhcpv4Option::subnet_mask) == "255.255.255.0"_ipv4);
  CHECK_FALSE(view->u8(Dhcpv4Option::interface_mtu));  // of another size
  CHECK_FALSE(view->u32(Dhcpv4Option::renewal_time));  // not there
  const auto servers = view->option(Dhcpv4Option::dns_servers, {});
  REQUIRE(servers);
  REQUIRE(*servers);
  const Ipv4List list(**servers);
  REQUIRE(list.size() == 2);
  CHECK(list[1] == "192.0.2.2"_ipv4);
}

TEST_CASE("a DHCPv4 message is none when cut within its fixed part or an option", "[wire][dhcp]") {
  const Bytes whole = message("350105 3604c0000201 330400000e10 ff");
  REQUIRE(Dhcpv4View::parse(whole));
  for_each_truncation(whole, [](const Bytes& part) {
    const bool between = part.size() == 240 || part.size() == 243 || part.size() == 249 || part.size() == 255;
    CHECK(Dhcpv4View::parse(part).has_value() == between);
  });
}

TEST_CASE("a DHCPv4 message of other hardware or without the cookie is none", "[wire][dhcp]") {
  for (const std::size_t field : {1U, 2U, 236U, 237U, 238U, 239U}) {
    Bytes other = message("350105 ff");
    other[field] ^= std::byte{1};
    CHECK_FALSE(Dhcpv4View::parse(other));
  }
}

TEST_CASE("the length of a DHCPv4 option is kept within its field", "[wire][dhcp]") {
  for (const unsigned length : {0U, 1U, 3U, 4U, 5U, 254U, 255U}) {
    Bytes bytes = message("3304 00000e10");
    store_u8(&bytes[241], length);
    const auto view = Dhcpv4View::parse(bytes);
    // What is left behind a shorter one reads as padding (0), or as an option (14) with a length (16) beyond the end.
    CHECK(view.has_value() == (length == 4));
    Bytes ended = message("3304 ffffffff");
    store_u8(&ended[241], length);
    CHECK(Dhcpv4View::parse(ended).has_value() == (length <= 4));
  }
}

TEST_CASE("options that overflow into file and server name are read there, file first (RFC 2132 §9.3)",
          "[wire][dhcp]") {
  for (const unsigned overload : {0U, 1U, 2U, 3U}) {
    Bytes bytes = message("34 01 00 350105 ff");
    store_u8(&bytes[242], overload);
    put(bytes, 108, "0c 02 6162 ff");
    put(bytes, 44, "0c 01 63 1a 02 05dc ff");
    const auto view = Dhcpv4View::parse(bytes);
    REQUIRE(view);
    std::array<std::byte, 8> scratch;
    const auto name = view->option(Dhcpv4Option::host_name, scratch);
    REQUIRE(name);
    const char* const expected[] = {"", "6162", "63", "616263"};
    CHECK(name->has_value() == (overload != 0));
    if (*name) { CHECK(same(**name, hex(expected[overload]))); }
    CHECK(view->u16(Dhcpv4Option::interface_mtu).has_value() == ((overload & 2) != 0));
    CHECK(view->message_type() == Dhcpv4MessageType::ack);
  }
}

TEST_CASE("a message with an option that does not end within file or server name is none", "[wire][dhcp]") {
  Bytes bytes = message("34 01 03 350105 ff");
  REQUIRE(Dhcpv4View::parse(bytes));  // nothing but padding
  put(bytes, 108 + 125, "0c 02 61");
  CHECK_FALSE(Dhcpv4View::parse(bytes));
  bytes = message("34 01 03 350105 ff");
  put(bytes, 44 + 62, "0c 01");
  CHECK_FALSE(Dhcpv4View::parse(bytes));
}

TEST_CASE("long options come in pieces and are put together (RFC 3396)", "[wire][dhcp]") {
  for (const std::size_t size : {0U, 1U, 254U, 255U, 256U, 509U, 510U, 511U, 700U}) {
    Bytes data(size);
    for (std::size_t i = 0; i < size; ++i) { data[i] = static_cast<std::byte>(i * 7); }
    Bytes out(1500);
    Dhcpv4Writer writer(out, {}, Dhcpv4MessageType::ack);
    writer.option(Dhcpv4Option::domain_search, data);
    writer.option_u8(Dhcpv4Option::host_name, 7);
    const auto written = writer.finish();
    REQUIRE(written);
    const auto view = Dhcpv4View::parse(*written);
    REQUIRE(view);
    Bytes scratch(size);
    const auto read = view->option(Dhcpv4Option::domain_search, scratch);
    REQUIRE(read);
    REQUIRE(*read);
    CHECK(same(**read, data));
    CHECK(view->u8(Dhcpv4Option::host_name) == 7);
    if (size > 255) {
      Bytes less(size - 1);
      CHECK(view->option(Dhcpv4Option::domain_search, less).error() == Error::buffer_too_small);
    }
  }
}

TEST_CASE("DHCPv4 options that do not fit are an error", "[wire][dhcp]") {
  for (std::size_t room = 0; room < 320; ++room) {
    Bytes out(room);
    Dhcpv4Writer writer(out, {}, Dhcpv4MessageType::discover);
    writer.option(Dhcpv4Option::host_name, Bytes(60));
    const auto written = writer.finish();
    // 240 fixed, 3 for the type, 62, 1 for the end
    CHECK(written.has_value() == (room >= 306));
    if (written) { CHECK(Dhcpv4View::parse(*written)); }
  }
}

TEST_CASE("classless routes are read as RFC 3442 has them", "[wire][dhcp]") {
  const Bytes bytes =
      hex("00 c0000201  08 0a c0000202  18 0a1100 c0000203  10 0a11 00000000  19 0a110380 c0000204"
          " 20 0a110305 c0000205");
  ClasslessRoutes routes(bytes);
  const auto check = [&](Ipv4Address destination, unsigned length, Ipv4Address router) {
    const auto route = routes.next();
    REQUIRE(route);
    CHECK(route->destination == destination);
    CHECK(route->prefix_length == length);
    CHECK(route->router == router);
  };
  check("0.0.0.0"_ipv4, 0, "192.0.2.1"_ipv4);
  check("10.0.0.0"_ipv4, 8, "192.0.2.2"_ipv4);
  check("10.17.0.0"_ipv4, 24, "192.0.2.3"_ipv4);
  check("10.17.0.0"_ipv4, 16, "0.0.0.0"_ipv4);
  check("10.17.3.128"_ipv4, 25, "192.0.2.4"_ipv4);
  check("10.17.3.5"_ipv4, 32, "192.0.2.5"_ipv4);
  CHECK_FALSE(routes.next());
  for (const char* bad : {"21 0a11030500 c0000205", "08 0a c00002", "18", "ff", "00 c00002"}) {
    const Bytes wrong = hex(bad);
    CHECK_FALSE(ClasslessRoutes(wrong).next());
  }
}

TEST_CASE("a DHCPv6 message reads as it was written, options within options too", "[wire][dhcp]") {
  const Ipv6Address address = "2001:db8::5"_ipv6;
  Bytes out(200);
  Dhcpv6Writer writer(out, Dhcpv6MessageType::reply, 0xabcdef);
  writer.option(Dhcpv6Option::client_identifier, hex("00030001 02005e000001"));
  const std::size_t association = writer.begin_association(Dhcpv6Option::ia_na, 7, 1000, 1600);
  const std::size_t inner = writer.begin_address(bytes_of(address), 1800, 3600);
  writer.status(Dhcpv6Status::not_on_link);
  writer.end(inner);
  writer.status(Dhcpv6Status::no_binding);
  writer.end(association);
  writer.option_u32(Dhcpv6Option::information_refresh_time, 86400);
  const auto written = writer.finish();
  REQUIRE(written);
  const Bytes whole = copy(*written);
  const auto view = Dhcpv6View::parse(whole);
  REQUIRE(view);
  CHECK(view->type() == Dhcpv6MessageType::reply);
  CHECK(view->transaction() == 0xabcdef);
  CHECK(view->options().status() == Dhcpv6Status::success);
  CHECK(same(*view->options().find(Dhcpv6Option::client_identifier), hex("00030001 02005e000001")));
  const auto ia = Dhcpv6Association::parse(*view->options().find(Dhcpv6Option::ia_na));
  REQUIRE(ia);
  CHECK(ia->id == 7);
  CHECK(ia->renew == 1000);
  CHECK(ia->rebind == 1600);
  CHECK(ia->options.status() == Dhcpv6Status::no_binding);
  const auto found = Dhcpv6Address::parse(*ia->options.find(Dhcpv6Option::ia_address));
  REQUIRE(found);
  CHECK(to_ipv6(found->address) == address);
  CHECK(found->preferred_lifetime == 1800);
  CHECK(found->valid_lifetime == 3600);
  CHECK(found->options.status() == Dhcpv6Status::not_on_link);
  CHECK(load_be32(view->options().find(Dhcpv6Option::information_refresh_time)->data()) == 86400);
  const std::size_t ends[] = {4, 18, 74};
  for_each_truncation(whole, [&](const Bytes& part) {
    const bool between = std::find(std::begin(ends), std::end(ends), part.size()) != std::end(ends);
    CHECK(Dhcpv6View::parse(part).has_value() == between);
  });
  for (std::size_t room = 0; room < whole.size(); ++room) {
    Bytes less(room);
    Dhcpv6Writer cut(less, Dhcpv6MessageType::reply, 1);
    cut.option(Dhcpv6Option::client_identifier, hex("00030001 02005e000001"));
    const std::size_t begun = cut.begin_association(Dhcpv6Option::ia_na, 7, 1000, 1600);
    const std::size_t within = cut.begin_address(bytes_of(address), 1800, 3600);
    cut.status(Dhcpv6Status::success);
    cut.end(within);
    cut.status(Dhcpv6Status::success);
    cut.end(begun);
    cut.option_u32(Dhcpv6Option::information_refresh_time, 86400);
    CHECK(cut.finish().error() == Error::buffer_too_small);
  }
}

TEST_CASE("associations and addresses that contradict themselves are none (RFC 8415 §21.4, §21.6)", "[wire][dhcp]") {
  Bytes ia = hex("00000001 00000064 000000c8");
  CHECK(Dhcpv6Association::parse(ia));
  for_each_truncation(ia, [](const Bytes& part) { CHECK_FALSE(Dhcpv6Association::parse(part)); });
  store_be32(&ia[4], 201);
  CHECK_FALSE(Dhcpv6Association::parse(ia));
  store_be32(&ia[8], 0);  // the client's choice
  CHECK(Dhcpv6Association::parse(ia));
  CHECK_FALSE(Dhcpv6Association::parse(join(ia, hex("000d 0003 0000"))));
  Bytes address = join(Bytes(16), hex("00000064 00000064"));
  CHECK(Dhcpv6Address::parse(address));
  for_each_truncation(address, [](const Bytes& part) { CHECK_FALSE(Dhcpv6Address::parse(part)); });
  store_be32(&address[16], 101);
  CHECK_FALSE(Dhcpv6Address::parse(address));
}

std::vector<std::string> names(const char* text) {
  const Bytes bytes = hex(text);
  DomainList list(bytes);
  std::array<char, kMaxDomainText> name;
  std::vector<std::string> all;
  while (const auto found = list.next(name)) { all.emplace_back(*found); }
  return all;
}

TEST_CASE("a search list gives its names, compressed ones too (RFC 3397's example)", "[wire][dhcp]") {
  CHECK(names("03656e67 056170706c65 03636f6d 00 09 6d61726b6574696e67 c004") ==
        std::vector<std::string>{"eng.apple.com", "marketing.apple.com"});
  CHECK(names("036c616e00 00000000") == std::vector<std::string>{"lan"});
  CHECK(names("").empty());
  CHECK(names("00").empty());
}

TEST_CASE("what is no name ends a search list, and loops end too", "[wire][dhcp]") {
  struct Case {
    const char* bytes;
    std::size_t count;
  };
  for (const Case& c : {
           Case{"c000", 0},                      // at itself
           Case{"036c616e c000", 0},             // at its own start
           Case{"036c616e00 c005", 1},           // at itself, behind a good one
           Case{"036c616e00 c006", 1},           // forwards
           Case{"036c616e00 c0", 1},             // cut
           Case{"036c61", 0},                    // cut
           Case{"036c616e", 0},                  // without an end
           Case{"40 6c616e00", 0},               // a label's type that is none
           Case{"036c206e00", 0},                // a blank
           Case{"036c2e6e00", 0},                // a dot in a label
           Case{"036c006e00", 0},                // a zero
           Case{"036c616e00 0161c000 c005", 3},  // a pointer at a pointer
       }) {
    INFO(c.bytes);
    CHECK(names(c.bytes).size() == c.count);
  }
}

TEST_CASE("names of up to 255 bytes are read, longer ones are none", "[wire][dhcp]") {
  for (const std::size_t last : {60U, 61U, 62U}) {
    Bytes bytes;
    for (const std::size_t size : {std::size_t{63}, std::size_t{63}, std::size_t{63}, last}) {
      bytes.push_back(static_cast<std::byte>(size));
      bytes.insert(bytes.end(), size, std::byte{'x'});
    }
    bytes.push_back(std::byte{0});
    DomainList list(bytes);
    std::array<char, kMaxDomainText> name;
    CHECK(list.next(name).has_value() == (bytes.size() <= 255));
  }
}

TEST_CASE("a name goes onto the wire and comes back the same", "[wire][dhcp]") {
  for (const char* text : {"lan", "www.example.org", "a.b", "_x-1.local"}) {
    Bytes out(64);
    const auto end = put_domain(text, out);
    REQUIRE(end);
    out.resize(*end);
    DomainList list(out);
    std::array<char, kMaxDomainText> name;
    CHECK(list.next(name) == std::string_view(text));
    for (std::size_t room = 0; room < out.size(); ++room) {
      Bytes less(room);
      CHECK(put_domain(text, less).error() == Error::buffer_too_small);
    }
  }
  Bytes out(300);
  CHECK(put_domain("example.org.", out) == put_domain("example.org", out));
  for (const char* text : {"", ".", "..", "a..b", ".a", "a b", "a..", "\x01"}) {
    CHECK(put_domain(text, out).error() == Error::invalid_argument);
  }
  CHECK(put_domain(std::string(63, 'x'), out));
  CHECK(put_domain(std::string(64, 'x'), out).error() == Error::invalid_argument);
}

}  // namespace
}  // namespace nal::embedded::wire
