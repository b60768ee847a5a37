// DHCPv4 and DHCPv6 messages of arbitrary bytes: the views stay within them, walks end, an option in pieces is all of
// its pieces, and what is written again from what was read is read the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/embedded/wire/dhcpv4.hpp"
#include "backends/embedded/wire/dhcpv6.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace nal::embedded::wire;
using nal::fuzz::require;
using Bytes = std::vector<std::byte>;
using Span = std::span<const std::byte>;

void version4(Span bytes) {
  const auto view = Dhcpv4View::parse(bytes);
  if (!view) { return; }
  std::array<std::size_t, 256> sizes{};
  std::array<bool, 256> seen{};
  auto pieces = view->pieces();
  std::size_t count = 0;
  while (const auto piece = pieces.next()) {
    require(++count <= bytes.size() / 2);
    require(piece->data.data() >= bytes.data() &&
            piece->data.data() + piece->data.size() <= bytes.data() + bytes.size());
    sizes[static_cast<std::uint8_t>(piece->code)] += piece->data.size();
    seen[static_cast<std::uint8_t>(piece->code)] = true;
  }
  Bytes out(4 * bytes.size() + 2048);
  Dhcpv4Writer writer(out, {.transaction = view->transaction(), .hardware_address = view->hardware_address()},
                      Dhcpv4MessageType::inform);
  Bytes scratch(bytes.size());
  for (unsigned code = 1; code < 255; ++code) {
    const auto option = static_cast<Dhcpv4Option>(code);
    if (option == Dhcpv4Option::overload || option == Dhcpv4Option::message_type) { continue; }
    const auto data = view->option(option, scratch);
    require(data.has_value() && data->has_value() == seen[code]);
    if (!*data) { continue; }
    require((*data)->size() == sizes[code]);
    require(view->u32(option).has_value() == (sizes[code] == 4));
    writer.option(option, **data);
  }
  const auto written = writer.finish();
  require(written.has_value());
  const auto again = Dhcpv4View::parse(*written);
  require(again && again->transaction() == view->transaction());
  Bytes other(bytes.size());
  for (unsigned code = 1; code < 255; ++code) {
    const auto option = static_cast<Dhcpv4Option>(code);
    if (option == Dhcpv4Option::overload || option == Dhcpv4Option::message_type) { continue; }
    const auto first = view->option(option, scratch);
    const auto second = again->option(option, other);
    require(first->has_value() == second->has_value());
    if (*first) { require(std::ranges::equal(**first, **second)); }
  }
}

void routes(Span bytes) {
  ClasslessRoutes walk(bytes);
  std::size_t count = 0;
  while (const auto route = walk.next()) {
    require(++count <= bytes.size() / 5);
    require(route->prefix_length <= 32 && route->destination == route->destination.masked(route->prefix_length));
  }
}

void version6(Span bytes) {
  const auto view = Dhcpv6View::parse(bytes);
  if (!view) { return; }
  Bytes out(bytes.size());
  Dhcpv6Writer writer(out, view->type(), view->transaction());
  Dhcpv6Options walk = view->options();
  while (const auto option = walk.next()) {
    writer.option(option->code, option->data);
    if (const auto association = Dhcpv6Association::parse(option->data)) {
      static_cast<void>(association->options.status());
      Dhcpv6Options inner = association->options;
      while (const auto within = inner.next()) {
        if (const auto address = Dhcpv6Address::parse(within->data)) {
          require(address->preferred_lifetime <= address->valid_lifetime);
          static_cast<void>(address->options.status());
        }
      }
    }
  }
  // Options are nothing but themselves, one behind the other.
  const auto written = writer.finish();
  require(written.has_value() && std::ranges::equal(*written, bytes));
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
  version4(bytes);
  version6(bytes);
  routes(bytes);
  return 0;
}
