#pragma once
#include <optional>

#include "backends/embedded/wire/bytes.hpp"

/// What IGMPv3 and MLDv2 have in common: the same messages, with addresses of 4 and of 16 bytes.

namespace nal::embedded::wire {

/// RFC 3376 §4.2.12, RFC 3810 §5.2.12
enum class GroupRecordType : std::uint8_t {
  mode_is_include = 1,
  mode_is_exclude = 2,
  change_to_include = 3,
  change_to_exclude = 4,
  allow_new_sources = 5,
  block_old_sources = 6,
};

/// A number of at least 128 in 8 bits: a mantissa of 4, an exponent of 3 (RFC 3376 §4.1.1).
constexpr std::uint32_t decode_time_code8(std::uint8_t code) noexcept {
  return code < 0x80 ? code : ((code & 0x0fU) | 0x10U) << ((code >> 4 & 7U) + 3);
}
/// A number of at least 32768 in 16 bits: a mantissa of 12, an exponent of 3 (RFC 3810 §5.1.3).
constexpr std::uint32_t decode_time_code16(std::uint16_t code) noexcept {
  return code < 0x8000 ? code : ((code & 0x0fffU) | 0x1000U) << ((code >> 12 & 7U) + 3);
}

/// Addresses one behind the other; lives as long as its bytes.
template <std::size_t kAddressSize>
class GroupSources {
 public:
  using Bytes = std::span<const std::byte, kAddressSize>;

  GroupSources() noexcept = default;
  /// A whole number of addresses.
  explicit GroupSources(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::size_t size() const noexcept { return bytes_.size() / kAddressSize; }
  /// `i` below `size()`.
  Bytes operator[](std::size_t i) const noexcept { return Bytes(bytes_.data() + kAddressSize * i, kAddressSize); }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

/// Walks over the records of a report, of which `check` said that they are all there.
template <std::size_t kAddressSize>
class GroupRecords {
 public:
  struct Record {
    GroupRecordType type;
    std::span<const std::byte, kAddressSize> group;
    GroupSources<kAddressSize> sources;
  };

  GroupRecords(std::span<const std::byte> bytes, std::size_t count) noexcept : rest_(bytes), count_(count) {}

  std::optional<Record> next() noexcept {
    const std::size_t size = count_ > 0 ? record_size(rest_) : 0;
    if (size == 0) { return std::nullopt; }
    const std::byte* const at = rest_.data();
    const Record record{static_cast<GroupRecordType>(load_u8(at)),
                        std::span<const std::byte, kAddressSize>(at + 4, kAddressSize),
                        GroupSources<kAddressSize>(rest_.subspan(kFixed, load_be16(at + 2) * kAddressSize))};
    rest_ = rest_.subspan(size);
    --count_;
    return record;
  }

  static bool check(std::span<const std::byte> bytes, std::size_t count) noexcept {
    for (; count > 0; --count) {
      const std::size_t size = record_size(bytes);
      if (size == 0) { return false; }
      bytes = bytes.subspan(size);
    }
    return true;
  }

 private:
  static constexpr std::size_t kFixed = 4 + kAddressSize;

  /// 0: not all there.
  static std::size_t record_size(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() < kFixed) { return 0; }
    const std::size_t size =
        kFixed + load_be16(bytes.data() + 2) * kAddressSize + load_u8(bytes.data() + 1) * std::size_t{4};
    return size <= bytes.size() ? size : 0;
  }

  std::span<const std::byte> rest_;
  std::size_t count_;
};

/// Puts records behind a report's header of 8 bytes, which the protocol fills in at the end. What does not fit is told,
/// and goes into the next report.
template <std::size_t kAddressSize>
class GroupReportWriter {
 public:
  explicit GroupReportWriter(std::span<std::byte> out) noexcept : out_(out), size_(out.size() < 8 ? 0 : 8) {}

  /// A record with `sources`, of `kAddressSize` bytes each; false, and nothing is written, when there is no room.
  bool add(GroupRecordType type, std::span<const std::byte, kAddressSize> group,
           std::span<const std::byte> sources = {}) noexcept {
    const std::size_t size = 4 + kAddressSize + sources.size();
    if (size_ == 0 || size > out_.size() - size_ || sources.size() / kAddressSize > 0xffff || count_ == 0xffff) {
      return false;
    }
    std::byte* const at = out_.data() + size_;
    store_be16(at, static_cast<std::uint32_t>(type) << 8);
    store_be16(at + 2, static_cast<std::uint32_t>(sources.size() / kAddressSize));
    std::memcpy(at + 4, group.data(), kAddressSize);
    if (!sources.empty()) { std::memcpy(at + 4 + kAddressSize, sources.data(), sources.size()); }
    size_ += size;
    ++count_;
    return true;
  }
  /// How many sources a record could have now.
  std::size_t room_for_sources() const noexcept {
    const std::size_t left = size_ == 0 ? 0 : out_.size() - size_;
    return left < 4 + kAddressSize ? 0 : (left - 4 - kAddressSize) / kAddressSize;
  }
  std::size_t count() const noexcept { return count_; }

 protected:
  ~GroupReportWriter() = default;
  /// With the header but for the checksum; empty without records.
  std::span<std::byte> message(std::uint8_t type) noexcept {
    if (count_ == 0) { return {}; }
    store_be32(out_.data(), std::uint32_t{type} << 24);
    store_be32(out_.data() + 4, static_cast<std::uint32_t>(count_));
    return out_.first(size_);
  }

 private:
  std::span<std::byte> out_;
  std::size_t size_;
  std::size_t count_ = 0;
};

}  // namespace nal::embedded::wire
