#pragma once
#include <array>
#include <optional>
#include <string_view>

#include "backends/embedded/config/option_store.hpp"
#include "backends/embedded/wire/dhcpv4.hpp"
#include "nal/random.hpp"
#include "nal/result.hpp"
#include "nal/time.hpp"

namespace nal::embedded {

/// What a DHCPv4 server has given. Its options are asked for by number: `Dhcpv4Client::option`.
struct Dhcpv4Lease {
  Ipv4Address address;
  Ipv4Address server;
  std::uint8_t prefix_length = 0;  ///< of the subnet mask; without one, of the address's old class
  /// The default router, of the classless routes where there are any (RFC 3442), else of the router option; or
  /// unspecified.
  Ipv4Address router;
  std::uint16_t mtu = 0;  ///< of the interface; 0: not told, or less than 68
  Instant renew_at;       ///< T1
  Instant rebind_at;      ///< T2
  Instant expires;        ///< `Instant::max()` for ever
};

/// A DHCPv4 client (RFC 2131) of one Ethernet interface, without a clock, a socket or an interface: messages go in and
/// out as bytes, and what is to be configured is told by `lease`. Confined to one executor.
///
/// The owner sends what `poll` gives, from port 68 to port 67; gives to `input` what arrives at port 68, also when it
/// is sent to an address that the interface does not have yet; and looks at `version` to see whether the lease has
/// changed.
class Dhcpv4Client {
 public:
  /// What it names lives as long as the client.
  struct Settings {
    /// The name to register: as host name option, or, with `register_name`, as client FQDN (RFC 4702) that the server
    /// is to put into DNS. Empty: none.
    std::string_view host_name{};
    bool register_name = false;
    std::string_view vendor_class{};
    /// As the option has it; empty: one of RFC 4361 made of the hardware address.
    std::span<const std::byte> client_identifier{};
    /// Asked for beside those that are asked for anyway (mask, routers, routes, DNS servers and names, MTU, broadcast
    /// address, NTP servers).
    std::span<const wire::Dhcpv4Option> request{};
    /// Whether servers are to broadcast their answers: for stacks that hear nothing addressed to them before they have
    /// an address (RFC 2131 §4.1).
    bool broadcast = false;
    /// In milliseconds. The first message goes out after a random part of this, so that a street full of devices does
    /// not ask at once when the power comes back (RFC 2131 §4.4.1 would have 10 s).
    std::uint16_t startup_delay = 0;
    /// The largest message to be sent here, in bytes of UDP payload.
    std::uint16_t max_message_size = 1472;
    /// Whether the address is checked before it is used: see `to_check`.
    bool check_address = true;
  };

  enum class State : std::uint8_t {
    stopped,
    init,        ///< about to ask
    selecting,   ///< asks for offers
    requesting,  ///< asks for what was offered
    rebooting,   ///< asks for the address of before
    checking,    ///< has an address, which may be another host's
    bound,
    renewing,   ///< bound; asks the server for more time
    rebinding,  ///< bound; asks any server for more time
    declining,  ///< about to tell that the address is another host's
    releasing,  ///< bound; about to give the address back
  };

  /// A message that `poll` has written.
  struct Transmission {
    std::size_t size = 0;  ///< 0: nothing is to be sent
    Ipv4Address source;
    Ipv4Address destination;  ///< 255.255.255.255: as broadcast of the link too
  };

  /// `options` keeps the options of the lease: each takes its size and four bytes. It and `random` outlive the client.
  Dhcpv4Client(const MacAddress& hardware_address, const Settings& settings, std::span<std::byte> options,
               Random& random) noexcept
      : hardware_address_(hardware_address), settings_(settings), options_(options), random_(random) {}

  /// As `Settings::broadcast` says.
  void want_broadcasts() noexcept { settings_.broadcast = true; }

  /// Begins: when told, and whenever the link has come up. A lease that has not expired, or the address in `remembered`
  /// (from memory that outlasts the power), is asked for again (INIT-REBOOT) and not used until a server agrees.
  void start(Instant now, Ipv4Address remembered = {}) noexcept;
  /// The link is down: nothing is sent; the lease counts no longer, but `start` knows of it.
  void stop() noexcept;
  /// Gives the address back and stops. It may be used until `poll` has given the message (`State::stopped`).
  void release(Instant now) noexcept;

  /// The address that the owner now checks by ARP probes (RFC 5227 §2.1.1), if any, to answer with one of the two
  /// below.
  std::optional<Ipv4Address> to_check() const noexcept {
    return state_ == State::checking ? std::optional(lease_.address) : std::nullopt;
  }
  /// That goes with it.
  std::uint8_t prefix_length_to_check() const noexcept { return lease_.prefix_length; }
  void address_is_free() noexcept;
  /// Another host has the address: found by the check, or later, when the owner gives it up. It is declined, and
  /// another one is asked for 10 s later (RFC 2131 §3.1).
  void address_is_taken(Instant now) noexcept;

  /// A datagram to port 68, whatever it holds.
  void input(std::span<const std::byte> message, Instant now) noexcept;
  /// Does what is due, and writes at most one message into `out`. To be called when `poll_at` is reached, after
  /// everything above, and again while it gives messages. *Errors*: buffer_too_small when the message does not fit into
  /// `out`; it counts as lost, and is tried again as if it were.
  Result<Transmission> poll(Instant now, std::span<std::byte> out) noexcept;
  Instant poll_at() const noexcept;

  State state() const noexcept { return state_; }
  /// What to configure; null when there is nothing that may be used.
  const Dhcpv4Lease* lease() const noexcept { return usable() ? &lease_ : nullptr; }
  /// Changes whenever `lease` or its options do; not by a renewal that changes nothing but the times.
  std::uint32_t version() const noexcept { return version_; }

  /// An option of the lease, by number: nothing when the server did not give it.
  std::optional<std::span<const std::byte>> option(wire::Dhcpv4Option code) const noexcept {
    return options_.find(static_cast<std::uint16_t>(code));
  }
  wire::Ipv4List dns_servers() const noexcept { return addresses(wire::Dhcpv4Option::dns_servers); }
  wire::Ipv4List ntp_servers() const noexcept { return addresses(wire::Dhcpv4Option::ntp_servers); }
  wire::Ipv4List addresses(wire::Dhcpv4Option code) const noexcept;
  /// Whether all that the server gave found room in the memory for options; the lease itself always does.
  bool options_complete() const noexcept { return options_.complete(); }

 private:
  bool usable() const noexcept {
    return state_ == State::bound || state_ == State::renewing || state_ == State::rebinding ||
           state_ == State::releasing;
  }
  bool for_us(const wire::Dhcpv4View& message) const noexcept;
  void offered(const wire::Dhcpv4View& message, Instant now) noexcept;
  void acknowledged(const wire::Dhcpv4View& message, Instant now) noexcept;
  void refused(const wire::Dhcpv4View& message, Instant now) noexcept;
  void set_times(const wire::Dhcpv4View& message, std::uint32_t seconds) noexcept;
  /// Whether they differ from those of before.
  bool keep_options(const wire::Dhcpv4View& message) noexcept;
  void set_router() noexcept;

  void due(Instant now) noexcept;
  void begin(State state, Instant at) noexcept;
  void begin_again(Instant now) noexcept;
  void lose_lease() noexcept;
  void schedule(Instant now) noexcept;
  std::uint32_t back_off(unsigned failures) noexcept;
  Result<std::size_t> write(Instant now, std::span<std::byte> out) noexcept;
  void write_identity(wire::Dhcpv4Writer& writer) const noexcept;
  void write_wishes(wire::Dhcpv4Writer& writer) const noexcept;
  void write_name(wire::Dhcpv4Writer& writer) const noexcept;

  MacAddress hardware_address_;
  State state_ = State::stopped;
  bool has_lease_ = false;     ///< `lease_` was given and has not been lost, though it may not be used now
  std::uint8_t attempts_ = 0;  ///< messages sent in this state
  std::uint8_t restarts_ = 0;  ///< since the last time that something was got
  std::uint32_t transaction_ = 0;
  std::uint32_t version_ = 0;
  Dhcpv4Lease lease_;  ///< also, in part, what is asked for: address and server
  Instant next_;       ///< when the next message of this state is due
  Instant begun_;      ///< when this acquisition or renewal began: for `secs`
  Instant requested_;  ///< when the request went out that an acknowledgement answers: the lease counts from there
  Settings settings_;
  OptionStore options_;
  Random& random_;
};

}  // namespace nal::embedded
