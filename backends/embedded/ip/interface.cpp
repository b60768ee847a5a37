#include "backends/embedded/ip/interface.hpp"

namespace nal::embedded {

bool Interface::is_to_all(Ipv4Address v4) const noexcept {
  if (v4.is_broadcast()) { return true; }
  for (const InterfaceAddress& own : addresses) {
    // RFC 3021: a link of two has no broadcast.
    if (own.in_use() && own.address.is_v4() && own.prefix_length < 31 &&
        v4 == own.address.v4().filled(own.prefix_length)) {
      return true;
    }
  }
  return false;
}

}  // namespace nal::embedded
