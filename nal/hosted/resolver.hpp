#pragma once
/// Hosted only: what a resolver needs of a POSIX system.
#include <fstream>
#include <iterator>
#include <string>

#include "nal/hosted/entropy.hpp"

namespace nal::dns {

/// The text of the system's settings, for `ResolvConf`; empty if there are none.
inline std::string system_resolv_conf(const char* path = "/etc/resolv.conf") {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace nal::dns
