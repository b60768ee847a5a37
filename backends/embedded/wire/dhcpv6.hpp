#pragma once
#include <array>
#include <optional>

#include "backends/embedded/wire/bytes.hpp"
#include "nal/result.hpp"

/// DHCPv6 messages between clients and servers, and their options (RFC 8415).

namespace nal::embedded::wire {

inline constexpr std::uint16_t kDhcpv6ServerPort = 547;
inline constexpr std::uint16_t kDhcpv6ClientPort = 546;
/// Type and transaction.
inline constexpr std::size_t kDhcpv6HeaderSize = 4;
/// Lifetimes and times of "for ever".
inline constexpr std::uint32_t kDhcpv6Infinity = 0xffff'ffff;
inline constexpr std::size_t kDhcpv6MaxDuid = 130;  ///< with its type (RFC 8415 §11.1)

/// RFC 8415 §7.3
enum class Dhcpv6MessageType : std::uint8_t {
  solicit = 1,
  advertise = 2,
  request = 3,
  confirm = 4,
  renew = 5,
  rebind = 6,
  reply = 7,
  release = 8,
  decline = 9,
  reconfigure = 10,
  information_request = 11,
};

/// Those that this stack knows something of; all others are numbers like them.
enum class Dhcpv6Option : std::uint16_t {
  client_identifier = 1,
  server_identifier = 2,
  ia_na = 3,
  ia_address = 5,
  option_request = 6,
  preference = 7,
  elapsed_time = 8,
  status_code = 13,
  rapid_commit = 14,
  dns_servers = 23,    ///< RFC 3646
  domain_search = 24,  ///< RFC 3646; see `DomainList`
  ia_pd = 25,
  ia_prefix = 26,
  information_refresh_time = 32,
  client_fqdn = 39,  ///< RFC 4704
  ntp_server = 56,   ///< RFC 5908
  solicit_max_rt = 82,
  information_max_rt = 83,
};

/// RFC 8415 §21.13
enum class Dhcpv6Status : std::uint16_t {
  success = 0,
  unspecified_failure = 1,
  no_addresses_available = 2,
  no_binding = 3,
  not_on_link = 4,
  use_multicast = 5,
  no_prefix_available = 6,
};

/// Walks over options that were checked to be all there, of a message or of those within an option.
class Dhcpv6Options {
 public:
  struct Option {
    Dhcpv6Option code;
    std::span<const std::byte> data;
  };

  Dhcpv6Options() noexcept = default;
  /// What is not whole ends it.
  explicit Dhcpv6Options(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}

  std::optional<Option> next() noexcept;
  /// The data of the first of this code from here on; walks no further itself.
  std::optional<std::span<const std::byte>> find(Dhcpv6Option code) const noexcept;
  /// The status told here; `success` where none is (RFC 8415 §21.13).
  Dhcpv6Status status() const noexcept;

  static bool check(std::span<const std::byte> bytes) noexcept;

 private:
  std::span<const std::byte> rest_;
};

/// An IA_NA (RFC 8415 §21.4) or IA_PD (§21.21).
struct Dhcpv6Association {
  std::uint32_t id;
  std::uint32_t renew;   ///< T1 in seconds; 0: the client's choice
  std::uint32_t rebind;  ///< T2 in seconds; 0: the client's choice
  Dhcpv6Options options;

  /// None when it is too short, when an option within it is not whole, or when T1 is later than T2 (§21.4).
  static std::optional<Dhcpv6Association> parse(std::span<const std::byte> data) noexcept;
};

/// An IA Address (RFC 8415 §21.6).
struct Dhcpv6Address {
  Ipv6Bytes address;
  std::uint32_t preferred_lifetime;  ///< seconds
  std::uint32_t valid_lifetime;      ///< seconds
  Dhcpv6Options options;

  /// None when it is too short, when an option within it is not whole, or when it is preferred longer than valid.
  static std::optional<Dhcpv6Address> parse(std::span<const std::byte> data) noexcept;
};

/// A message between client and server. Lives as long as its bytes.
class Dhcpv6View {
 public:
  /// None of what is too short or has an option that is not all there.
  static std::optional<Dhcpv6View> parse(std::span<const std::byte> bytes) noexcept;

  Dhcpv6MessageType type() const noexcept { return static_cast<Dhcpv6MessageType>(load_u8(bytes_.data())); }
  /// 24 bits.
  std::uint32_t transaction() const noexcept { return load_be32(bytes_.data()) & 0xff'ffff; }
  Dhcpv6Options options() const noexcept { return Dhcpv6Options(bytes_.subspan(kDhcpv6HeaderSize)); }

 private:
  explicit Dhcpv6View(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}

  std::span<const std::byte> bytes_;
};

/// Puts a message together. What does not fit is dropped, and the writer has failed from then on.
class Dhcpv6Writer {
 public:
  Dhcpv6Writer(std::span<std::byte> out, Dhcpv6MessageType type, std::uint32_t transaction) noexcept;

  void option(Dhcpv6Option code, std::span<const std::byte> data) noexcept;
  void option_u16(Dhcpv6Option code, std::uint16_t value) noexcept;
  void option_u32(Dhcpv6Option code, std::uint32_t value) noexcept;
  /// Options that follow are within this one, until `end` is told what `begin` gave.
  [[nodiscard("`end` wants it")]] std::size_t begin_association(Dhcpv6Option code, std::uint32_t id,
                                                                std::uint32_t renew, std::uint32_t rebind) noexcept;
  [[nodiscard("`end` wants it")]] std::size_t begin_address(Ipv6Bytes address, std::uint32_t preferred_lifetime,
                                                            std::uint32_t valid_lifetime) noexcept;
  void status(Dhcpv6Status status) noexcept {
    option_u16(Dhcpv6Option::status_code, static_cast<std::uint16_t>(status));
  }
  void end(std::size_t begun) noexcept;

  /// The message; *Errors*: buffer_too_small.
  Result<std::span<const std::byte>> finish() const noexcept;

 private:
  std::byte* room(std::size_t size) noexcept;

  std::span<std::byte> out_;
  std::size_t size_ = 0;
  bool failed_ = false;
};

}  // namespace nal::embedded::wire
