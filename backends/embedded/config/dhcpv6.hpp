#pragma once
#include <array>
#include <optional>
#include <string_view>

#include "backends/embedded/config/option_store.hpp"
#include "backends/embedded/wire/dhcpv6.hpp"
#include "nal/random.hpp"
#include "nal/result.hpp"
#include "nal/time.hpp"

namespace nal::embedded {

/// An address that a DHCPv6 server has given. Its other options are asked for by number: `Dhcpv6Client::option`.
struct Dhcpv6Lease {
  Ipv6Address address;
  Instant preferred_until;  ///< from then on for no new connections (RFC 4862 §5.5.4)
  Instant valid_until;
  Instant renew_at;   ///< T1
  Instant rebind_at;  ///< T2
};

/// A DHCPv6 client (RFC 8415) of one interface, for one address (IA_NA) or for other configuration alone, without a
/// clock, a socket or an interface: messages go in and out as bytes, and what is to be configured is told by `lease`
/// and `option`. Confined to one executor.
///
/// The owner sends what `poll` gives, from the link-local address and port 546 to `kServers` and port 547 of the link;
/// gives to `input` what arrives at port 546; and looks at `version` to see whether anything has changed. It is begun
/// by what routers say: an address with the M flag, other configuration with the O flag (RFC 4861 §4.2).
class Dhcpv6Client {
 public:
  /// All_DHCP_Relay_Agents_and_Servers: the destination of all messages.
  static constexpr Ipv6Address kServers{0xff02, 0, 0, 0, 0, 0, 1, 2};

  /// What it names lives as long as the client.
  struct Settings {
    /// DUID (RFC 8415 §11); empty: one made of the hardware address.
    std::span<const std::byte> identifier{};
    /// Which of the host's interfaces this is, so that servers know it again.
    std::uint32_t association = 1;
    /// To be registered by the server (RFC 4704); empty: none.
    std::string_view host_name{};
    /// Asked for beside those that are asked for anyway (DNS servers and names, NTP servers).
    std::span<const wire::Dhcpv6Option> request{};
    /// Takes an address from the first server that gives one at once (RFC 8415 §18.2.1).
    bool rapid_commit = true;
    /// Whether the address is checked before it is used: see `to_check`.
    bool check_address = true;
  };

  enum class Mode : std::uint8_t {
    address,      ///< an address, and other configuration with it
    information,  ///< other configuration alone
  };

  enum class State : std::uint8_t {
    stopped,
    soliciting,  ///< looks for servers
    requesting,  ///< asks one for an address
    confirming,  ///< asks whether the address of before is still right
    checking,    ///< has an address, which may be another host's
    bound,
    renewing,   ///< bound; asks the server for more time
    rebinding,  ///< bound; asks any server for more time
    declining,  ///< tells that the address is another host's
    releasing,  ///< gives the address back
    informing,  ///< asks for other configuration
    informed,   ///< has it
  };

  /// `options` keeps the options that the server gave: each takes its size and four bytes. It and `random` outlive the
  /// client.
  Dhcpv6Client(const MacAddress& hardware_address, const Settings& settings, std::span<std::byte> options,
               Random& random) noexcept
      : settings_(settings), hardware_address_(hardware_address), options_(options), random_(random) {}

  /// Begins: when told, and whenever the link has come up. An address that is still valid is confirmed first, and not
  /// used before a server has agreed or all have been silent for 10 s (RFC 8415 §18.2.3).
  void start(Instant now, Mode mode) noexcept;
  /// The link is down: nothing is sent; the address counts no longer, but `start` knows of it.
  void stop() noexcept;
  /// Gives the address back, which is used no longer from now on, and stops.
  void release(Instant now) noexcept;

  /// The address for which the owner now runs Duplicate Address Detection (RFC 4862 §5.4), if any, to answer with one
  /// of the two below.
  std::optional<Ipv6Address> to_check() const noexcept {
    return state_ == State::checking ? std::optional(lease_.address) : std::nullopt;
  }
  void address_is_free() noexcept;
  /// Another host has the address: it is declined, and another one is asked for.
  void address_is_taken(Instant now) noexcept;

  /// A datagram to port 546, whatever it holds.
  void input(std::span<const std::byte> message, Instant now) noexcept;
  /// Does what is due, and writes at most one message into `out`; its size, or 0. To be called when `poll_at` is
  /// reached, after everything above, and again while it gives messages. *Errors*: buffer_too_small when the message
  /// does not fit into `out`; it counts as lost, and is tried again as if it were.
  Result<std::size_t> poll(Instant now, std::span<std::byte> out) noexcept;
  Instant poll_at() const noexcept;

  State state() const noexcept { return state_; }
  /// What to configure; null when there is no address that may be used.
  const Dhcpv6Lease* lease() const noexcept { return usable() ? &lease_ : nullptr; }
  /// Changes whenever `lease` or an option does; not by a renewal that changes nothing but the times.
  std::uint32_t version() const noexcept { return version_; }

  /// An option of the last answer, by number; nothing when there was none.
  std::optional<std::span<const std::byte>> option(wire::Dhcpv6Option code) const noexcept {
    return options_.find(static_cast<std::uint16_t>(code));
  }
  /// DNS servers: how many, and each.
  std::size_t dns_server_count() const noexcept;
  Ipv6Address dns_server(std::size_t i) const noexcept;
  /// Whether all that the server gave found room in the memory for options.
  bool options_complete() const noexcept { return options_.complete(); }

 private:
  /// RFC 8415 §15, times in milliseconds; 0: without a bound.
  struct Retransmission {
    std::uint32_t first;
    std::uint32_t max;
    std::uint8_t count;
    std::uint16_t duration;
  };

  bool usable() const noexcept {
    return state_ == State::bound || state_ == State::renewing || state_ == State::rebinding;
  }
  std::span<const std::byte> identifier(std::span<std::byte, 10> scratch) const noexcept;
  std::span<const std::byte> server() const noexcept { return std::span(server_).first(server_size_); }
  Retransmission retransmission() const noexcept;

  void begin(State state, Instant at) noexcept;
  void due(Instant now) noexcept;
  void gave_up(Instant now) noexcept;
  void resume(Instant now) noexcept;
  void solicit(Instant at) noexcept;
  void lose_address() noexcept;
  void schedule(Instant now) noexcept;
  Duration around(Duration time, bool only_more = false) noexcept;
  Result<std::size_t> write(Instant now, std::span<std::byte> out) noexcept;
  void write_wishes(wire::Dhcpv6Writer& writer) const noexcept;
  void write_name(wire::Dhcpv6Writer& writer) const noexcept;

  void advertised(const wire::Dhcpv6View& message, Instant now) noexcept;
  void replied(const wire::Dhcpv6View& message, Instant now) noexcept;
  void given(const wire::Dhcpv6View& message, Instant now) noexcept;
  void informed(const wire::Dhcpv6View& message, Instant now) noexcept;
  void take_limits(const wire::Dhcpv6View& message) noexcept;
  std::optional<wire::Dhcpv6Association> association(const wire::Dhcpv6View& message) const noexcept;
  bool set_server(const wire::Dhcpv6View& message) noexcept;
  bool keep_options(const wire::Dhcpv6View& message) noexcept;

  Settings settings_;
  MacAddress hardware_address_;
  State state_ = State::stopped;
  bool has_address_ = false;     ///< `lease_` was given and has not been lost, though it may not be used now
  bool has_offer_ = false;       ///< while soliciting: from the server in `server_`
  std::uint8_t preference_ = 0;  ///< of that offer
  std::uint8_t sent_ = 0;        ///< messages sent in this state
  std::uint8_t server_size_ = 0;
  std::array<std::byte, wire::kDhcpv6MaxDuid> server_;  ///< its DUID
  std::uint32_t transaction_ = 0;
  std::uint32_t version_ = 0;
  std::uint32_t solicit_max_ = 3600;      ///< SOL_MAX_RT in seconds
  std::uint32_t information_max_ = 3600;  ///< INF_MAX_RT in seconds
  Dhcpv6Lease lease_;
  Instant next_;   ///< when the next message of this state is due; informed: when to ask again
  Instant begun_;  ///< when the first message of this state was sent
  Duration wait_;  ///< RT: the last time between two messages
  OptionStore options_;
  Random& random_;
};

}  // namespace nal::embedded
