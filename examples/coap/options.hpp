#pragma once
#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string_view>

#include "examples/coap/bytes.hpp"
#include "nal/result.hpp"

namespace coap {

/// RFC 7252 §12.2, RFC 7641, RFC 7959, RFC 7967, RFC 8768, RFC 9175. Others may come from a peer.
enum class OptionNumber : std::uint16_t {
  if_match = 1,
  uri_host = 3,
  etag = 4,
  if_none_match = 5,
  observe = 6,
  uri_port = 7,
  location_path = 8,
  uri_path = 11,
  content_format = 12,
  max_age = 14,
  uri_query = 15,
  hop_limit = 16,
  accept = 17,
  location_query = 20,
  block2 = 23,
  block1 = 27,
  size2 = 28,
  proxy_uri = 35,
  proxy_scheme = 39,
  size1 = 60,
  echo = 252,
  no_response = 258,
  request_tag = 292,
};

// RFC 7252 §5.4.6: the number tells how who does not know an option treats it.
constexpr bool is_critical(OptionNumber number) noexcept { return (static_cast<unsigned>(number) & 1) != 0; }
constexpr bool is_unsafe(OptionNumber number) noexcept { return (static_cast<unsigned>(number) & 2) != 0; }
constexpr bool is_no_cache_key(OptionNumber number) noexcept { return (static_cast<unsigned>(number) & 0x1E) == 0x1C; }

enum class OptionFormat : std::uint8_t { empty, opaque, uint, text };

/// What is known of an option.
struct OptionRule {
  OptionNumber number;
  // Four bytes for each of them.
  OptionFormat format : 2;
  bool repeatable : 1;
  std::uint16_t min_size : 1;
  std::uint16_t max_size : 12;
};
/// Null: not an option of the list above.
const OptionRule* find_rule(OptionNumber number) noexcept;

/// An option as it stands in a message: its value is a view.
struct Option {
  OptionNumber number;
  std::span<const std::byte> value;

  std::string_view text() const noexcept { return text_of(value); }
};

/// The value of an option that is a number: any length up to four bytes, leading zeros too (RFC 7252 §3.2).
/// *Errors*: protocol_error: longer.
nal::Result<std::uint32_t> parse_uint(std::span<const std::byte> value) noexcept;

/// The number in as few bytes as it takes, none for 0.
class UintValue {
 public:
  explicit UintValue(std::uint32_t number) noexcept;
  operator std::span<const std::byte>() const noexcept { return std::span(bytes_).subspan(4u - size_); }

 private:
  std::byte bytes_[4];
  std::uint8_t size_;
};

/// The options of a message, decoded one after the other where they lie, in ascending order.
class Options {
 public:
  class Iterator {
   public:
    using iterator_concept = std::forward_iterator_tag;
    using difference_type = std::ptrdiff_t;
    using value_type = Option;

    Iterator() noexcept = default;
    explicit Iterator(std::span<const std::byte> rest) noexcept;

    const Option& operator*() const noexcept { return option_; }
    const Option* operator->() const noexcept { return &option_; }
    Iterator& operator++() noexcept {
      step();
      return *this;
    }
    Iterator operator++(int) noexcept {
      Iterator old = *this;
      step();
      return old;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) noexcept {
      return a.done_ == b.done_ && (a.done_ || a.rest_.data() == b.rest_.data());
    }
    friend bool operator==(const Iterator& a, std::default_sentinel_t) noexcept { return a.done_; }

   private:
    void step() noexcept;

    std::span<const std::byte> rest_;
    Option option_{};
    bool done_ = true;
  };

  Options() noexcept = default;
  /// Options that have been parsed before, or written here.
  static Options known(std::span<const std::byte> bytes) noexcept { return Options(bytes); }
  /// The options at the front of `bytes`, up to its end or to a payload marker, all of them checked. Sets `size` to the
  /// bytes they take. *Errors*: protocol_error: a nibble 15 that is no marker, an option that is cut off, a number
  /// above 65535.
  static nal::Result<Options> parse(std::span<const std::byte> bytes, std::size_t& size) noexcept;

  Iterator begin() const noexcept { return Iterator(bytes_); }
  std::default_sentinel_t end() const noexcept { return {}; }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }

  /// The value of the first option of that number.
  std::optional<std::span<const std::byte>> find(OptionNumber number) const noexcept;
  /// The same, and empty if there is none.
  std::span<const std::byte> value_of(OptionNumber number) const noexcept;
  bool has(OptionNumber number) const noexcept { return find(number).has_value(); }
  /// The same as a number; nothing if it is missing or longer than four bytes.
  std::optional<std::uint32_t> find_uint(OptionNumber number) const noexcept;
  std::uint32_t uint_or(OptionNumber number, std::uint32_t otherwise) const noexcept;

  /// The first option that must not be passed over (RFC 7252 §5.4.1, §5.4.3, §5.4.5): a critical one that is not known,
  /// is not as long as it may be, or stands there once too often.
  std::optional<OptionNumber> first_bad() const noexcept;

 private:
  explicit Options(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

/// Block1 and Block2 (RFC 7959 §2.2): a piece of a body. 7 as `szx` stands for several KiB at once over TCP (RFC 8323
/// §6); numbers count 1024 bytes then.
struct Block {
  std::uint32_t number = 0;
  bool more = false;
  std::uint8_t szx = 6;

  static constexpr std::uint32_t kMaxNumber = 0xFFFFF;
  static constexpr std::uint8_t kBert = 7;

  /// *Errors*: protocol_error: longer than three bytes.
  static nal::Result<Block> parse(std::span<const std::byte> value) noexcept;
  static std::optional<Block> find(const Options& options, OptionNumber number) noexcept;
  constexpr std::uint32_t value() const noexcept { return number << 4 | (more ? 8u : 0u) | szx; }

  constexpr std::size_t size() const noexcept { return size_of(szx); }
  /// In bytes; 32 bits hold it.
  constexpr std::uint32_t offset() const noexcept { return number << shift_of(szx); }
  /// The number of the block that begins at `offset`.
  static constexpr std::uint32_t number_at(std::uint32_t offset, std::uint8_t szx) noexcept {
    return offset >> shift_of(szx);
  }
  static constexpr unsigned shift_of(std::uint8_t szx) noexcept { return 4u + std::min<unsigned>(szx, 6); }
  static constexpr std::size_t size_of(std::uint8_t szx) noexcept { return std::size_t{1} << shift_of(szx); }
  /// The largest block that fits into `room` bytes; nothing below 16.
  static constexpr std::optional<std::uint8_t> szx_for(std::size_t room) noexcept {
    if (room < 16) { return std::nullopt; }
    return static_cast<std::uint8_t>(std::bit_width(std::min<std::size_t>(room, 1024)) - 5);
  }
  friend constexpr bool operator==(const Block&, const Block&) noexcept = default;
};

}  // namespace coap
