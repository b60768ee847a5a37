#pragma once
#include <cstddef>
#include <optional>

#include "examples/mqtt/packet.hpp"
#include "examples/mqtt/wire.hpp"

/// What the readers and writers of both versions' packets share; those who use the library need nothing of it.
namespace mqtt::detail {

/// Bytes of a number as `Writer::variable` writes it.
constexpr std::size_t variable_size(std::size_t value) noexcept {
  if (value < 128) { return 1; }
  if (value < 16'384) { return 2; }
  return value < 2'097'152 ? 3 : 4;
}

/// What a fixed header may be.
struct HeaderRules {
  static constexpr std::uint8_t kExactly = 0x80;
  static constexpr std::uint8_t kNoType = 0xFF;

  bool shortest;  ///< no more bytes than the length needs (5.0 §1.5.5)
  /// For each type of packet how many bytes must stand behind its header at least, or `exactly`; `kNoType` where there
  /// is none. The least of a PUBLISH is that of one without a packet identifier.
  std::uint8_t sizes[16];
};
constexpr std::uint8_t exactly(std::uint8_t size) noexcept { return size | HeaderRules::kExactly; }
Fault read_header(std::span<const std::byte> bytes, const HeaderRules& rules, Header& header) noexcept;

/// The value that was read, or why there is none.
template <class T>
Parsed<T> parsed(Fault fault, const T& value) noexcept {
  return fault == Fault::none ? Parsed<T>(value) : Parsed<T>(fault);
}

/// What the properties take without their length. A topic alias among them does not count, `topic_alias` does unless it
/// is 0. Nothing: they cannot be written.
std::optional<std::size_t> properties_size(const Properties& properties, std::uint16_t topic_alias = 0) noexcept;

/// Writes the length and the properties, which take `size` bytes. False if they break the standard; when they do not
/// fit the writer has failed.
bool put_properties(Writer& writer, const Properties& properties, PacketType in, std::size_t size,
                    std::uint16_t topic_alias = 0) noexcept;

/// 5.0 §3.1.2.11.10, §3.2.2.3.18: data of a method that is not told.
inline Fault check_authentication(const Properties& properties) noexcept {
  const bool alone =
      properties.has(PropertyId::authentication_data) && !properties.has(PropertyId::authentication_method);
  return alone ? Fault::authentication : Fault::none;
}

/// Takes the length and the properties, checked.
Fault take_properties(Reader& reader, PacketType in, Properties& properties) noexcept;

}  // namespace mqtt::detail
