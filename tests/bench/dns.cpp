// What a lookup of an IPv4 address takes beside the network, COUNT times: `asked|cached COUNT`.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

#include "nal/block_on.hpp"
#include "nal/resolver/operations.hpp"
#include "tests/support/desk.hpp"
#include "tests/support/virtual_clock.hpp"

namespace {

constexpr nal::Endpoint kServer{nal::Ipv4Address(192, 0, 2, 53), 53};
constexpr std::string_view kName = "host.example.org";
constexpr nal::Ipv4Address kAddress(192, 0, 2, 1);

/// The question, then an A record that points to its name and is kept for that many seconds: as little as a server can
/// do, since it is counted as well.
template <unsigned Seconds>
std::size_t answer(std::span<const std::byte> query, bool, std::span<std::byte> out) {
  constexpr std::size_t kHeader = 12;
  constexpr std::size_t kQuestion = kName.size() + 2 + 4;
  constexpr std::byte kFlags[] = {std::byte{0x81}, std::byte{0x80}};
  constexpr std::byte kCounts[] = {std::byte{0}, std::byte{1}, std::byte{0}, std::byte{1},
                                   std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0}};
  constexpr std::byte kRecord[] = {std::byte{0xc0}, std::byte{kHeader}, std::byte{0}, std::byte{1},
                                   std::byte{0},    std::byte{1},       std::byte{0}, std::byte{0},
                                   std::byte{0},    std::byte{Seconds}, std::byte{0}, std::byte{4},
                                   std::byte{192},  std::byte{0},       std::byte{2}, std::byte{1}};
  auto end = std::copy_n(query.begin(), kHeader + kQuestion, out.begin());
  std::copy(std::begin(kFlags), std::end(kFlags), out.begin() + 2);
  std::copy(std::begin(kCounts), std::end(kCounts), out.begin() + 4);
  end = std::copy(std::begin(kRecord), std::end(kRecord), end);
  return static_cast<std::size_t>(end - out.begin());
}

int run(nal::test::Desk::Answer answer, unsigned long count, bool cached) {
  using Resolver = nal::dns::Resolver<nal::test::Desk>;
  nal::test::VirtualClock platform;
  nal::Executor executor(platform);
  nal::test::Desk desk(kServer, answer);
  static nal::dns::Resources<nal::test::Desk, nal::dns::Config{}> memory;
  Resolver resolver(executor, desk, memory, nal::Entropy(std::array<std::byte, nal::Entropy::kSize>{}));
  const nal::Endpoint servers[] = {kServer};
  if (!resolver.configure({.servers = servers})) { return 1; }
  std::array<nal::IpAddress, 2> out;
  for (unsigned long i = 0; i < count; ++i) {
    const auto found = nal::block_on(executor, nal::lookup(resolver, kName, nal::Family::v4, out));
    if (!found || *found != 1 || out[0] != kAddress) { return 1; }
  }
  return resolver.statistics().asked == (cached ? 1 : count) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view way = argc == 3 ? argv[1] : "";
  if (way != "asked" && way != "cached") {
    std::fprintf(stderr, "usage: %s asked|cached COUNT\n", argv[0]);
    return 2;
  }
  const unsigned long count = std::strtoul(argv[2], nullptr, 10);
  return way == "asked" ? run(answer<0>, count, false) : run(answer<60>, count, true);
}
