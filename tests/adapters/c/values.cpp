#include <set>

#include "tests/adapters/c/desk.hpp"

using namespace nal;
using namespace nal::test;

TEST_CASE("C: every error of nal has words, and every number a name of its own", "[c]") {
  std::set<std::string> names;
  std::set<std::string> texts;
  constexpr int kErrors = static_cast<int>(kLastError);
  for (int error = 1; error <= kErrors; ++error) {
    names.insert(nal_error_name(-error));
    texts.insert(nal_error_text(-error));
    CHECK(std::string_view(nal_error_name(-error)).starts_with("NAL_"));
  }
  CHECK(names.size() == kErrors);
  CHECK(texts.size() == kErrors);
  for (int error = 1; error <= kErrors; ++error) { CHECK(texts.contains(to_string(static_cast<Error>(error)))); }
  CHECK(std::string_view(nal_error_name(-8)) == "NAL_TIMED_OUT");
  CHECK(std::string_view(nal_error_text(-8)) == "timed out");
  CHECK(std::string_view(nal_error_text(-26)) == "input/output error");
  CHECK(std::string_view(nal_error_name(5)) == "NAL_OK");
  CHECK(std::string_view(nal_error_name(-1000)) == "unknown");
  CHECK(std::string_view(nal_error_name(PTRDIFF_MIN)) == "unknown");
  CHECK(std::string_view(nal_error_text(-1000)) == "unknown error");
  CHECK(std::string_view(nal_error_text(0)) == "no error");
}

TEST_CASE("C: addresses and endpoints are printed as they are parsed", "[c]") {
  for (const char* text :
       {"192.0.2.1", "::", "2001:db8::1", "fe80::1%2", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295"}) {
    nal_address address{};
    REQUIRE(nal_address_parse(&address, text) == NAL_OK);
    std::array<char, NAL_ADDRESS_TEXT_SIZE> out{};
    CHECK(nal_address_print(&address, out.data(), out.size()) == static_cast<nal_count>(std::strlen(text)));
    CHECK(out.data() == std::string_view(text));
    // One character too few for the zero.
    CHECK(nal_address_print(&address, out.data(), std::strlen(text)) == NAL_BUFFER_TOO_SMALL);
    CHECK(nal_address_print(&address, out.data(), 0) == NAL_BUFFER_TOO_SMALL);
  }
  for (const char* text : {"192.0.2.1:0", "[fe80::1%2]:65535"}) {
    nal_endpoint endpoint{};
    REQUIRE(nal_endpoint_parse(&endpoint, text) == NAL_OK);
    std::array<char, NAL_ENDPOINT_TEXT_SIZE> out{};
    CHECK(nal_endpoint_print(&endpoint, out.data(), out.size()) == static_cast<nal_count>(std::strlen(text)));
    CHECK(out.data() == std::string_view(text));
  }
  nal_endpoint endpoint{};
  CHECK(nal_endpoint_parse(&endpoint, "192.0.2.1") == NAL_INVALID_ARGUMENT);
  CHECK(nal_address_parse(&endpoint.address, "") == NAL_INVALID_ARGUMENT);
  CHECK(nal_address_parse(&endpoint.address, nullptr) == NAL_INVALID_ARGUMENT);
  CHECK(endpoint.address.family == 0);
  std::array<char, 60> out{};
  CHECK(nal_endpoint_print(&endpoint, out.data(), out.size()) == NAL_INVALID_ARGUMENT);  // of no family
  CHECK(nal_endpoint_print(nullptr, out.data(), out.size()) == NAL_INVALID_ARGUMENT);
}

TEST_CASE("C: addresses are compared by what counts", "[c]") {
  nal_address a{};
  nal_address b{};
  REQUIRE(nal_address_parse(&a, "192.0.2.1") == NAL_OK);
  b = a;
  b.bytes[7] = 1;  // no part of an IPv4 address
  CHECK(nal_address_equal(&a, &b) == 1);
  b.bytes[3] = 2;
  CHECK(nal_address_equal(&a, &b) == 0);
  CHECK(nal_address_equal(&a, nullptr) == 0);
}

TEMPLATE_TEST_CASE("C: names are resolved", "[c]", OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  nal_address found[2] = {};
  REQUIRE(nal_resolve(&desk.client, "192.0.2.7", NAL_ANY_FAMILY, found, 2, desk.patience()) == 1);
  nal_address expected{};
  REQUIRE(nal_address_parse(&expected, "192.0.2.7") == NAL_OK);
  CHECK(nal_address_equal(&found[0], &expected) == 1);
  CHECK(nal_resolve(&desk.client, "192.0.2.7", NAL_V6, found, 2, desk.patience()) == NAL_NAME_NOT_FOUND);
  REQUIRE(nal_resolve(&desk.client, "localhost", NAL_V4, found, 2, desk.patience()) >= 1);
  CHECK(found[0].bytes[0] == 127);
  CHECK(nal_resolve(&desk.client, "..", NAL_ANY_FAMILY, found, 2, desk.patience()) < 0);
  CHECK(nal_resolve(&desk.client, "x", 5, found, 2, desk.patience()) == NAL_INVALID_ARGUMENT);
  CHECK(nal_resolve(&desk.client, "x", NAL_V4, found, 0, desk.patience()) == NAL_INVALID_ARGUMENT);
  std::array<char, 3> small{};
  nal_address loopback{};
  REQUIRE(nal_address_parse(&loopback, "127.0.0.1") == NAL_OK);
  CHECK(nal_resolve_address(&desk.client, &loopback, small.data(), small.size(), desk.patience()) ==
        NAL_BUFFER_TOO_SMALL);
  std::array<char, 80> name{};
  const nal_count length = nal_resolve_address(&desk.client, &loopback, name.data(), name.size(), desk.patience());
  CHECK(length == static_cast<nal_count>(std::strlen(name.data())));
  CHECK(length > 0);
}

TEMPLATE_TEST_CASE("C: a name is connected to, and the connection serves C++ too", "[c]", OnPosix, OnEmbedded) {
  Desk<TestType> desk;
  std::array<char, NAL_ADDRESS_TEXT_SIZE> name{};
  REQUIRE(nal_address_print(&desk.here.address, name.data(), name.size()) > 0);
  REQUIRE(nal_tcp_connect_name(&desk.client, &desk.near, name.data(), desk.here.port, nullptr, desk.patience()) ==
          NAL_OK);
  auto accepted = [&] {
    nal_tcp got{};
    REQUIRE(nal_tcp_accept(&desk.listener, &got, desk.patience()) == NAL_OK);
    nal_tcp_abort(&got);
    return nal_tcp_write(&desk.near, "x", 1, nal_within_ms(1)) <= 1;
  };
  CHECK(accepted());
  // A stream that C++ has made becomes a handle.
  nal_endpoint& here = desk.here;
  const auto remote =
      Endpoint{Ipv4Address(here.address.bytes[0], here.address.bytes[1], here.address.bytes[2], here.address.bytes[3]),
               here.port};
  auto stream =
      block_on(desk.fixture.executor(), with_timeout(TestType::kPatience, connect(desk.fixture.client(), remote)));
  REQUIRE(stream);
  nal_tcp adopted{};
  c::adopt(desk.client, adopted, AnyTcpStream(*std::move(stream)));
  REQUIRE(nal_tcp_accept(&desk.listener, &desk.far, desk.patience()) == NAL_OK);
  CHECK(nal_tcp_write(&adopted, "hello", 5, desk.patience()) == 5);
  std::array<char, 8> buffer{};
  CHECK(nal_tcp_read(&desk.far, buffer.data(), 8, desk.patience()) == 5);
  CHECK(nal_tcp_drop(&adopted) == NAL_OK);
}
