#pragma once
/// Hosted only.
#include <array>
#include <cstddef>
#include <random>

#include "nal/random.hpp"

namespace nal {

/// From the system's source of randomness.
inline Entropy system_entropy() {
  std::random_device device;
  std::array<std::byte, Entropy::kSize> bytes;
  for (std::byte& byte : bytes) { byte = static_cast<std::byte>(device() & 0xff); }
  return Entropy(bytes);
}

}  // namespace nal
