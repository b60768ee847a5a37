#pragma once
/// Hosted only: what a resolver needs of a POSIX system.
#include <array>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <random>
#include <string>

#include "nal/resolver/random.hpp"

namespace nal::dns {

/// From the system's source of randomness.
inline Entropy system_entropy() {
  std::random_device device;
  std::array<std::byte, Entropy::kSize> bytes;
  for (std::byte& byte : bytes) { byte = static_cast<std::byte>(device() & 0xff); }
  return Entropy(bytes);
}

/// The text of the system's settings, for `ResolvConf`; empty if there are none.
inline std::string system_resolv_conf(const char* path = "/etc/resolv.conf") {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace nal::dns
