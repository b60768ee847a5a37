#pragma once
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "examples/coap/bytes.hpp"

namespace coap::test {

using Bytes = std::vector<std::byte>;

inline Bytes bytes(std::initializer_list<int> values) {
  Bytes made;
  for (const int value : values) { made.push_back(static_cast<std::byte>(value)); }
  return made;
}
inline Bytes copy(std::span<const std::byte> data) { return {data.begin(), data.end()}; }
inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline Bytes text(std::string_view characters) { return copy(bytes_of(characters)); }

}  // namespace coap::test
