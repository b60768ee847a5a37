#pragma once
#include <algorithm>
#include <array>
#include <optional>

#include "backends/embedded/wire/bytes.hpp"
#include "nal/result.hpp"

/// DHCPv4 messages (RFC 2131 §2) and their options (RFC 2132).

namespace nal::embedded::wire {

inline constexpr std::uint16_t kDhcpv4ServerPort = 67;
inline constexpr std::uint16_t kDhcpv4ClientPort = 68;
/// Up to the first option.
inline constexpr std::size_t kDhcpv4FixedSize = 240;
/// What relays and old servers take for granted (RFC 1542 §2.1): shorter messages are padded to it.
inline constexpr std::size_t kDhcpv4MinSize = 300;
/// What every client takes (RFC 2131 §2): an IP datagram of 576 bytes.
inline constexpr std::size_t kDhcpv4MaxSize = 576 - 28;

enum class Dhcpv4MessageType : std::uint8_t {
  discover = 1,
  offer = 2,
  request = 3,
  decline = 4,
  ack = 5,
  nak = 6,
  release = 7,
  inform = 8,
};

/// Those that this stack knows something of; all others are numbers like them.
enum class Dhcpv4Option : std::uint8_t {
  pad = 0,
  subnet_mask = 1,
  router = 3,
  dns_servers = 6,
  host_name = 12,
  domain_name = 15,
  interface_mtu = 26,
  broadcast_address = 28,
  ntp_servers = 42,
  requested_address = 50,
  lease_time = 51,
  overload = 52,
  message_type = 53,
  server_identifier = 54,
  parameter_request_list = 55,
  message = 56,
  max_message_size = 57,
  renewal_time = 58,
  rebinding_time = 59,
  vendor_class = 60,
  client_identifier = 61,
  client_fqdn = 81,               ///< RFC 4702
  domain_search = 119,            ///< RFC 3397; see `DomainList`
  classless_static_routes = 121,  ///< RFC 3442
  end = 255,
};

/// IPv4 addresses one behind the other; bytes that are too few for one more are passed over.
class Ipv4List {
 public:
  Ipv4List() noexcept = default;
  explicit Ipv4List(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::size_t size() const noexcept { return bytes_.size() / 4; }
  /// `i` below `size()`.
  Ipv4Address operator[](std::size_t i) const noexcept { return load_ipv4(bytes_.data() + 4 * i); }

 private:
  std::span<const std::byte> bytes_;
};

/// Walks over the routes of `classless_static_routes`; ends at what is none.
class ClasslessRoutes {
 public:
  struct Route {
    Ipv4Address destination;
    std::uint8_t prefix_length;  ///< at most 32
    Ipv4Address router;          ///< unspecified: on the link
  };
  explicit ClasslessRoutes(std::span<const std::byte> bytes) noexcept : rest_(bytes) {}
  std::optional<Route> next() noexcept;

 private:
  std::span<const std::byte> rest_;
};

/// A message of a client or a server about Ethernet. Lives as long as its bytes.
class Dhcpv4View {
 public:
  /// A piece of an option: long ones come in several (RFC 3396).
  struct Piece {
    Dhcpv4Option code;
    std::span<const std::byte> data;
  };
  /// Walks over the pieces in the order in which they belong together: those of the options field, then, with option
  /// overload, of `file` and of `sname`. No `pad`, `end` or `overload`.
  class Pieces {
   public:
    std::optional<Piece> next() noexcept;

   private:
    friend class Dhcpv4View;
    explicit Pieces(const Dhcpv4View& view) noexcept;
    std::span<const std::byte> rest_;
    std::array<std::span<const std::byte>, 2> then_;
  };

  /// None of what is too short, about other hardware than Ethernet, without the cookie, or with an option that does not
  /// end within its field.
  static std::optional<Dhcpv4View> parse(std::span<const std::byte> bytes) noexcept;

  bool is_reply() const noexcept { return load_u8(bytes_.data()) == 2; }
  std::uint32_t transaction() const noexcept { return load_be32(bytes_.data() + 4); }
  std::uint16_t seconds() const noexcept { return load_be16(bytes_.data() + 8); }
  bool broadcast() const noexcept { return (load_u8(bytes_.data() + 10) & 0x80) != 0; }
  /// `ciaddr`, `yiaddr`, `siaddr` and `giaddr`
  Ipv4Address client_address() const noexcept { return load_ipv4(bytes_.data() + 12); }
  Ipv4Address your_address() const noexcept { return load_ipv4(bytes_.data() + 16); }
  Ipv4Address next_server() const noexcept { return load_ipv4(bytes_.data() + 20); }
  Ipv4Address relay() const noexcept { return load_ipv4(bytes_.data() + 24); }
  MacAddress hardware_address() const noexcept { return load_mac(bytes_.data() + 28); }

  Pieces pieces() const noexcept { return Pieces(*this); }
  /// An option whole: of one piece as it stands in the message, of several put together in `scratch`. Nothing when it
  /// is not there. *Errors*: buffer_too_small.
  Result<std::optional<std::span<const std::byte>>> option(Dhcpv4Option code,
                                                           std::span<std::byte> scratch) const noexcept;
  // Options of a fixed size; nothing when they are not there or have another size.
  std::optional<std::uint8_t> u8(Dhcpv4Option code) const noexcept;
  std::optional<std::uint16_t> u16(Dhcpv4Option code) const noexcept;
  std::optional<std::uint32_t> u32(Dhcpv4Option code) const noexcept;
  std::optional<Ipv4Address> address(Dhcpv4Option code) const noexcept;
  /// Of a BOOTP message, none.
  std::optional<Dhcpv4MessageType> message_type() const noexcept;

 private:
  explicit Dhcpv4View(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
  std::uint8_t overload() const noexcept;

  std::span<const std::byte> bytes_;
};

/// Puts a message together: the fixed part at construction, then options. What does not fit is dropped, and the writer
/// has failed from then on.
class Dhcpv4Writer {
 public:
  struct Fixed {
    bool reply = false;
    std::uint32_t transaction = 0;
    std::uint16_t seconds = 0;
    bool broadcast = false;
    Ipv4Address client_address{};
    Ipv4Address your_address{};
    Ipv4Address relay{};
    MacAddress hardware_address{};
  };
  Dhcpv4Writer(std::span<std::byte> out, const Fixed& fixed, Dhcpv4MessageType type) noexcept;

  /// Of any length: more than 255 bytes become several pieces (RFC 3396).
  void option(Dhcpv4Option code, std::span<const std::byte> data) noexcept;
  void option_u8(Dhcpv4Option code, std::uint8_t value) noexcept;
  void option_u16(Dhcpv4Option code, std::uint16_t value) noexcept;
  void option_u32(Dhcpv4Option code, std::uint32_t value) noexcept;
  void option_address(Dhcpv4Option code, Ipv4Address address) noexcept { option_u32(code, address.to_uint32()); }

  /// Ends the options and pads to `kDhcpv4MinSize`. The message; *Errors*: buffer_too_small.
  Result<std::span<const std::byte>> finish() noexcept;

 private:
  std::span<std::byte> out_;
  std::size_t size_ = 0;
  bool failed_ = false;
};

}  // namespace nal::embedded::wire
