#include "backends/embedded/address.hpp"

namespace nal::embedded {

bool DualAddress::has_prefix(const DualAddress& prefix, unsigned length) const noexcept {
  const bool v4 = is_v4();
  if (v4 != prefix.is_v4()) { return false; }
  if (v4) { length += 8 * kV4; }
  const std::size_t whole = length / 8;
  const unsigned rest = length % 8;
  if (std::memcmp(bytes_.data(), prefix.bytes_.data(), whole) != 0) { return false; }
  return rest == 0 || ((bytes_[whole] ^ prefix.bytes_[whole]) >> (8 - rest)) == 0;
}

DualAddress DualAddress::masked(unsigned length) const noexcept {
  DualAddress out = *this;
  for (std::size_t i = length / 8; i < kSize; ++i) {
    const unsigned ones = i == length / 8 ? length % 8 : 0;
    out.bytes_[i] &= static_cast<std::uint8_t>(0xff00u >> ones);
  }
  return out;
}

DualAddress DualAddress::solicited_node() const noexcept {
  DualAddress out = *this;
  constexpr std::uint8_t kFirst[] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
  std::copy(std::begin(kFirst), std::end(kFirst), out.bytes_.begin());
  return out;
}

}  // namespace nal::embedded
