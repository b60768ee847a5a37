#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "nal/ip_address.hpp"
#include "nal/resolver/message.hpp"

namespace nal::dns {

/// Copies a record's data, its names uncompressed (RFC 3597 §4 says in which types names may be compressed), behind
/// what `out` holds already. *Errors*: protocol_error when the data is not what its type says (its length, its names,
/// its strings); buffer_too_small, and `out` has failed.
Result<> copy_data(const Message& message, const Record& record, WireWriter& out) noexcept;

/// The address of an A or AAAA record's data; nothing if it is neither's size.
std::optional<IpAddress> read_address(std::span<const std::byte> data) noexcept;

/// The one name that is the data of a PTR, CNAME or NS record. *Errors*: protocol_error.
Result<> read_name(std::span<const std::byte> data, Name& name) noexcept;

/// Where a service is offered (RFC 2782).
struct Service {
  std::uint16_t priority = 0;  ///< lower ones first
  std::uint16_t weight = 0;    ///< among those of one priority, the share of those who ask
  std::uint16_t port = 0;
  Name target;  ///< the root: the service is decidedly not offered
};
/// *Errors*: protocol_error.
Result<> read_service(std::span<const std::byte> data, Service& service) noexcept;

/// How long a zone wants its negative answers kept (RFC 2308 §4): the last field of its SOA record, in seconds.
/// *Errors*: protocol_error.
Result<std::uint32_t> read_minimum(const Message& message, const Record& soa) noexcept;

/// The strings of a TXT record's data, in order: any bytes, text or not.
class Strings {
 public:
  explicit Strings(std::span<const std::byte> data) noexcept : reader_(data) {}
  /// The next one; nothing behind the last.
  std::optional<std::string_view> next() noexcept;

 private:
  WireReader reader_;
};

/// Records of one type for one name, as a resolver gives them: their data, one behind the other in memory that is the
/// question's, each behind its length, names uncompressed.
class RecordSet {
 public:
  RecordSet() noexcept = default;
  RecordSet(Type type, std::uint32_t ttl, std::uint16_t count, bool cut, std::span<const std::byte> bytes) noexcept
      : bytes_(bytes), ttl_(ttl), type_(type), count_(count), cut_(cut) {}

  Type type() const noexcept { return type_; }
  /// Seconds that it may still be kept.
  std::uint32_t ttl() const noexcept { return ttl_; }
  std::size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  /// There are more, for which the resolver's memory had no room.
  bool cut() const noexcept { return cut_; }

  class Iterator {
   public:
    explicit Iterator(std::span<const std::byte> rest) noexcept : rest_(rest) {}
    std::span<const std::byte> operator*() const noexcept { return rest_.subspan(2, size()); }
    Iterator& operator++() noexcept {
      rest_ = rest_.subspan(2 + size());
      return *this;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) noexcept { return a.rest_.size() == b.rest_.size(); }

   private:
    std::size_t size() const noexcept { return WireReader(rest_).u16(); }
    std::span<const std::byte> rest_;
  };
  Iterator begin() const noexcept { return Iterator(bytes_); }
  Iterator end() const noexcept { return Iterator(bytes_.subspan(bytes_.size())); }

 private:
  std::span<const std::byte> bytes_;
  std::uint32_t ttl_ = 0;
  Type type_{};
  std::uint16_t count_ = 0;
  bool cut_ = false;
};

}  // namespace nal::dns
