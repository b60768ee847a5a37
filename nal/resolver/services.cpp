#include <utility>

#include "nal/resolver/operations.hpp"

namespace nal::dns {

std::size_t gather_services(const RecordSet& records, std::span<Service> out) noexcept {
  std::size_t count = 0;
  for (const auto data : records) {
    Service service;
    if (!read_service(data, service)) { continue; }
    if (count < out.size()) {
      out[count++] = service;
      continue;
    }
    Service* last = nullptr;
    for (Service& kept : out) {
      if (!last || kept.priority > last->priority) { last = &kept; }
    }
    if (last && service.priority < last->priority) { *last = service; }
  }
  return count;
}

namespace {

/// Which of `services`, all of which are as good, is next: by lot, in proportion to their weights.
std::size_t draw(std::span<const Service> services, std::uint16_t priority, Random& random) noexcept {
  std::uint32_t total = 0;
  for (const Service& service : services) {
    // One more each, so that those of no weight have a chance, if a small one.
    if (service.priority == priority) { total += service.weight + 1u; }
  }
  std::uint32_t lot = random.below(total);
  for (std::size_t i = 0; i < services.size(); ++i) {
    if (services[i].priority != priority) { continue; }
    const std::uint32_t share = services[i].weight + 1u;
    if (lot < share) { return i; }
    lot -= share;
  }
  return 0;
}

}  // namespace

void order_services(std::span<Service> services, Random& random) noexcept {
  while (services.size() > 1) {
    std::uint16_t best = services[0].priority;
    for (const Service& service : services) { best = service.priority < best ? service.priority : best; }
    std::swap(services[0], services[draw(services, best, random)]);
    services = services.subspan(1);
  }
}

}  // namespace nal::dns
