#include "tests/backends/embedded/config/dhcpv4_world.hpp"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

namespace nal::embedded {

bool DhcpWorld::step() {
  bool any = false;
  for (unsigned rounds = 0;; ++rounds) {
    REQUIRE(rounds < 20);
    if (answer_checks && client.to_check()) { client.address_is_free(); }
    if (client.poll_at() > now) { return any; }
    Bytes out(room);
    const auto transmission = client.poll(now, out);
    if (!transmission) {
      CHECK(transmission.error() == Error::buffer_too_small);
      ++errors;
      continue;
    }
    if (transmission->size == 0) { continue; }
    any = true;
    out.resize(transmission->size);
    sent.push_back({now, transmission->source, transmission->destination, out});
    const auto view = Dhcpv4View::parse(sent.back().message);
    REQUIRE(view);
    for (const DhcpServer& server : servers) {
      const Ipv4Address to = transmission->destination;
      if (to != Ipv4Address::broadcast() && to != server.identifier) { continue; }
      if (const auto answer = server.answer(*view)) { client.input(*answer, now); }
    }
  }
}

void DhcpWorld::run(Instant until) {
  while (true) {
    step();
    const Instant at = client.poll_at();
    if (at > until) { break; }
    now = at;
  }
  now = until;
}

DhcpWorld::Sent DhcpWorld::next() {
  const Instant limit = now + Duration::hours(24);
  const std::size_t before = sent.size();
  while (sent.size() == before) {
    if (step()) { break; }
    const Instant at = client.poll_at();
    REQUIRE(at <= limit);
    now = std::max(now, at);
  }
  return sent[before];
}

}  // namespace nal::embedded
