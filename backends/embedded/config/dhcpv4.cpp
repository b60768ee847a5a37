#include "backends/embedded/config/dhcpv4.hpp"

#include <algorithm>
#include <bit>

#include "backends/embedded/features.hpp"
#include "backends/embedded/wire/domain_list.hpp"
#include "nal/text.hpp"

namespace nal::embedded {
namespace {

using wire::Dhcpv4MessageType;
using wire::Dhcpv4Option;
using wire::Dhcpv4View;
using wire::Dhcpv4Writer;

/// "For ever" (RFC 2131 §3.3).
constexpr std::uint32_t kInfinity = 0xffff'ffff;

// Times are counted in milliseconds, as plain numbers: what saturates costs much on small machines.

// RFC 2131 §4.1: 4 s, doubled up to 64 s, each 1 s more or less.
constexpr std::uint32_t kFirstBackOff = 4000;
constexpr unsigned kMaxDoublings = 4;
constexpr std::uint32_t kJitter = 1000;
/// Requests that nobody answers: about a minute (§3.1.5).
constexpr unsigned kMaxRequests = 4;
/// Of INIT-REBOOT, after which new offers are asked for: some 12 s.
constexpr unsigned kMaxReboots = 2;
/// §4.4.5: no faster than this while bound.
constexpr std::uint32_t kMinRenewInterval = 60'000;
/// §3.1.5: after a conflict.
constexpr std::uint32_t kDeclineDelay = 10'000;

Instant after(Instant from, std::uint64_t milliseconds) noexcept {
  return from + Duration::microseconds(static_cast<std::int64_t>(milliseconds * 1000));
}
bool reached(Instant now, Instant then) noexcept { return now.microseconds() >= then.microseconds(); }
Instant first(Instant a, Instant b) noexcept { return reached(b, a) ? a : b; }

constexpr Dhcpv4Option kAlwaysRequested[] = {
    Dhcpv4Option::subnet_mask,   Dhcpv4Option::classless_static_routes,
    Dhcpv4Option::router,        Dhcpv4Option::dns_servers,
    Dhcpv4Option::domain_name,   Dhcpv4Option::domain_search,
    Dhcpv4Option::interface_mtu, Dhcpv4Option::broadcast_address,
    Dhcpv4Option::ntp_servers,
};
constexpr Dhcpv4Option kFewRequested[] = {Dhcpv4Option::subnet_mask, Dhcpv4Option::router, Dhcpv4Option::dns_servers,
                                          Dhcpv4Option::ntp_servers};

/// What only the exchange itself needs.
constexpr bool is_of_the_exchange(Dhcpv4Option code) noexcept {
  switch (code) {
    case Dhcpv4Option::lease_time:
    case Dhcpv4Option::renewal_time:
    case Dhcpv4Option::rebinding_time:
    case Dhcpv4Option::message_type:
    case Dhcpv4Option::server_identifier:
    case Dhcpv4Option::client_identifier: return true;
    default: return false;
  }
}

/// One that a host can have.
bool is_host_address(Ipv4Address address) noexcept {
  return !address.is_unspecified() && !address.is_loopback() && address < Ipv4Address(224, 0, 0, 0);
}

/// Of a mask of ones followed by zeros; without one, by the address's class as of old (RFC 791 §3.2).
std::uint8_t prefix_length(Ipv4Address address, std::optional<Ipv4Address> mask) noexcept {
  if (mask) {
    const std::uint32_t bits = mask->to_uint32();
    const int length = std::countl_one(bits);
    // Of 32 ones nothing is left either.
    if (length > 0 && (bits << (length - 1) << 1) == 0) { return static_cast<std::uint8_t>(length); }
  }
  const std::uint32_t top = address.to_uint32() >> 30;
  return top < 2 ? 8 : top == 2 ? 16 : 24;
}

/// RFC 4361 §6.1: type 255, an identifier of the interface, and a DUID, which is the hardware address (DUID-LL).
constexpr std::size_t kIdentifierSize = 15;
std::array<std::byte, kIdentifierSize> identifier(const MacAddress& mac) noexcept {
  std::array<std::byte, kIdentifierSize> id;
  id[0] = std::byte{255};
  wire::store_be32(&id[5], 0x0003'0001);
  wire::store_mac(&id[9], mac);
  std::copy_n(&id[11], 4, &id[1]);
  return id;
}

std::span<const std::byte> bytes(std::string_view text) noexcept {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

void Dhcpv4Client::start(Instant now, Ipv4Address remembered) noexcept {
  const bool was_usable = usable();
  restarts_ = 0;
  begun_ = now;
  const Instant at = after(now, random_.below(settings_.startup_delay + 1U));
  if (has_lease_ && !reached(now, lease_.expires)) {
    begin(State::rebooting, at);
  } else {
    has_lease_ = false;
    lease_ = {};
    lease_.address = remembered;
    begin(is_host_address(remembered) ? State::rebooting : State::init, at);
  }
  if (was_usable) { ++version_; }
}

void Dhcpv4Client::stop() noexcept {
  if (usable()) { ++version_; }
  state_ = State::stopped;
}

void Dhcpv4Client::release(Instant now) noexcept {
  if (usable()) {
    begin(State::releasing, now);
  } else {
    stop();
    has_lease_ = false;
  }
}

void Dhcpv4Client::address_is_free() noexcept {
  if (state_ != State::checking) { return; }
  state_ = State::bound;
  ++version_;
}

void Dhcpv4Client::address_is_taken(Instant now) noexcept {
  if (state_ != State::checking && !usable()) { return; }
  lose_lease();
  begin(State::declining, now);
}

void Dhcpv4Client::begin(State state, Instant at) noexcept {
  state_ = state;
  attempts_ = 0;
  next_ = at;
}

/// From the start. What ends again and again without a lease (a server that offers what it refuses) slows down.
void Dhcpv4Client::begin_again(Instant now) noexcept {
  lose_lease();
  begun_ = after(now, restarts_ > 0 ? back_off(restarts_) : 0);
  if (restarts_ < kMaxDoublings) { ++restarts_; }
  begin(State::init, begun_);
}

void Dhcpv4Client::lose_lease() noexcept {
  if (usable()) { ++version_; }
  has_lease_ = false;
}

std::uint32_t Dhcpv4Client::back_off(unsigned failures) noexcept {
  return (kFirstBackOff << std::min(failures, kMaxDoublings)) - kJitter + random_.below(2 * kJitter + 1);
}

Instant Dhcpv4Client::poll_at() const noexcept {
  switch (state_) {
    case State::stopped: return Instant::max();
    case State::checking: return lease_.expires;
    case State::bound: return first(lease_.renew_at, lease_.expires);
    case State::renewing: return first(next_, first(lease_.rebind_at, lease_.expires));
    case State::rebinding: return first(next_, lease_.expires);
    default: return next_;
  }
}

/// What time alone brings about.
void Dhcpv4Client::due(Instant now) noexcept {
  if ((usable() || state_ == State::checking) && state_ != State::releasing && reached(now, lease_.expires)) {
    lose_lease();
    begun_ = now;
    begin(State::init, now);
  }
  if (state_ == State::bound && reached(now, lease_.renew_at)) {
    begun_ = now;
    begin(State::renewing, now);
  }
  if (state_ == State::renewing && reached(now, lease_.rebind_at)) { begin(State::rebinding, now); }
  if (!reached(now, next_)) { return; }
  if (state_ == State::requesting && attempts_ >= kMaxRequests) { begin_again(now); }
  if (state_ == State::rebooting && attempts_ >= kMaxReboots) {
    lose_lease();
    begin(State::init, now);
  }
  if (state_ == State::init && reached(now, next_)) { begin(State::selecting, now); }
}

Result<Dhcpv4Client::Transmission> Dhcpv4Client::poll(Instant now, std::span<std::byte> out) noexcept {
  due(now);
  if (!reached(now, next_)) { return Transmission{}; }
  Transmission transmission{0, {}, Ipv4Address::broadcast()};
  switch (state_) {
    case State::selecting:
    case State::rebooting:
      if (attempts_ == 0) { transaction_ = random_.u32(); }
      break;
    case State::declining: transaction_ = random_.u32(); break;
    case State::renewing:
    case State::releasing:
      transaction_ = random_.u32();
      transmission.source = lease_.address;
      transmission.destination = lease_.server;
      break;
    case State::rebinding:
      transaction_ = random_.u32();
      transmission.source = lease_.address;
      break;
    case State::requesting: break;
    default: return Transmission{};
  }
  // An answer to an earlier request may be that to this one only where each has a transaction of its own.
  if (attempts_ == 0 || usable()) { requested_ = now; }
  const Result<std::size_t> size = write(now, out);
  schedule(now);
  if (!size) { return Unexpected(size.error()); }
  transmission.size = *size;
  return transmission;
}

/// When the next message follows the one that was just made.
void Dhcpv4Client::schedule(Instant now) noexcept {
  switch (state_) {
    case State::renewing:
    case State::rebinding: {
      // §4.4.5: half of what is left, each time.
      const Instant end = state_ == State::renewing ? lease_.rebind_at : lease_.expires;
      const std::int64_t left = end.microseconds() - now.microseconds();
      next_ = now + Duration::microseconds(std::max<std::int64_t>(left / 2, std::int64_t{kMinRenewInterval} * 1000));
      break;
    }
    case State::declining:
      begin(State::init, after(now, kDeclineDelay));
      begun_ = next_;
      break;
    case State::releasing:
      lose_lease();
      state_ = State::stopped;
      break;
    default: next_ = after(now, back_off(attempts_)); break;
  }
  if (attempts_ < 0xff) { ++attempts_; }
}

Result<std::size_t> Dhcpv4Client::write(Instant now, std::span<std::byte> out) noexcept {
  using Type = Dhcpv4MessageType;
  const bool has_address = usable();
  const Type type = state_ == State::selecting   ? Type::discover
                    : state_ == State::declining ? Type::decline
                    : state_ == State::releasing ? Type::release
                                                 : Type::request;
  const bool asks = type == Type::discover || type == Type::request;
  const std::int64_t passed = (now - begun_).seconds();
  Dhcpv4Writer writer(out,
                      {.transaction = transaction_,
                       .seconds = static_cast<std::uint16_t>(asks ? std::min<std::int64_t>(passed, 0xffff) : 0),
                       .broadcast = asks && settings_.broadcast && !has_address,
                       .client_address = has_address ? lease_.address : Ipv4Address(),
                       .your_address = {},
                       .relay = {},
                       .hardware_address = hardware_address_},
                      type);
  write_identity(writer);
  // RFC 2131 §4.3.6 and its table 5
  if (state_ == State::requesting || state_ == State::declining || state_ == State::releasing) {
    writer.option_address(Dhcpv4Option::server_identifier, lease_.server);
  }
  if (state_ == State::requesting || state_ == State::rebooting || state_ == State::declining) {
    writer.option_address(Dhcpv4Option::requested_address, lease_.address);
  }
  if (asks) { write_wishes(writer); }
  const Result<std::span<const std::byte>> message = writer.finish();
  if (!message) { return Unexpected(message.error()); }
  return message->size();
}

void Dhcpv4Client::write_identity(Dhcpv4Writer& writer) const noexcept {
  if (!features::kDhcpv4Extras || settings_.client_identifier.empty()) {
    writer.option(Dhcpv4Option::client_identifier, identifier(hardware_address_));
  } else {
    writer.option(Dhcpv4Option::client_identifier, settings_.client_identifier);
  }
}

void Dhcpv4Client::write_wishes(Dhcpv4Writer& writer) const noexcept {
  // What it counts is the IP datagram's size.
  writer.option_u16(Dhcpv4Option::max_message_size,
                    static_cast<std::uint16_t>(std::max<std::uint32_t>(settings_.max_message_size + 28U, 576)));
  const auto always = std::as_bytes(std::span(kAlwaysRequested));
  if constexpr (!features::kDhcpv4Extras) {
    return writer.option(Dhcpv4Option::parameter_request_list, std::as_bytes(std::span(kFewRequested)));
  }
  std::array<std::byte, 255> codes;
  const auto more =
      std::as_bytes(settings_.request).first(std::min(settings_.request.size(), codes.size() - always.size()));
  std::copy(more.begin(), more.end(), std::copy(always.begin(), always.end(), codes.begin()));
  writer.option(Dhcpv4Option::parameter_request_list, std::span(codes).first(always.size() + more.size()));
  if (!settings_.vendor_class.empty()) { writer.option(Dhcpv4Option::vendor_class, bytes(settings_.vendor_class)); }
  if (!settings_.host_name.empty()) { write_name(writer); }
}

void Dhcpv4Client::write_name(Dhcpv4Writer& writer) const noexcept {
  // RFC 4702 §2: flags (the server is to update DNS; the name is in DNS's form) and two bytes of no meaning any more.
  std::array<std::byte, 3 + 255> data{std::byte{0x05}, std::byte{0}, std::byte{0}};
  const auto end = wire::put_domain(settings_.host_name, data, 3);
  if (!settings_.register_name || !end) {
    writer.option(Dhcpv4Option::host_name, bytes(settings_.host_name));
    return;
  }
  // A name without dots is a part of one, and has no end.
  const bool whole = nal::detail::find(settings_.host_name, '.') != settings_.host_name.size();
  writer.option(Dhcpv4Option::client_fqdn, std::span(data).first(whole ? *end : *end - 1));
}

bool Dhcpv4Client::for_us(const Dhcpv4View& message) const noexcept {
  if (!message.is_reply() || message.transaction() != transaction_ || message.hardware_address() != hardware_address_) {
    return false;
  }
  if constexpr (!features::kDhcpv4Extras) { return true; }
  // RFC 6842 §3: servers repeat the client's identifier, and then it is the client's own.
  std::array<std::byte, 64> scratch;
  const auto echoed = message.option(Dhcpv4Option::client_identifier, scratch);
  if (!echoed || !*echoed) { return echoed.has_value(); }
  const auto made = identifier(hardware_address_);
  const std::span<const std::byte> own =
      settings_.client_identifier.empty() ? std::span<const std::byte>(made) : settings_.client_identifier;
  return std::equal(own.begin(), own.end(), (*echoed)->begin(), (*echoed)->end());
}

void Dhcpv4Client::input(std::span<const std::byte> bytes, Instant now) noexcept {
  // Of the states that ask something, once it was asked.
  if (attempts_ == 0) { return; }
  const auto message = Dhcpv4View::parse(bytes);
  if (!message || !for_us(*message)) { return; }
  const auto type = message->message_type();
  if (state_ == State::selecting) {
    if (type == Dhcpv4MessageType::offer) { offered(*message, now); }
    return;
  }
  if (state_ != State::requesting && state_ != State::rebooting && state_ != State::renewing &&
      state_ != State::rebinding) {
    return;
  }
  if (type == Dhcpv4MessageType::ack) {
    acknowledged(*message, now);
  } else if (type == Dhcpv4MessageType::nak) {
    refused(*message, now);
  }
}

void Dhcpv4Client::offered(const Dhcpv4View& message, Instant now) noexcept {
  const auto server = message.address(Dhcpv4Option::server_identifier);
  if (!server || !is_host_address(*server) || !is_host_address(message.your_address())) { return; }
  lease_.server = *server;
  lease_.address = message.your_address();
  // The request has the transaction of the offer (§4.4.1).
  begin(State::requesting, now);
}

void Dhcpv4Client::refused(const Dhcpv4View& message, Instant now) noexcept {
  // While one server is asked, another one has nothing to say.
  const auto server = message.address(Dhcpv4Option::server_identifier);
  if ((state_ == State::requesting || state_ == State::renewing) && server && *server != lease_.server) { return; }
  begin_again(now);
}

void Dhcpv4Client::acknowledged(const Dhcpv4View& message, Instant now) noexcept {
  const auto server = message.address(Dhcpv4Option::server_identifier);
  const auto seconds = message.u32(Dhcpv4Option::lease_time);
  if (!server || !is_host_address(*server) || !seconds || *seconds == 0) { return; }
  if (message.your_address() != lease_.address) { return; }
  if (state_ == State::requesting && *server != lease_.server) { return; }
  const bool was_bound = usable();
  const Dhcpv4Lease before = lease_;
  // Any server may answer a rebinding, and is the one to renew with from then on (§4.4.5).
  lease_.server = *server;
  lease_.prefix_length = prefix_length(lease_.address, message.address(Dhcpv4Option::subnet_mask));
  if constexpr (features::kDhcpv4Extras) {
    const auto mtu = message.u16(Dhcpv4Option::interface_mtu);
    lease_.mtu = mtu && *mtu >= 68 ? *mtu : std::uint16_t{0};
  }
  set_times(message, *seconds);
  if (reached(now, lease_.expires)) {
    lease_ = before;
    return;
  }
  const bool other_options = keep_options(message);
  set_router();
  has_lease_ = true;
  restarts_ = 0;
  if (was_bound) {
    const bool same = before.server == lease_.server && before.prefix_length == lease_.prefix_length &&
                      before.router == lease_.router && before.mtu == lease_.mtu;
    if (!same || other_options) { ++version_; }
  }
  begin(was_bound ? State::bound : State::checking, Instant::max());
  if (!was_bound && !settings_.check_address) { address_is_free(); }
}

void Dhcpv4Client::set_times(const Dhcpv4View& message, std::uint32_t seconds) noexcept {
  if (seconds == kInfinity) {
    lease_.renew_at = lease_.rebind_at = lease_.expires = Instant::max();
    return;
  }
  const std::uint64_t lease = std::uint64_t{seconds} * 1000;
  const std::uint32_t told_renew = message.u32(Dhcpv4Option::renewal_time).value_or(0);
  const std::uint32_t told_rebind = message.u32(Dhcpv4Option::rebinding_time).value_or(0);
  std::uint64_t rebind = lease - lease / 8;
  if (told_rebind < seconds && told_rebind != 0) { rebind = std::uint64_t{told_rebind} * 1000; }
  std::uint64_t renew = std::uint64_t{told_renew} * 1000;
  if (renew == 0 || renew >= rebind) {
    // §4.4.5: not all clients that got theirs at once come back at once.
    renew = std::min(lease / 2, rebind - rebind / 8);
    renew -= random_.below(static_cast<std::uint32_t>(std::min<std::uint64_t>(renew / 16, 60'000)) + 1);
  }
  lease_.renew_at = after(requested_, renew);
  lease_.rebind_at = after(requested_, rebind);
  lease_.expires = after(requested_, lease);
}

bool Dhcpv4Client::keep_options(const Dhcpv4View& message) noexcept {
  std::array<std::uint32_t, 8> kept{};
  options_.begin();
  auto pieces = message.pieces();
  while (const auto first = pieces.next()) {
    const auto code = static_cast<std::uint8_t>(first->code);
    if ((kept[code / 32] >> code % 32 & 1) != 0 || is_of_the_exchange(first->code)) { continue; }
    kept[code / 32] |= 1U << code % 32;
    // All pieces of the option together (RFC 3396); those before the first are other options'.
    std::size_t size = first->data.size();
    if constexpr (!features::kDhcpv4Extras) {
      if (options_.add(code, size)) { options_.put(first->data); }
      continue;
    }
    auto rest = pieces;
    while (const auto piece = rest.next()) { size += piece->code == first->code ? piece->data.size() : 0; }
    if (!options_.add(code, size)) { continue; }
    options_.put(first->data);
    rest = pieces;
    while (const auto piece = rest.next()) {
      if (piece->code == first->code) { options_.put(piece->data); }
    }
  }
  return options_.end();
}

wire::Ipv4List Dhcpv4Client::addresses(Dhcpv4Option code) const noexcept {
  const auto data = option(code);
  return data ? wire::Ipv4List(*data) : wire::Ipv4List();
}

void Dhcpv4Client::set_router() noexcept {
  lease_.router = {};
  // RFC 3442: where there are classless routes, the router option counts for nothing.
  const auto data = features::kDhcpv4Extras ? option(Dhcpv4Option::classless_static_routes) : std::nullopt;
  if (data) {
    wire::ClasslessRoutes routes(*data);
    while (const auto route = routes.next()) {
      if (route->prefix_length == 0) { lease_.router = route->router; }
    }
  } else if (const auto routers = addresses(Dhcpv4Option::router); routers.size() > 0) {
    lease_.router = routers[0];
  }
  if (!is_host_address(lease_.router)) { lease_.router = {}; }
}

}  // namespace nal::embedded
