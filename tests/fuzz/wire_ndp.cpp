// Neighbor Discovery messages of arbitrary bytes: the views stay within them, the walk over options ends and covers all
// of them, and what is written again from what was read is read the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "backends/embedded/wire/domain_list.hpp"
#include "backends/embedded/wire/ndp.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace nal::embedded::wire;
using nal::fuzz::require;
using Bytes = std::vector<std::byte>;
using Span = std::span<const std::byte>;

void names(Span bytes) {
  DomainList list(bytes);
  std::array<char, kMaxDomainText> text;
  std::size_t count = 0;
  while (const auto name = list.next(text)) {
    require(++count <= bytes.size());
    require(!name->empty() && name->size() <= kMaxDomainText);
    Bytes out(256);
    const auto end = put_domain(*name, out);
    require(end.has_value() && *end == name->size() + 2);
  }
}

/// Writes each option again that is of a known kind, and reads it.
void options(NdpOptions walk, std::size_t size) {
  const nal::Ipv6Address address(0xfe80, 0, 0, 0, 0, 0, 0, 1);
  std::size_t covered = 0;
  while (const auto option = walk.next()) {
    covered += 2 + option->data().size();
    require(option->redirected_packet().size() <= option->data().size() + 2);
    Bytes out(8 + 2048);
    NdpWriter writer(out, NdpWriter::RouterSolicitation{});
    const auto prefix = option->prefix_information();
    const auto route = option->route_information();
    const auto dns = option->recursive_dns();
    const auto search = option->dns_search_list();
    const auto mtu = option->mtu();
    if (prefix) { writer.prefix_information(*prefix); }
    if (route) {
      require(route->prefix_length <= 8 * route->prefix.size());
      writer.route_information(*route);
    }
    if (dns) {
      require(dns->count() > 0);
      static_cast<void>(to_ipv6(dns->server(dns->count() - 1)));
      writer.recursive_dns(dns->lifetime, dns->servers);
    }
    if (search) {
      names(search->names);
      writer.dns_search_list(search->lifetime, search->names);
    }
    if (mtu) { writer.mtu(*mtu); }
    const Span message = writer.finish(bytes_of(address), bytes_of(address));
    const auto view = RouterSolicitationView::parse(message);
    require(view.has_value());
    NdpOptions again = view->options();
    const auto written = again.next();
    require(written.has_value() == (prefix || route || dns || search || mtu));
    if (!written) { continue; }
    require(written->type() == option->type() && written->data().size() == option->data().size());
    if (mtu) { require(written->mtu() == mtu); }
    if (dns) { require(std::ranges::equal(written->recursive_dns()->servers, dns->servers)); }
    if (search) { require(std::ranges::equal(written->dns_search_list()->names, search->names)); }
    if (prefix) { require(written->prefix_information()->prefix_length == prefix->prefix_length); }
    if (route) { require(written->route_information()->preference == route->preference); }
  }
  require(covered == size);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
  if (const auto view = NeighborSolicitationView::parse(bytes)) {
    require(!to_ipv6(view->target()).is_multicast());
    static_cast<void>(view->options().link_layer(NdpOptionType::source_link_layer));
    options(view->options(), size - 24);
  }
  if (const auto view = NeighborAdvertisementView::parse(bytes)) {
    require(!to_ipv6(view->target()).is_multicast());
    options(view->options(), size - 24);
  }
  if (const auto view = RouterSolicitationView::parse(bytes)) { options(view->options(), size - 8); }
  if (const auto view = RouterAdvertisementView::parse(bytes)) { options(view->options(), size - 16); }
  if (const auto view = RedirectView::parse(bytes)) {
    require(!to_ipv6(view->destination()).is_multicast());
    options(view->options(), size - 40);
  }
  names(bytes);
  return 0;
}
