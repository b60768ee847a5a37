#include "nal/time.hpp"

namespace nal::detail {

std::int64_t divide(std::int64_t n, std::uint16_t d) noexcept {
  auto rest = static_cast<std::uint64_t>(n);
  if (n < 0) { rest = 0 - rest; }
  // By hand, sixteen bits at a time.
  std::uint64_t quotient = 0;
  std::uint32_t remainder = 0;
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t part = remainder << 16 | static_cast<std::uint32_t>(rest >> 48);
    rest <<= 16;
    const std::uint32_t digit = part / d;
    remainder = part - digit * d;
    quotient = quotient << 16 | digit;
  }
  return static_cast<std::int64_t>(n < 0 ? 0 - quotient : quotient);
}

}  // namespace nal::detail
