#include "backends/embedded/config/dhcpv6.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <functional>
#include <set>
#include <vector>

#include "tests/backends/embedded/wire/hex.hpp"

namespace nal::embedded {
namespace {

using namespace nal::literals;
using wire::Dhcpv6Association;
using wire::Dhcpv6MessageType;
using wire::Dhcpv6Option;
using wire::Dhcpv6Status;
using wire::Dhcpv6View;
using wire::Dhcpv6Writer;
using State = Dhcpv6Client::State;
using Mode = Dhcpv6Client::Mode;
using Type = Dhcpv6MessageType;

const Ipv6Address kAddress = "2001:db8::77"_ipv6;
const char* const kClientDuid = "0003 0001 02005e000001";

/// A server with one address to give. What it says can be changed at any time.
struct Server {
  Bytes duid = hex("0003 0001 020000000001");
  Ipv6Address address = kAddress;
  std::uint32_t preferred = 1800;
  std::uint32_t valid = 3600;
  std::uint32_t renew = 0;
  std::uint32_t rebind = 0;
  std::optional<unsigned> preference;
  bool silent = false;
  bool rapid = false;  ///< gives at once
  Dhcpv6Status status = Dhcpv6Status::success;
  Dhcpv6Status inner_status = Dhcpv6Status::success;
  std::function<void(Dhcpv6Writer&)> options = [](Dhcpv6Writer&) {};

  Bytes make(const Dhcpv6View& message, Type type) const {
    Bytes out(1000);
    Dhcpv6Writer writer(out, type, message.transaction());
    writer.option(Dhcpv6Option::server_identifier, duid);
    writer.option(Dhcpv6Option::client_identifier, *message.options().find(Dhcpv6Option::client_identifier));
    if (preference) {
      const std::byte value[] = {static_cast<std::byte>(*preference)};
      writer.option(Dhcpv6Option::preference, value);
    }
    if (status != Dhcpv6Status::success) { writer.status(status); }
    if (rapid && message.type() == Type::solicit && type == Type::reply) {
      writer.option(Dhcpv6Option::rapid_commit, {});
    }
    const auto asked = message.options().find(Dhcpv6Option::ia_na);
    const bool gives = message.type() == Type::solicit || message.type() == Type::request ||
                       message.type() == Type::renew || message.type() == Type::rebind;
    if (asked && gives) {
      const std::size_t begun =
          writer.begin_association(Dhcpv6Option::ia_na, Dhcpv6Association::parse(*asked)->id, renew, rebind);
      if (inner_status == Dhcpv6Status::success) {
        writer.end(writer.begin_address(wire::bytes_of(address), preferred, valid));
      } else {
        writer.status(inner_status);
      }
      writer.end(begun);
    }
    options(writer);
    return copy(*writer.finish());
  }

  std::optional<Bytes> answer(const Dhcpv6View& message) const {
    if (silent) { return std::nullopt; }
    const auto chosen = message.options().find(Dhcpv6Option::server_identifier);
    if (chosen && !same(*chosen, duid)) { return std::nullopt; }
    if (message.type() == Type::solicit && !rapid) { return make(message, Type::advertise); }
    return make(message, Type::reply);
  }
};

class World {
 public:
  struct Sent {
    Instant at;
    Bytes message;
    Dhcpv6View view() const { return *Dhcpv6View::parse(message); }
    Type type() const { return view().type(); }
    bool has(Dhcpv6Option code) const { return view().options().find(code).has_value(); }
  };

  explicit World(Dhcpv6Client::Settings settings = {}, unsigned seed = 1, std::size_t memory = 512)
      : random_(entropy(seed)),
        memory_(memory),
        client(MacAddress(0x02, 0x00, 0x5e, 0x00, 0x00, 0x01), settings, memory_, random_) {}

  void run(Instant until) {
    for (;;) {
      step();
      const Instant at = client.poll_at();
      if (at > until) { break; }
      now = std::max(now, at);
    }
    now = until;
  }
  void run_for(Duration duration) { run(now + duration); }
  /// To the moment of the next message, and gives it.
  Sent next() {
    const std::size_t before = sent.size();
    while (sent.size() == before && !step()) {
      REQUIRE(client.poll_at() < now + Duration::hours(48));
      now = std::max(now, client.poll_at());
    }
    return sent[before];
  }
  void bind() {
    client.start(now, Mode::address);
    run_for(3_s);
    REQUIRE(client.lease());
  }

 private:
  static Entropy entropy(unsigned seed) {
    std::array<std::byte, Entropy::kSize> bytes{};
    bytes[0] = static_cast<std::byte>(seed);
    return Entropy(bytes);
  }
  bool step() {
    bool any = false;
    for (unsigned rounds = 0;; ++rounds) {
      REQUIRE(rounds < 20);
      if (answer_checks && client.to_check()) { client.address_is_free(); }
      if (client.poll_at() > now) { return any; }
      Bytes out(room);
      const auto size = client.poll(now, out);
      if (!size) {
        CHECK(size.error() == Error::buffer_too_small);
        ++errors;
        continue;
      }
      if (*size == 0) { continue; }
      any = true;
      out.resize(*size);
      sent.push_back({now, out});
      const auto view = Dhcpv6View::parse(out);
      REQUIRE(view);
      for (const Server& server : servers) {
        if (const auto answer = server.answer(*view)) { client.input(*answer, now); }
      }
    }
  }

  Random random_;
  Bytes memory_;

 public:
  Dhcpv6Client client;
  std::vector<Server> servers{Server{}};
  std::vector<Sent> sent;
  Instant now = Instant::from_microseconds(1'000'000'000);
  std::size_t room = 1200;
  std::size_t errors = 0;
  bool answer_checks = true;
};

bool about(Duration got, Duration expected, Duration tolerance) {
  return got >= expected - tolerance && got <= expected + tolerance;
}

TEST_CASE("a client looks for servers, asks one for an address, and has it", "[dhcpv6]") {
  World world;
  const Instant start = world.now;
  world.client.start(world.now, Mode::address);
  world.run_for(3_s);
  REQUIRE(world.sent.size() == 2);
  const auto& solicit = world.sent[0];
  CHECK(solicit.type() == Type::solicit);
  CHECK(solicit.at <= start + 1_s);
  CHECK(same(*solicit.view().options().find(Dhcpv6Option::client_identifier), hex(kClientDuid)));
  CHECK(same(*solicit.view().options().find(Dhcpv6Option::elapsed_time), hex("0000")));
  CHECK(solicit.has(Dhcpv6Option::rapid_commit));
  CHECK(solicit.has(Dhcpv6Option::option_request));
  CHECK_FALSE(solicit.has(Dhcpv6Option::server_identifier));
  const auto& request = world.sent[1];
  CHECK(request.type() == Type::request);
  CHECK(request.at > solicit.at + 1_s);  // RFC 8415 §18.2.1: offers are waited for, a little longer than a second
  CHECK(request.at < solicit.at + 1100_ms);
  CHECK(same(*request.view().options().find(Dhcpv6Option::server_identifier), world.servers[0].duid));
  CHECK_FALSE(request.has(Dhcpv6Option::rapid_commit));
  CHECK(request.view().transaction() != solicit.view().transaction());
  const auto asked = Dhcpv6Association::parse(*request.view().options().find(Dhcpv6Option::ia_na));
  REQUIRE(asked);
  CHECK(asked->id == 1);
  CHECK(same(asked->options.find(Dhcpv6Option::ia_address)->first(16), wire::bytes_of(kAddress)));

  const Dhcpv6Lease* lease = world.client.lease();
  REQUIRE(lease);
  CHECK(lease->address == kAddress);
  CHECK(lease->preferred_until == request.at + 1800_s);
  CHECK(lease->valid_until == request.at + 3600_s);
  CHECK(lease->renew_at == request.at + 900_s);    // half of preferred: the server left it to us
  CHECK(lease->rebind_at == request.at + 1440_s);  // and four fifths
  CHECK(world.client.version() == 1);
}

TEST_CASE("a server that gives at once is taken at once, where that was asked for", "[dhcpv6]") {
  World world;
  world.servers[0].rapid = true;
  world.client.start(world.now, Mode::address);
  world.next();
  CHECK(world.client.lease());
  CHECK(world.sent.size() == 1);

  World plain({.rapid_commit = false});
  plain.servers[0].rapid = true;
  plain.client.start(plain.now, Mode::address);
  CHECK_FALSE(plain.next().has(Dhcpv6Option::rapid_commit));
  plain.run_for(10_s);
  CHECK_FALSE(plain.client.lease());
}

TEST_CASE("of several servers the one with the highest preference is asked, the highest of all at once", "[dhcpv6]") {
  World world;
  Server better;
  better.duid = hex("0003 0001 020000000002");
  better.address = "2001:db8::78"_ipv6;
  better.preference = 10;
  Server worse = better;
  worse.duid = hex("0003 0001 020000000003");
  worse.preference = 9;
  world.servers.push_back(better);
  world.servers.push_back(worse);
  world.bind();
  CHECK(world.client.lease()->address == "2001:db8::78"_ipv6);
  CHECK(same(*world.sent[1].view().options().find(Dhcpv6Option::server_identifier), better.duid));

  World fast;
  fast.servers[0].preference = 255;
  fast.client.start(fast.now, Mode::address);
  const Instant at = fast.next().at;
  fast.run_for(1_ms);
  REQUIRE(fast.sent.size() == 2);
  CHECK(fast.sent[1].at == at);
}

TEST_CASE("solicitations go on ever more slowly, up to what servers tell", "[dhcpv6]") {
  World world;
  world.servers[0].silent = true;
  world.client.start(world.now, Mode::address);
  Instant last = world.next().at;
  Duration wait = 1_s;
  for (int i = 0; i < 16; ++i) {
    const auto sent = world.next();
    CHECK(sent.type() == Type::solicit);
    CHECK(sent.view().transaction() == world.sent[0].view().transaction());
    if (i == 0) {
      CHECK(sent.at - last > 1_s);
      CHECK(sent.at - last <= 1100_ms);
    } else {
      CHECK(about(sent.at - last, std::min(wait * 2, 3600_s), std::min(wait * 2, 3600_s) / 10));
    }
    wait = sent.at - last;
    last = sent.at;
  }
  CHECK(about(wait, 3600_s, 360_s));
  // RFC 8415 §18.2.9: also told by a server that has no address.
  world.servers[0].silent = false;
  world.servers[0].inner_status = Dhcpv6Status::no_addresses_available;
  world.servers[0].options = [](Dhcpv6Writer& writer) { writer.option_u32(Dhcpv6Option::solicit_max_rt, 120); };
  world.next();
  last = world.next().at;
  CHECK(about(world.next().at - last, 120_s, 12_s));
}

TEST_CASE("a request that nobody answers is given up after ten", "[dhcpv6]") {
  World world;
  world.client.start(world.now, Mode::address);
  world.next();
  world.servers[0].silent = true;
  std::size_t requests = 0;
  while (world.next().type() == Type::request) { ++requests; }
  CHECK(requests == 10);
  CHECK(world.sent.back().type() == Type::solicit);
}

TEST_CASE("an address is renewed with its server, then with any, and lost at its end", "[dhcpv6]") {
  World world;
  world.bind();
  const Dhcpv6Lease first = *world.client.lease();
  const auto renewal = world.next();
  CHECK(renewal.type() == Type::renew);
  CHECK(renewal.at == first.renew_at);
  CHECK(renewal.has(Dhcpv6Option::server_identifier));
  CHECK(world.client.lease()->valid_until == renewal.at + 3600_s);
  CHECK(world.client.version() == 1);

  world.servers[0].silent = true;
  const Dhcpv6Lease second = *world.client.lease();
  std::vector<World::Sent> renews;
  std::vector<World::Sent> rebinds;
  for (;;) {
    const auto sent = world.next();
    if (sent.type() == Type::solicit) { break; }
    CHECK(world.client.lease());
    (sent.type() == Type::renew ? renews : rebinds).push_back(sent);
  }
  CHECK(world.now == second.valid_until);
  CHECK_FALSE(world.client.lease());
  CHECK(world.client.version() == 2);
  CHECK(renews.front().at == second.renew_at);
  CHECK(rebinds.front().at == second.rebind_at);
  CHECK(rebinds.front().type() == Type::rebind);
  CHECK_FALSE(rebinds.front().has(Dhcpv6Option::server_identifier));
  CHECK(about(renews[1].at - renews[0].at, 10_s, 1_s));
  CHECK(renews.size() + rebinds.size() < 30);
}

TEST_CASE("rebinding takes the server that answers, and renews with that one from then on", "[dhcpv6]") {
  World world;
  world.bind();
  world.servers[0].silent = true;
  Server other;
  other.duid = hex("0003 0001 020000000002");
  world.servers.push_back(other);
  while (world.next().type() != Type::rebind) {}
  world.run_for(1_ms);
  CHECK(world.client.state() == State::bound);
  const auto renewal = world.next();
  CHECK(renewal.type() == Type::renew);
  CHECK(same(*renewal.view().options().find(Dhcpv6Option::server_identifier), other.duid));
}

TEST_CASE("what a server answers to a renewal is done (RFC 8415 §18.2.10.1)", "[dhcpv6]") {
  SECTION("no binding: the address is asked for anew") {
    World world;
    world.bind();
    world.servers[0].inner_status = Dhcpv6Status::no_binding;
    CHECK(world.next().type() == Type::renew);
    world.servers[0].inner_status = Dhcpv6Status::success;
    world.run_for(2_s);
    CHECK(world.sent.back().type() == Type::request);
    CHECK(world.client.lease());
  }
  SECTION("a valid lifetime of 0: the address is gone") {
    World world;
    world.bind();
    world.servers[0].preferred = world.servers[0].valid = 0;
    CHECK(world.next().type() == Type::renew);
    CHECK_FALSE(world.client.lease());
    CHECK(world.client.state() == State::soliciting);
  }
  SECTION("unspecified failure: tried again later") {
    World world;
    world.bind();
    world.servers[0].status = Dhcpv6Status::unspecified_failure;
    const Instant at = world.next().at;
    CHECK(world.client.lease());
    CHECK(about(world.next().at - at, 10_s, 1_s));
  }
  SECTION("another address: checked before it is used") {
    World world;
    world.bind();
    world.answer_checks = false;
    world.servers[0].address = "2001:db8::78"_ipv6;
    CHECK(world.next().type() == Type::renew);
    CHECK_FALSE(world.client.lease());
    CHECK(world.client.to_check() == "2001:db8::78"_ipv6);
    CHECK(world.client.version() == 2);
  }
  SECTION("not on this link, to a request: servers are looked for again, not at once") {
    World world;
    world.client.start(world.now, Mode::address);
    world.next();
    world.servers[0].inner_status = Dhcpv6Status::not_on_link;
    const Instant at = world.next().at;
    const auto again = world.next();
    CHECK(again.type() == Type::solicit);
    CHECK(again.at >= at + 900_ms);
  }
}

TEST_CASE("an address that another host has is declined, and another is asked for", "[dhcpv6]") {
  World world;
  world.answer_checks = false;
  world.client.start(world.now, Mode::address);
  world.run_for(3_s);
  REQUIRE(world.client.to_check() == kAddress);
  world.client.address_is_taken(world.now);
  const auto decline = world.next();
  CHECK(decline.type() == Type::decline);
  CHECK(decline.has(Dhcpv6Option::server_identifier));
  CHECK_FALSE(decline.has(Dhcpv6Option::option_request));
  const auto asked = Dhcpv6Association::parse(*decline.view().options().find(Dhcpv6Option::ia_na));
  CHECK(same(asked->options.find(Dhcpv6Option::ia_address)->first(16), wire::bytes_of(kAddress)));
  world.servers[0].address = "2001:db8::78"_ipv6;
  CHECK(world.next().type() == Type::solicit);
  world.run_for(3_s);
  CHECK(world.client.to_check() == "2001:db8::78"_ipv6);

  World silent;
  silent.bind();
  silent.servers[0].silent = true;
  silent.client.address_is_taken(silent.now);
  CHECK_FALSE(silent.client.lease());
  for (int i = 0; i < 4; ++i) { CHECK(silent.next().type() == Type::decline); }
  CHECK(silent.next().type() == Type::solicit);
}

TEST_CASE("a released address is used no longer, and given back until that is heard or four times", "[dhcpv6]") {
  for (const bool heard : {true, false}) {
    World world;
    world.bind();
    const std::size_t before = world.sent.size();
    world.servers[0].silent = !heard;
    world.client.release(world.now);
    CHECK_FALSE(world.client.lease());
    CHECK(world.client.version() == 2);
    world.run_for(Duration::hours(1));
    CHECK(world.sent.size() == before + (heard ? 1 : 4));
    CHECK(world.sent.back().type() == Type::release);
    CHECK(world.client.state() == State::stopped);
    CHECK(world.client.poll_at() == Instant::max());
  }
}

TEST_CASE("when the link comes up again the address of before is confirmed", "[dhcpv6]") {
  enum class Answer { yes, no, silence };
  for (const Answer answer : {Answer::yes, Answer::no, Answer::silence}) {
    World world;
    world.bind();
    const Dhcpv6Lease before = *world.client.lease();
    world.run_for(100_s);
    world.client.stop();
    CHECK_FALSE(world.client.lease());
    world.run_for(100_s);
    world.servers[0].silent = answer == Answer::silence;
    if (answer == Answer::no) { world.servers[0].status = Dhcpv6Status::not_on_link; }
    world.client.start(world.now, Mode::address);
    const auto confirm = world.next();
    CHECK(confirm.type() == Type::confirm);
    CHECK_FALSE(confirm.has(Dhcpv6Option::server_identifier));
    world.servers[0].status = Dhcpv6Status::success;
    if (answer == Answer::no) {
      CHECK(world.client.state() == State::soliciting);
      continue;
    }
    if (answer == Answer::silence) {
      CHECK_FALSE(world.client.lease());
      world.run(confirm.at + 10_s);
    } else {
      world.run_for(1_ms);
    }
    REQUIRE(world.client.lease());
    CHECK(world.client.lease()->address == kAddress);
    CHECK(world.client.lease()->valid_until == before.valid_until);
  }
  World late;
  late.bind();
  late.client.stop();
  late.run_for(3601_s);
  late.client.start(late.now, Mode::address);
  CHECK(late.next().type() == Type::solicit);
}

TEST_CASE("other configuration is asked for alone, and again when it is old", "[dhcpv6]") {
  World world({.host_name = "host.lan"});
  const Bytes servers = join(copy(wire::bytes_of(kAddress)), copy(wire::bytes_of(Dhcpv6Client::kServers)));
  world.servers[0].options = [&](Dhcpv6Writer& writer) {
    writer.option(Dhcpv6Option::dns_servers, servers);
    writer.option(Dhcpv6Option::domain_search, hex("036c616e00"));
    writer.option_u32(Dhcpv6Option::information_refresh_time, 1200);
  };
  world.client.start(world.now, Mode::information);
  const auto request = world.next();
  CHECK(request.type() == Type::information_request);
  CHECK_FALSE(request.has(Dhcpv6Option::ia_na));
  CHECK_FALSE(request.has(Dhcpv6Option::server_identifier));
  const auto wanted = *request.view().options().find(Dhcpv6Option::option_request);
  CHECK(same(wanted, hex("0017 0018 0038 0020 0053")));
  CHECK(world.client.state() == State::informed);
  CHECK_FALSE(world.client.lease());
  CHECK(world.client.version() == 1);
  REQUIRE(world.client.dns_server_count() == 2);
  CHECK(world.client.dns_server(0) == kAddress);
  CHECK(same(world.client.option(Dhcpv6Option::domain_search).value(), hex("036c616e00")));
  CHECK_FALSE(world.client.option(Dhcpv6Option::information_refresh_time));
  const auto again = world.next();
  CHECK(again.at == request.at + 1200_s);
  CHECK(again.type() == Type::information_request);
  CHECK(world.client.version() == 1);
  world.servers[0].options = [](Dhcpv6Writer& writer) {
    writer.option_u32(Dhcpv6Option::information_refresh_time, 1);  // too often
  };
  const auto third = world.next();
  CHECK(world.client.version() == 2);
  CHECK(world.client.dns_server_count() == 0);
  CHECK(world.next().at == third.at + 600_s);
}

TEST_CASE("answers that are not this client's, or not whole, change nothing (RFC 8415 §16)", "[dhcpv6]") {
  World world;
  world.servers[0].silent = true;
  world.client.start(world.now, Mode::address);
  const auto solicit = world.next();
  world.servers[0].preference = 255;
  const Bytes advertise = world.servers[0].make(solicit.view(), Type::advertise);
  const auto ignored = [&](const Bytes& message) {
    world.client.input(message, world.now);
    return world.client.state() == State::soliciting;
  };
  for_each_truncation(advertise, [&](const Bytes& part) { CHECK(ignored(part)); });
  // The type, both ends of the transaction, the code of the client's identifier and both ends of that.
  for (const std::size_t field : {0U, 1U, 3U, 19U, 22U, 31U}) {
    Bytes other = advertise;
    other[field] ^= std::byte{0x40};
    INFO(field);
    CHECK(ignored(other));
  }
  CHECK(ignored(world.servers[0].make(solicit.view(), Type::reply)));  // without rapid commit
  Server wrong = world.servers[0];
  wrong.duid = Bytes(131, std::byte{1});
  CHECK(ignored(wrong.make(solicit.view(), Type::advertise)));
  wrong.duid = {};
  CHECK(ignored(wrong.make(solicit.view(), Type::advertise)));
  wrong = world.servers[0];
  for (const Ipv6Address& address : {"::"_ipv6, "::1"_ipv6, "ff02::1"_ipv6}) {
    wrong.address = address;
    CHECK(ignored(wrong.make(solicit.view(), Type::advertise)));
  }
  wrong = world.servers[0];
  wrong.valid = 0;
  CHECK(ignored(wrong.make(solicit.view(), Type::advertise)));  // preferred longer than valid
  wrong = world.servers[0];
  wrong.renew = 200;
  wrong.rebind = 100;
  CHECK(ignored(wrong.make(solicit.view(), Type::advertise)));
  CHECK_FALSE(ignored(advertise));
}

TEST_CASE("lifetimes of every length are kept without asking all the time", "[dhcpv6]") {
  for (const std::uint32_t seconds : {1U, 2U, 10U, 1000U, 0x7fff'ffffU, 0xffff'fffeU, 0xffff'ffffU}) {
    for (const std::uint32_t preferred : {std::uint32_t{0}, seconds}) {
      INFO(seconds << ", preferred " << preferred);
      World world;
      world.answer_checks = false;
      world.servers[0].valid = seconds;
      world.servers[0].preferred = preferred;
      world.client.start(world.now, Mode::address);
      world.next();
      world.next();
      world.client.address_is_free();
      REQUIRE(world.client.lease());
      const Dhcpv6Lease& lease = *world.client.lease();
      CHECK(lease.renew_at <= lease.rebind_at);
      CHECK(lease.rebind_at <= lease.valid_until);
      CHECK((lease.valid_until == Instant::max()) == (seconds == wire::kDhcpv6Infinity));
      world.answer_checks = true;
      const std::size_t before = world.sent.size();
      world.run_for(60_s);
      CHECK(world.sent.size() - before <= 125);
    }
  }
}

TEST_CASE("a DHCPv6 message that does not fit is an error, tried again no faster than a lost one", "[dhcpv6]") {
  World world;
  world.room = 30;
  world.client.start(world.now, Mode::address);
  world.run_for(60_s);
  CHECK(world.sent.empty());
  CHECK(world.errors > 3);
  CHECK(world.errors < 8);
  world.room = 300;
  world.run_for(120_s);
  CHECK(world.client.lease());
}

TEST_CASE("what the DHCPv6 settings say is in the messages", "[dhcpv6]") {
  const Bytes identifier = hex("0004 000102030405060708090a0b0c0d0e0f");
  const Dhcpv6Option request[] = {static_cast<Dhcpv6Option>(41)};
  World world({.identifier = identifier,
               .association = 7,
               .host_name = "sensor.lan",
               .request = request,
               .rapid_commit = true});
  world.bind();
  for (const auto& sent : world.sent) {
    const auto options = sent.view().options();
    CHECK(same(*options.find(Dhcpv6Option::client_identifier), identifier));
    CHECK(Dhcpv6Association::parse(*options.find(Dhcpv6Option::ia_na))->id == 7);
    CHECK(same(*options.find(Dhcpv6Option::client_fqdn), hex("01 06 73656e736f72 03 6c616e 00")));
    CHECK(same(*options.find(Dhcpv6Option::option_request), hex("0017 0018 0038 0052 0029")));
  }
}

}  // namespace
}  // namespace nal::embedded
