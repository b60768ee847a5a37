#include "backends/embedded/config/dhcpv6.hpp"

#include <algorithm>

#include "backends/embedded/wire/domain_list.hpp"

namespace nal::embedded {
namespace {

using wire::Dhcpv6Address;
using wire::Dhcpv6Association;
using wire::Dhcpv6MessageType;
using wire::Dhcpv6Option;
using wire::Dhcpv6Status;
using wire::Dhcpv6View;
using wire::Dhcpv6Writer;

// RFC 8415 §7.6
constexpr Duration kMaxDelay = Duration::seconds(1);
/// §21.23: without being told, and at least.
constexpr std::uint32_t kRefresh = 86400;
constexpr std::uint32_t kMinRefresh = 600;

constexpr Dhcpv6Option kAlwaysRequested[] = {
    Dhcpv6Option::dns_servers,
    Dhcpv6Option::domain_search,
    Dhcpv6Option::ntp_server,
};

/// What only the exchange itself needs.
constexpr bool is_of_the_exchange(Dhcpv6Option code) noexcept {
  switch (code) {
    case Dhcpv6Option::client_identifier:
    case Dhcpv6Option::server_identifier:
    case Dhcpv6Option::ia_na:
    case Dhcpv6Option::preference:
    case Dhcpv6Option::status_code:
    case Dhcpv6Option::rapid_commit:
    case Dhcpv6Option::information_refresh_time:
    case Dhcpv6Option::solicit_max_rt:
    case Dhcpv6Option::information_max_rt: return true;
    default: return false;
  }
}

Duration lifetime(std::uint32_t seconds) noexcept {
  return seconds == wire::kDhcpv6Infinity ? Duration::max() : Duration::seconds(seconds);
}

/// The first address of an association that a host can have for some time.
std::optional<Dhcpv6Address> usable_address(const Dhcpv6Association& association) noexcept {
  wire::Dhcpv6Options walk = association.options;
  while (const auto option = walk.next()) {
    if (option->code != Dhcpv6Option::ia_address) { continue; }
    const auto address = Dhcpv6Address::parse(option->data);
    if (!address || address->valid_lifetime == 0 || address->options.status() != Dhcpv6Status::success) { continue; }
    const Ipv6Address found = wire::to_ipv6(address->address);
    if (!found.is_multicast() && !found.is_unspecified() && !found.is_loopback()) { return address; }
  }
  return std::nullopt;
}

std::optional<std::uint32_t> u32(const Dhcpv6View& message, Dhcpv6Option code) noexcept {
  const auto data = message.options().find(code);
  if (!data || data->size() != 4) { return std::nullopt; }
  return wire::load_be32(data->data());
}

}  // namespace

/// DUID-LL (RFC 8415 §11.4) of Ethernet.
std::span<const std::byte> Dhcpv6Client::identifier(std::span<std::byte, 10> scratch) const noexcept {
  if (!settings_.identifier.empty()) { return settings_.identifier; }
  wire::store_be32(scratch.data(), 0x0003'0001);
  wire::store_mac(&scratch[4], hardware_address_);
  return scratch;
}

Dhcpv6Client::Retransmission Dhcpv6Client::retransmission() const noexcept {
  switch (state_) {
    case State::soliciting: return {1000, solicit_max_ * 1000, 0, 0};
    case State::requesting: return {1000, 30'000, 10, 0};
    case State::confirming: return {1000, 4000, 0, 10'000};
    case State::renewing:
    case State::rebinding: return {10'000, 600'000, 0, 0};
    case State::informing: return {1000, information_max_ * 1000, 0, 0};
    default: return {1000, 0, 4, 0};  // releasing and declining
  }
}

void Dhcpv6Client::start(Instant now, Mode mode) noexcept {
  if (usable()) { ++version_; }
  const Instant at =
      now + Duration::microseconds(random_.below(static_cast<std::uint32_t>(kMaxDelay.microseconds()) + 1));
  if (mode == Mode::information) {
    has_address_ = false;
    begin(State::informing, at);
  } else if (has_address_ && lease_.valid_until > now) {
    begin(State::confirming, at);
  } else {
    solicit(at);
  }
}

void Dhcpv6Client::stop() noexcept {
  if (usable()) { ++version_; }
  state_ = State::stopped;
}

void Dhcpv6Client::release(Instant now) noexcept {
  if (usable()) {
    lose_address();
    begin(State::releasing, now);
  } else {
    stop();
    has_address_ = false;
  }
}

void Dhcpv6Client::address_is_free() noexcept {
  if (state_ != State::checking) { return; }
  state_ = State::bound;
  ++version_;
}

void Dhcpv6Client::address_is_taken(Instant now) noexcept {
  if (state_ != State::checking && !usable()) { return; }
  lose_address();
  begin(State::declining, now);
}

void Dhcpv6Client::begin(State state, Instant at) noexcept {
  state_ = state;
  sent_ = 0;
  next_ = at;
}

void Dhcpv6Client::solicit(Instant at) noexcept {
  lose_address();
  has_offer_ = false;
  begin(State::soliciting, at);
}

void Dhcpv6Client::lose_address() noexcept {
  if (usable()) { ++version_; }
  has_address_ = false;
}

Instant Dhcpv6Client::poll_at() const noexcept {
  switch (state_) {
    case State::stopped: return Instant::max();
    case State::checking: return lease_.valid_until;
    case State::bound: return std::min(lease_.renew_at, lease_.valid_until);
    case State::renewing: return std::min({next_, lease_.rebind_at, lease_.valid_until});
    case State::rebinding: return std::min(next_, lease_.valid_until);
    default: return next_;
  }
}

/// What time alone brings about.
void Dhcpv6Client::due(Instant now) noexcept {
  if ((usable() || state_ == State::checking) && now >= lease_.valid_until) { solicit(now); }
  if (state_ == State::bound && now >= lease_.renew_at) { begin(State::renewing, now); }
  if (state_ == State::renewing && now >= lease_.rebind_at) { begin(State::rebinding, now); }
  if (now < next_) { return; }
  if (state_ == State::informed) { begin(State::informing, now); }
  // §18.2.1: the best of all offers that came in the first second.
  if (state_ == State::soliciting && has_offer_) { begin(State::requesting, now); }
  const Retransmission limits = retransmission();
  if (sent_ > 0 && ((limits.count != 0 && sent_ >= limits.count) ||
                    (limits.duration != 0 && now - begun_ >= Duration::milliseconds(limits.duration)))) {
    gave_up(now);
  }
}

/// Nobody answered for as long as is asked.
void Dhcpv6Client::gave_up(Instant now) noexcept {
  switch (state_) {
    case State::confirming: resume(now); break;  // §18.2.3: what there was goes on
    case State::releasing: state_ = State::stopped; break;
    default: solicit(now); break;  // requesting, declining
  }
}

/// The address of before is still right on this link; that nobody else has it is checked again.
void Dhcpv6Client::resume(Instant now) noexcept {
  if (lease_.valid_until <= now) {
    solicit(now);
    return;
  }
  begin(State::checking, Instant::max());
  if (!settings_.check_address) { address_is_free(); }
}

/// RT, at most a tenth more or less (§15).
Duration Dhcpv6Client::around(Duration time, bool only_more) noexcept {
  const auto tenth = static_cast<std::uint32_t>(nal::detail::divided_by<10>(time.milliseconds()));
  const auto more = static_cast<std::int64_t>(random_.below(only_more ? tenth : 2 * tenth + 1));
  return time + Duration::milliseconds(only_more ? more + 1 : more - tenth);
}

/// When the next message follows the one that was just made.
void Dhcpv6Client::schedule(Instant now) noexcept {
  const Retransmission limits = retransmission();
  if (sent_ == 0) {
    // The first wait of a solicitation is never shorter, so that no offer is missed (§18.2.1).
    wait_ = around(Duration::milliseconds(limits.first), state_ == State::soliciting);
  } else {
    wait_ = wait_ + around(wait_);
    const Duration max = Duration::milliseconds(limits.max);
    if (limits.max != 0 && wait_ > max) { wait_ = around(max); }
  }
  next_ = now + wait_;
  if (limits.duration != 0) { next_ = std::min(next_, begun_ + Duration::milliseconds(limits.duration)); }
  if (sent_ < 0xff) { ++sent_; }
}

Result<std::size_t> Dhcpv6Client::poll(Instant now, std::span<std::byte> out) noexcept {
  due(now);
  if (now < next_) { return std::size_t{0}; }
  switch (state_) {
    case State::stopped:
    case State::checking:
    case State::bound:
    case State::informed: return std::size_t{0};
    default: break;
  }
  if (sent_ == 0) {
    transaction_ = random_.u32() & 0xff'ffff;
    begun_ = now;
  }
  const Result<std::size_t> size = write(now, out);
  schedule(now);
  return size;
}

Result<std::size_t> Dhcpv6Client::write(Instant now, std::span<std::byte> out) noexcept {
  using Type = Dhcpv6MessageType;
  Type type = Type::solicit;
  switch (state_) {
    case State::requesting: type = Type::request; break;
    case State::confirming: type = Type::confirm; break;
    case State::renewing: type = Type::renew; break;
    case State::rebinding: type = Type::rebind; break;
    case State::declining: type = Type::decline; break;
    case State::releasing: type = Type::release; break;
    case State::informing: type = Type::information_request; break;
    default: break;
  }
  Dhcpv6Writer writer(out, type, transaction_);
  std::array<std::byte, 10> scratch;
  writer.option(Dhcpv6Option::client_identifier, identifier(scratch));
  if (type == Type::request || type == Type::renew || type == Type::decline || type == Type::release) {
    writer.option(Dhcpv6Option::server_identifier, server());
  }
  writer.option_u16(Dhcpv6Option::elapsed_time,
                    static_cast<std::uint16_t>(std::clamp(nal::detail::divided_by<10>((now - begun_).milliseconds()),
                                                          std::int64_t{0}, std::int64_t{0xffff})));
  if (type != Type::information_request) {
    const std::size_t begun = writer.begin_association(Dhcpv6Option::ia_na, settings_.association, 0, 0);
    if (type != Type::solicit) {
      const std::size_t inner = writer.begin_address(wire::bytes_of(lease_.address), 0, 0);
      writer.end(inner);
    }
    writer.end(begun);
  }
  if (type == Type::solicit && settings_.rapid_commit) { writer.option(Dhcpv6Option::rapid_commit, {}); }
  if (type != Type::confirm && type != Type::decline && type != Type::release) { write_wishes(writer); }
  const auto message = writer.finish();
  if (!message) { return Unexpected(message.error()); }
  return message->size();
}

void Dhcpv6Client::write_wishes(Dhcpv6Writer& writer) const noexcept {
  constexpr std::size_t kMax = 32;
  std::array<std::byte, 2 * kMax> codes;
  std::size_t count = 0;
  const auto add = [&](Dhcpv6Option code) {
    if (count == kMax) { return; }
    wire::store_be16(&codes[2 * count], static_cast<std::uint32_t>(code));
    ++count;
  };
  for (const Dhcpv6Option code : kAlwaysRequested) { add(code); }
  // §18.2.1, §18.2.6: these MUST be asked for.
  if (state_ == State::informing) {
    add(Dhcpv6Option::information_refresh_time);
    add(Dhcpv6Option::information_max_rt);
  } else {
    add(Dhcpv6Option::solicit_max_rt);
  }
  for (const Dhcpv6Option code : settings_.request) { add(code); }
  writer.option(Dhcpv6Option::option_request, std::span(codes).first(2 * count));
  if (!settings_.host_name.empty() && state_ != State::informing) { write_name(writer); }
}

void Dhcpv6Client::write_name(Dhcpv6Writer& writer) const noexcept {
  // RFC 4704 §4.1: the server is to put it into DNS. A name without dots is a part of one, and has no end.
  std::array<std::byte, 1 + 255> data{std::byte{0x01}};
  if (const auto end = wire::put_domain(settings_.host_name, data, 1)) {
    const bool whole = settings_.host_name.find('.') != std::string_view::npos;
    writer.option(Dhcpv6Option::client_fqdn, std::span(data).first(whole ? *end : *end - 1));
  }
}

void Dhcpv6Client::input(std::span<const std::byte> bytes, Instant now) noexcept {
  // Of the states that ask something, once it was asked.
  if (sent_ == 0) { return; }
  switch (state_) {
    case State::stopped:
    case State::checking:
    case State::bound:
    case State::informed: return;
    default: break;
  }
  const auto message = Dhcpv6View::parse(bytes);
  if (!message || message->transaction() != transaction_) { return; }
  // §16.3, §16.10
  const auto server = message->options().find(Dhcpv6Option::server_identifier);
  const auto client = message->options().find(Dhcpv6Option::client_identifier);
  std::array<std::byte, 10> scratch;
  const auto own = identifier(scratch);
  if (!server || server->empty() || server->size() > server_.size() || !client ||
      !std::equal(own.begin(), own.end(), client->begin(), client->end())) {
    return;
  }
  if (message->type() == Dhcpv6MessageType::advertise && state_ == State::soliciting) {
    advertised(*message, now);
  } else if (message->type() == Dhcpv6MessageType::reply) {
    replied(*message, now);
  }
}

/// §18.2.9: how slowly is asked when there is nobody; a message may tell that and nothing else of use.
void Dhcpv6Client::take_limits(const Dhcpv6View& message) noexcept {
  const auto take = [&](Dhcpv6Option code, std::uint32_t& limit) {
    const auto seconds = u32(message, code);
    if (seconds && *seconds >= 60 && *seconds <= 86400) { limit = *seconds; }
  };
  take(Dhcpv6Option::solicit_max_rt, solicit_max_);
  take(Dhcpv6Option::information_max_rt, information_max_);
}

/// That of this client, unless it says that there is nothing in it.
std::optional<Dhcpv6Association> Dhcpv6Client::association(const Dhcpv6View& message) const noexcept {
  wire::Dhcpv6Options walk = message.options();
  while (const auto option = walk.next()) {
    if (option->code != Dhcpv6Option::ia_na) { continue; }
    const auto found = Dhcpv6Association::parse(option->data);
    if (found && found->id == settings_.association) { return found; }
  }
  return std::nullopt;
}

bool Dhcpv6Client::set_server(const Dhcpv6View& message) noexcept {
  const auto data = *message.options().find(Dhcpv6Option::server_identifier);
  const auto known = server();
  const bool changed = !std::equal(data.begin(), data.end(), known.begin(), known.end());
  std::copy(data.begin(), data.end(), server_.begin());
  server_size_ = static_cast<std::uint8_t>(data.size());
  return changed;
}

void Dhcpv6Client::advertised(const Dhcpv6View& message, Instant now) noexcept {
  take_limits(message);
  const auto found = association(message);
  if (message.options().status() != Dhcpv6Status::success || !found ||
      found->options.status() != Dhcpv6Status::success) {
    return;
  }
  const auto address = usable_address(*found);
  if (!address) { return; }
  const auto told = message.options().find(Dhcpv6Option::preference);
  const std::uint8_t preference = told && told->size() == 1 ? wire::load_u8(told->data()) : std::uint8_t{0};
  if (has_offer_ && preference <= preference_) { return; }
  has_offer_ = true;
  preference_ = preference;
  lease_.address = wire::to_ipv6(address->address);
  set_server(message);
  // §18.2.1: the highest preference, and whoever comes once the first second is over, need no comparison.
  if (preference == 255 || sent_ > 1) { begin(State::requesting, now); }
}

void Dhcpv6Client::replied(const Dhcpv6View& message, Instant now) noexcept {
  take_limits(message);
  const Dhcpv6Status status = message.options().status();
  switch (state_) {
    case State::informing:
      if (status == Dhcpv6Status::success) { informed(message, now); }
      break;
    case State::soliciting:
      if (settings_.rapid_commit && message.options().find(Dhcpv6Option::rapid_commit)) { given(message, now); }
      break;
    case State::requesting:
    case State::renewing: {
      // From the server that was asked.
      const auto data = *message.options().find(Dhcpv6Option::server_identifier);
      const auto known = server();
      if (std::equal(data.begin(), data.end(), known.begin(), known.end())) { given(message, now); }
      break;
    }
    case State::rebinding: given(message, now); break;
    case State::confirming:
      if (status == Dhcpv6Status::success) {
        resume(now);
      } else if (status == Dhcpv6Status::not_on_link) {
        solicit(now);
      }
      break;
    case State::releasing: state_ = State::stopped; break;  // §18.2.10.2: whatever it says
    case State::declining: solicit(now + around(kMaxDelay)); break;
    default: break;
  }
}

/// §18.2.10.1
void Dhcpv6Client::given(const Dhcpv6View& message, Instant now) noexcept {
  const Dhcpv6Status status = message.options().status();
  // Told to come back later, it does: what was sent counts as lost.
  if (status == Dhcpv6Status::unspecified_failure) { return; }
  const auto found = association(message);
  const Dhcpv6Status inner = found ? found->options.status() : Dhcpv6Status::success;
  if (status != Dhcpv6Status::success || inner == Dhcpv6Status::not_on_link ||
      inner == Dhcpv6Status::no_addresses_available) {
    if (state_ == State::requesting) { solicit(now + around(kMaxDelay)); }
    return;
  }
  if (usable() && inner == Dhcpv6Status::no_binding) {
    // The server has forgotten it, and is asked to give it anew.
    set_server(message);
    lose_address();
    begin(State::requesting, now);
    return;
  }
  if (!found || inner != Dhcpv6Status::success) { return; }
  const auto address = usable_address(*found);
  if (!address) {
    // A lifetime of 0 takes the address away; one that is not there says nothing (§18.2.10.1).
    if (usable() && found->options.find(Dhcpv6Option::ia_address)) { solicit(now); }
    return;
  }
  const Ipv6Address before = lease_.address;
  const bool was_usable = usable();
  lease_.address = wire::to_ipv6(address->address);
  lease_.preferred_until = now + lifetime(address->preferred_lifetime);
  lease_.valid_until = now + lifetime(address->valid_lifetime);
  // §14.2: when the server leaves it to the client.
  const Duration preferred = lifetime(std::max<std::uint32_t>(address->preferred_lifetime, 1));
  const Duration rebind = found->rebind != 0 ? lifetime(found->rebind) : preferred / 5 * 4;
  const Duration renew = found->renew != 0 ? lifetime(found->renew) : std::min(preferred / 2, rebind);
  lease_.rebind_at = std::min(now + rebind, lease_.valid_until);
  lease_.renew_at = std::min(now + renew, lease_.rebind_at);
  has_address_ = true;
  set_server(message);
  const bool other_options = keep_options(message);
  const bool same_address = was_usable && before == lease_.address;
  if (was_usable && (!same_address || other_options)) { ++version_; }
  begin(same_address ? State::bound : State::checking, Instant::max());
  if (!same_address && !settings_.check_address) { address_is_free(); }
}

void Dhcpv6Client::informed(const Dhcpv6View& message, Instant now) noexcept {
  if (keep_options(message)) { ++version_; }
  const std::uint32_t refresh = u32(message, Dhcpv6Option::information_refresh_time).value_or(kRefresh);
  begin(State::informed, now + lifetime(std::max(refresh, kMinRefresh)));
}

bool Dhcpv6Client::keep_options(const Dhcpv6View& message) noexcept {
  options_.begin();
  wire::Dhcpv6Options walk = message.options();
  while (const auto option = walk.next()) {
    if (is_of_the_exchange(option->code)) { continue; }
    if (options_.add(static_cast<std::uint16_t>(option->code), option->data.size())) { options_.put(option->data); }
  }
  return options_.end();
}

std::size_t Dhcpv6Client::dns_server_count() const noexcept {
  const auto data = option(Dhcpv6Option::dns_servers);
  return data ? data->size() / 16 : 0;
}

Ipv6Address Dhcpv6Client::dns_server(std::size_t i) const noexcept {
  NAL_ASSERT(i < dns_server_count());
  return wire::to_ipv6(wire::load_ipv6(option(Dhcpv6Option::dns_servers)->data() + 16 * i));
}

}  // namespace nal::embedded
