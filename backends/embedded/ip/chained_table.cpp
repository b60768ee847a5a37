#include "backends/embedded/ip/chained_table.hpp"

namespace nal::embedded {

std::uint32_t hash_by(HashKey key, InterfaceIndex interface, const Address& address) noexcept {
  Hasher hasher(key);
  address.hash_into(hasher);
  hasher.add(interface);
  return hasher.finish();
}

}  // namespace nal::embedded
