#include "tests/conformance/world.hpp"

#include <algorithm>
#include <string>

namespace nal::conformance {

using namespace literals;

TEST_CASE("A literal address is its own answer", "[dns]") {
  World world;
  std::array<IpAddress, 4> out;
  REQUIRE(world.block(lookup(world.client(), "192.0.2.77", Family::v4, out)) == 1u);
  CHECK(out[0] == "192.0.2.77"_ip);
  REQUIRE(world.block(lookup(world.client(), "2001:db8::77", Family::v6, out)) == 1u);
  CHECK(out[0] == "2001:db8::77"_ip);
  REQUIRE(world.block(lookup(world.client(), "192.0.2.78", Family::any, out)) == 1u);
  CHECK(out[0] == "192.0.2.78"_ip);
}

TEST_CASE("A literal address of the other family is a name that is not found", "[dns]") {
  World world;
  std::array<IpAddress, 4> out;
  CHECK(world.block(lookup(world.client(), "192.0.2.77", Family::v6, out)) == Unexpected(Error::name_not_found));
  CHECK(world.block(lookup(world.client(), "2001:db8::77", Family::v4, out)) == Unexpected(Error::name_not_found));
}

TEST_CASE("localhost is a loopback address, of the family that was asked for", "[dns]") {
  World world;
  const Family family = GENERATE(Family::v4, Family::v6, Family::any);
  if (family == Family::v6 && !world.fixture().has(family)) { SKIP("this machine has no IPv6"); }
  std::array<IpAddress, 8> out;
  const auto count = world.block(lookup(world.client(), "localhost", family, out));
  // A machine whose hosts file does not say so asks its name server, who may not know or not be there.
  if (family == Family::v6 && !count) {
    CHECK((count.error() == Error::name_not_found || count.error() == Error::name_service_failed));
    SKIP("this machine's localhost is IPv4 only");
  }
  REQUIRE(count);
  REQUIRE(*count >= 1);
  for (const IpAddress& address : std::span(out).first(*count)) {
    CHECK(address.is_loopback());
    CHECK(address.is(family));
  }
}

TEST_CASE("A name that does not exist is not found", "[dns]") {
  World world;
  std::array<IpAddress, 4> out;
  CHECK(world.block(lookup(world.client(), "no-such-name.invalid", Family::any, out)) ==
        Unexpected(Error::name_not_found));
}

TEST_CASE("What cannot be a name is an invalid argument", "[dns]") {
  World world;
  std::array<IpAddress, 4> out;
  const std::string long_label(64, 'a');
  std::string long_name;
  while (long_name.size() < 300) { long_name += "label."; }
  for (const std::string& name : {std::string(), long_label, long_name, std::string("local\0host", 10)}) {
    INFO("name: " << name);
    CHECK(world.block(lookup(world.client(), name, Family::any, out)) == Unexpected(Error::invalid_argument));
  }
}

TEST_CASE("Addresses that do not fit are left out", "[dns]") {
  World world;
  std::array<IpAddress, 1> out;
  CHECK(world.block(lookup(world.client(), "localhost", Family::any, out)) == 1u);
  CHECK(out[0].is_loopback());
}

TEST_CASE("The name is copied when the question is asked", "[dns]") {
  World world;
  std::string name = "localhost";
  auto question = world.client().start_lookup(name, Family::v4);
  REQUIRE(question);
  name.assign(name.size(), 'x');
  std::array<IpAddress, 4> out;
  class Answer {
   public:
    Answer(Stack::Lookup& asked, std::span<IpAddress> into) : asked_(&asked), into_(into) {}
    Poll<Result<std::size_t>> poll(Context& context) { return asked_->poll_addresses(context, waiter_, into_); }

   private:
    Stack::Lookup* asked_;
    std::span<IpAddress> into_;
    Waiter waiter_;
  };
  CHECK(world.block(Answer(*question, out)));
  CHECK(out[0] == Ipv4Address::loopback());
}

TEST_CASE("A question that is dropped is withdrawn, and others are answered", "[dns]") {
  World world;
  for (int i = 0; i < 5; ++i) {
    const auto dropped = world.client().start_lookup("localhost", Family::v4);
    CHECK(dropped);
  }
  std::array<IpAddress, 4> out;
  // The system's resolver may be busy with what was withdrawn.
  CHECK(world.run_until(
      [&] { return block_on(world.executor(), lookup(world.client(), "localhost", Family::v4, out)).has_value(); }));
  CHECK(out[0] == Ipv4Address::loopback());
}

TEST_CASE("Several questions are answered at a time", "[dns]") {
  World world;
  std::array<IpAddress, 4> a;
  std::array<IpAddress, 4> b;
  std::array<IpAddress, 4> c;
  auto all = world.block(join(lookup(world.client(), "localhost", Family::v4, a),
                              lookup(world.client(), "192.0.2.1", Family::v4, b),
                              lookup(world.client(), "::1", Family::v6, c)));
  REQUIRE(all);
  check_each(*all);
  CHECK(a[0].is_loopback());
  CHECK(b[0] == "192.0.2.1"_ip);
  CHECK(c[0] == "::1"_ip);
}

TEST_CASE("An address has a name, if the buffer can hold it", "[dns]") {
  World world;
  std::array<char, 256> out;
  const auto size = world.block(reverse_lookup(world.client(), IpAddress::loopback(world.family()), out));
  REQUIRE(size);
  CHECK(*size > 1);
  INFO(std::string_view(out.data(), *size));
  CHECK(std::all_of(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*size), [](char c) { return c > ' '; }));
  CHECK(world.block(reverse_lookup(world.client(), IpAddress::loopback(world.family()), std::span(out).first(1))) ==
        Unexpected(Error::buffer_too_small));
}

}  // namespace nal::conformance
