#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "nal/mdns/network.hpp"
#include "nal/resolver/name.hpp"
#include "nal/resolver/wire.hpp"

namespace nal::mdns {

/// A record's data in the parts that matter for compression: bytes, a name (uncompressed), bytes. Names may be
/// compressed in SRV and NSEC records too (RFC 6762 §18.14).
struct Data {
  std::span<const std::byte> front{};
  std::span<const std::byte> name{};
  std::span<const std::byte> back{};
};
/// Takes uncompressed data apart, as its type has it.
Data split(dns::Type type, std::span<const std::byte> data) noexcept;
/// Whether it is the same data: names without regard to case.
bool same_data(const Data& a, const Data& b) noexcept;

/// A record's data as it stands in a message, with its name expanded.
class RecordData {
 public:
  /// *Errors*: protocol_error when the data is not what its type says; not_supported for a type with names that
  /// multicast DNS has no use for.
  Result<> read(const dns::Message& message, const dns::Record& record) noexcept;
  /// As long as the message and this are there.
  const Data& data() const noexcept { return data_; }

 private:
  dns::Name name_;
  Data data_{};
};

/// Writes a message record by record, with names compressed (RFC 1035 §4.1.4). What does not fit leaves no trace, so
/// that it can go into the next message.
class PacketWriter {
 public:
  PacketWriter(std::span<std::byte> out, std::uint16_t id, std::uint16_t flags) noexcept;

  // False: there was no room. Questions come before records, and sections in their order (asserted).

  bool question(std::span<const std::byte> name, dns::Type type, std::uint16_t question_class) noexcept;
  bool record(dns::Section section, std::span<const std::byte> name, dns::Type type, std::uint16_t record_class,
              std::uint32_t ttl, const Data& data) noexcept;
  /// There is more to come (RFC 6762 §7.2, §18.5).
  void set_truncated() noexcept;

  std::span<const std::byte> message() const noexcept { return out_.first(writer_.size()); }
  bool empty() const noexcept { return writer_.size() == dns::kHeaderSize; }
  std::size_t records(dns::Section section) const noexcept { return counts_[1 + static_cast<std::size_t>(section)]; }

 private:
  /// Names to refer to, at most; those behind them are written out.
  static constexpr std::size_t kMostNames = 40;

  void put_name(std::span<const std::byte> name) noexcept;
  bool settle(std::size_t start, std::size_t names, std::size_t section) noexcept;

  std::span<std::byte> out_;
  dns::WireWriter writer_;
  std::array<std::uint16_t, 4> counts_{};
  std::array<std::uint16_t, kMostNames> names_;  ///< where labels begin that a pointer may lead to
  std::size_t names_size_ = 0;
  std::uint16_t flags_;
};

}  // namespace nal::mdns
