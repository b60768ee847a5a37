#include "examples/coap/tcp_frame.hpp"

namespace coap {

namespace {

using nal::Error;
using nal::Result;
using nal::Unexpected;

/// The nibbles that say how many bytes of length follow, and the least length that they stand for.
struct Extension {
  std::uint8_t nibble;
  std::uint8_t bytes;
  std::uint32_t base;
};

constexpr Extension extension_of(unsigned nibble) noexcept {
  switch (nibble) {
    case 13: return {13, 1, 13};
    case 14: return {14, 2, 269};
    case 15: return {15, 4, 65805};
    default: return {static_cast<std::uint8_t>(nibble), 0, nibble};
  }
}

}  // namespace

Result<TcpHeader> TcpHeader::parse(std::span<const std::byte> bytes) noexcept {
  TcpHeader header;
  if (bytes.empty()) { return header; }
  const auto first = std::to_integer<unsigned>(bytes[0]);
  if ((first & 15) > 8) { return Unexpected(Error::protocol_error); }
  header.token_length = static_cast<std::uint8_t>(first & 15);
  const Extension extension = extension_of(first >> 4);
  const std::size_t size = std::size_t{2} + extension.bytes;
  if (bytes.size() < size) { return header; }
  std::uint32_t extended = 0;
  for (std::size_t i = 1; i <= extension.bytes; ++i) {
    extended = extended << 8 | std::to_integer<std::uint32_t>(bytes[i]);
  }
  if (extended > 0xffff'ffff - extension.base) { return Unexpected(Error::message_size); }
  header.size = static_cast<std::uint8_t>(size);
  header.code = std::to_integer<std::uint8_t>(bytes[size - 1]);
  header.length = extension.base + extended;
  return header;
}

Result<std::size_t> TcpHeader::write(std::span<std::byte> out) const noexcept {
  if (token_length > 8) { return Unexpected(Error::invalid_argument); }
  const std::size_t needed = size_for(length);
  if (out.size() < needed) { return Unexpected(Error::buffer_too_small); }
  const std::size_t bytes = needed - 2;
  const Extension extension = extension_of(bytes == 0 ? length : bytes == 1 ? 13 : bytes == 2 ? 14 : 15);
  out[0] = static_cast<std::byte>(extension.nibble << 4 | token_length);
  const std::uint32_t extended = length - extension.base;
  for (std::size_t i = 0; i < bytes; ++i) { out[bytes - i] = static_cast<std::byte>(extended >> 8 * i); }
  out[needed - 1] = std::byte{code};
  return needed;
}

}  // namespace coap
