#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "nal/resolver/record.hpp"

namespace nal::mdns {

/// What a TXT record says of one key (RFC 6763 §6.4): there, or there with a value, which may be empty and is any
/// bytes.
struct TextPair {
  std::string_view key;
  std::optional<std::string_view> value;
};

/// The pairs of a TXT record's data, in order. Strings without a key are passed over (RFC 6763 §6.4). Total.
class TextReader {
 public:
  /// `data` outlives it and what it gives.
  explicit TextReader(std::span<const std::byte> data) noexcept : strings_(data) {}
  std::optional<TextPair> next() noexcept;

 private:
  dns::Strings strings_;
};

/// The first pair with that key, without regard to case.
std::optional<TextPair> find_text(std::span<const std::byte> data, std::string_view key) noexcept;

/// Makes a TXT record's data in the caller's memory.
class TextBuilder {
 public:
  explicit TextBuilder(std::span<std::byte> out) noexcept : writer_(out), out_(out) {}
  /// *Errors*: invalid_argument for a key that is none (RFC 6763 §6.4: printable ASCII without '=', at least one
  /// character), that is there already, or with a value longer than 254 bytes together; buffer_too_small. Nothing is
  /// added then.
  Result<> add(std::string_view key, std::optional<std::string_view> value = std::nullopt) noexcept;
  std::span<const std::byte> data() const noexcept { return out_.first(writer_.size()); }

 private:
  dns::WireWriter writer_;
  std::span<std::byte> out_;
};

/// "Kitchen light" and "_http._tcp" become the name of an instance (RFC 6763 §4.1): the instance is one label of any
/// bytes, dots too. An empty instance makes the name that instances are asked for by; "_printer._sub._http._tcp" is a
/// type, too. *Errors*: invalid_argument.
Result<> set_service_name(dns::Name& name, std::string_view instance, std::string_view type,
                          std::string_view domain = "local") noexcept;

/// The parts of an instance's name, as text: the instance as it is, without escapes, in the name's own bytes.
struct ServiceName {
  std::string_view instance;  ///< a part of the name
  std::span<const std::byte> type_wire;
  std::span<const std::byte> rest_wire;  ///< behind the type: the domain
};
/// Nothing if the name is no instance's.
std::optional<ServiceName> split_service_name(const dns::Name& name) noexcept;

}  // namespace nal::mdns
