// The embedded stack's checksums, as lwIP asks for them: sums as the machine loads the words.
#include <lwip/opt.h>

#include <bit>

#include "backends/embedded/wire/checksum.hpp"

namespace {

using namespace nal::embedded;

std::uint16_t as_loaded(wire::Sum sum) {
  const std::uint16_t value = sum.value();
  return std::endian::native == std::endian::little ? __builtin_bswap16(value) : value;
}

}  // namespace

std::uint16_t nal_bench_sum(const void* from, int size) {
  return as_loaded(wire::sum({static_cast<const std::byte*>(from), static_cast<std::size_t>(size)}));
}

std::uint16_t nal_bench_copy_and_sum(void* to, const void* from, std::uint16_t size) {
  return as_loaded(
      wire::copy_and_sum({static_cast<std::byte*>(to), size}, {static_cast<const std::byte*>(from), size}));
}
