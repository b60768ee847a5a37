#include "adapters/mbedtls/association.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "adapters/mbedtls/datagram_port.hpp"
#include "adapters/mbedtls/tls.hpp"

namespace nal::tls {

namespace {
// Of the handshake each may hold arithmetic that takes long; of what comes later one record.
constexpr unsigned kStepsPerTurn = 2;
constexpr unsigned kRecordsPerTurn = 16;
// Reading a hello and answering it with a cookie.
constexpr unsigned kStepsOfGreeting = 4;

// RFC 6347 §4.1, §4.2.2: the record's header, the handshake message's, the client's version; then come 32 random bytes.
constexpr std::size_t kRecordHeader = 13;
constexpr std::size_t kRandomAt = kRecordHeader + 12 + 2;
constexpr std::size_t kRandomSize = 32;

std::uint64_t random_of(std::span<const std::byte> hello) noexcept {
  std::uint64_t random = 0;
  // Behind the four bytes in which old clients tell the time.
  std::memcpy(&random, hello.data() + kRandomAt + 4, sizeof random);
  return random;
}

/// What one datagram could not be sent for, and the next may be: lost on its way, as far as a handshake is concerned.
bool is_passing(Error error) noexcept {
  return error == Error::message_size || error == Error::no_memory || error == Error::table_full ||
         error == Error::would_block;
}
/// What a router or our own stack says of the way to the peer is a hint and no proof (RFC 1122 §3.2.2.1): a neighbour
/// whose answers were lost is there when the flight is sent again.
bool is_hint(Error error) noexcept { return error == Error::host_unreachable || error == Error::network_unreachable; }
}  // namespace

bool Association::is_hello(std::span<const std::byte> datagram) noexcept {
  if (datagram.size() < kRandomAt + kRandomSize) { return false; }
  const auto at = [datagram](std::size_t i) { return std::to_integer<unsigned>(datagram[i]); };
  const bool handshake = at(0) == MBEDTLS_SSL_MSG_HANDSHAKE && at(1) == 0xfe;
  const bool in_the_clear = at(3) == 0 && at(4) == 0;
  const bool from_its_beginning = at(19) == 0 && at(20) == 0 && at(21) == 0;
  return handshake && in_the_clear && at(kRecordHeader) == MBEDTLS_SSL_HS_CLIENT_HELLO && from_its_beginning;
}

bool Association::bears_id(std::span<const std::byte> datagram) noexcept {
  return datagram.size() >= library::kConnectionIdAt + library::kConnectionIdSize &&
         std::to_integer<unsigned>(datagram[0]) == library::kConnectionIdRecord;
}

std::uint32_t Association::id_of(std::span<const std::byte> datagram) noexcept {
  std::uint32_t id = 0;
  static_assert(sizeof id == library::kConnectionIdSize);
  std::memcpy(&id, datagram.data() + library::kConnectionIdAt, sizeof id);
  return id;
}

bool Association::began_with(std::span<const std::byte> hello) const noexcept { return hello_ == random_of(hello); }

Result<> Association::prepare(DatagramPort& port, const Config& config, std::uint16_t mtu) noexcept {
  port_ = &port;
  config_ = &config;
  mtu_ = mtu;
  if (const int code = mbedtls_ssl_setup(&ssl_, &config.native()); code != 0) {
    const Failure failure = explain(code, true, 0, 0);
    reset();
    return Unexpected(failure.error == Error::io_error ? Error::invalid_argument : failure.error);
  }
  mbedtls_ssl_set_bio(&ssl_, this, &send_record, &receive_record, nullptr);
  mbedtls_ssl_set_timer_cb(&ssl_, this, &set_timer, &get_timer);
  library::set_mtu(ssl_, mtu_);
  return {};
}

Result<> Association::start(DatagramPort& port, const Config& config, const ServerName& name, SavedSession* saved,
                            std::uint16_t mtu) noexcept {
  if (!name.valid()) { return Unexpected(Error::invalid_argument); }
  NAL_TRY(prepare(port, config, mtu));
  saved_ = saved;
  // Also where there is none: since 3.6.3 that it is left out has to be said.
  if (mbedtls_ssl_set_hostname(&ssl_, name.c_str()) != 0) {
    reset();
    return Unexpected(Error::no_memory);
  }
  if (config.connection_id()) {
    static_cast<void>(library::set_connection_id(ssl_, reinterpret_cast<const unsigned char*>(&id_), 0));
  }
  begin();
  return {};
}

void Association::restart() noexcept {
  failure_ = {};
  newest_ = 0;
  intermediate_ = final_ = Instant::max();
  readable_ = wants_room_ = false;
  if (const int code = mbedtls_ssl_session_reset(&ssl_); code != 0) {
    state_ = State::handshaking;
    static_cast<void>(fail(code));
    return;
  }
  library::set_mtu(ssl_, mtu_);
  begin();
}

void Association::begin() noexcept {
  if (saved_) { saved_->offer(ssl_); }
  state_ = State::handshaking;
  hint_ = Error{};
  deadline_ = port_->now() + config_->handshake_timeout();
  busy_ = true;
  port_->kick();
}

Result<> Association::greet(DatagramPort& port, const Config& config, std::uint16_t mtu, std::uint32_t id) noexcept {
  NAL_TRY(prepare(port, config, mtu));
  state_ = State::greeting;
  id_ = id;
  if (config.connection_id()) {
    static_cast<void>(library::set_connection_id(ssl_, reinterpret_cast<const unsigned char*>(&id_), sizeof id_));
  }
  return {};
}

bool Association::accept(std::span<const std::byte> hello, const Received& about) noexcept {
  ends_ = {about.remote, about.local};
  std::array<char, Endpoint::kMaxTextSize> text{};
  const auto name = about.remote.format_to(text);
  int code = name ? library::set_client_id(ssl_, *name) : MBEDTLS_ERR_SSL_BAD_INPUT_DATA;
  input_ = hello;
  for (unsigned steps = 0; code == 0 && steps < kStepsOfGreeting && !library::knows_client(ssl_); ++steps) {
    code = mbedtls_ssl_handshake_step(&ssl_);
  }
  input_ = {};
  if (code == 0 && library::knows_client(ssl_)) {
    state_ = State::handshaking;
    hello_ = random_of(hello);
    active_at_ = port_->now();
    deadline_ = active_at_ + config_->handshake_timeout();
    busy_ = true;
    return true;
  }
  if (code != 0 && code != MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED && !library::is_temporary(code)) {
    Failure failure = explain(code, true, library::last_alert(ssl_), 0);
    failure.remote = about.remote;
    port_->note(failure);
  }
  forget_hello();
  return false;
}

void Association::forget_hello() noexcept {
  intermediate_ = final_ = Instant::max();
  ends_ = {};
  if (mbedtls_ssl_session_reset(&ssl_) != 0) {
    reset();
    return;
  }
  library::set_mtu(ssl_, mtu_);
}

void Association::reset() noexcept {
  mbedtls_ssl_free(&ssl_);
  mbedtls_ssl_init(&ssl_);
  port_ = nullptr;
  config_ = nullptr;
  saved_ = nullptr;
  input_ = {};
  ends_ = {};
  intermediate_ = final_ = deadline_ = Instant::max();
  hello_ = number_ = newest_ = 0;
  id_ = 0;
  failure_ = {};
  transport_error_ = hint_ = Error{};
  state_ = State::free;
  busy_ = readable_ = wants_room_ = starved_ = false;
}

void Association::feed(std::span<const std::byte> datagram, const Received& about) noexcept {
  about_ = about;
  input_ = datagram;
  hint_ = Error{};
  number_ = 0;
  // The epoch and the number within it, 64 bits together.
  for (std::size_t i = 3; i < library::kConnectionIdAt && i < datagram.size(); ++i) {
    number_ = number_ << 8 | std::to_integer<std::uint64_t>(datagram[i]);
  }
  drive();
  // Mbed TLS has copied what it took; what it did not take it will not miss.
  input_ = {};
}

void Association::drive() noexcept {
  busy_ = wants_room_ = starved_ = alerted_ = false;
  transport_error_ = Error{};
  if (state_ == State::handshaking) {
    if (port_->now() >= deadline_) {
      fail({.error = hint_ != Error{} ? hint_ : Error::timed_out, .reason = Reason::handshake_timed_out});
      return;
    }
    shake_hands();
  }
  if (state_ == State::open) { look(); }
}

void Association::shake_hands() noexcept {
  for (unsigned steps = 0; !library::handshake_over(ssl_); ++steps) {
    if (steps == kStepsPerTurn) {
      busy_ = true;
      return;
    }
    const int code = mbedtls_ssl_handshake_step(&ssl_);
    if (transport_error_ != Error{} && !is_passing(transport_error_) && config_->role() == Role::client) {
      fail_of_transport(transport_error_);
      if (state_ == State::failed) { return; }
    }
    if (code == MBEDTLS_ERR_SSL_WANT_READ && starved_) { return; }
    if (code == MBEDTLS_ERR_SSL_WANT_WRITE && wants_room_) { return; }
    if (code != 0 && !library::is_temporary(code)) {
      static_cast<void>(fail(code));
      return;
    }
  }
  opened();
}

void Association::opened() noexcept {
  state_ = State::open;
  deadline_ = intermediate_ = final_ = Instant::max();
  active_at_ = port_->now();
  if (saved_) { saved_->update(ssl_); }
  port_->opened(*this);
}

void Association::look() noexcept {
  for (unsigned records = 0; records < kRecordsPerTurn; ++records) {
    unsigned char none = 0;
    // Nothing is read out: it only has the next record decrypted.
    const int code = mbedtls_ssl_read(&ssl_, &none, 0);
    if (mbedtls_ssl_get_bytes_avail(&ssl_) > 0) {
      became_readable();
      return;
    }
    if (code == MBEDTLS_ERR_SSL_WANT_READ && starved_) { return; }
    if (code == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) {
      state_ = State::failed;
      failure_ = {.error = Error::end_of_stream};
      port_->ended(*this);
      return;
    }
    if (code != 0 && !library::is_temporary(code)) {
      static_cast<void>(fail(code));
      return;
    }
  }
  busy_ = true;
}

void Association::became_readable() noexcept {
  active_at_ = port_->now();
  readable_ = true;
  // Whose record passes its check and is the newest is where it came from; an older one may have been on its way since
  // before, or is sent by somebody who has seen it and had the newer ones kept back (RFC 9146 §6).
  if (number_ > newest_) {
    newest_ = number_;
    ends_ = {about_.remote, about_.local};
  }
  about_.remote = ends_.remote;
  about_.local = ends_.local;
  port_->became_readable(*this);
}

Error Association::fail(int code) noexcept {
  const Failure failure = explain(code, true, library::last_alert(ssl_), mbedtls_ssl_get_verify_result(&ssl_));
  // Mbed TLS does not tell the peer everything, and there is no connection whose end would.
  if (!alerted_ && failure.reason != Reason::alert) {
    static_cast<void>(
        mbedtls_ssl_send_alert_message(&ssl_, MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE));
  }
  fail(failure);
  // A server's is gone by now.
  return failure.error;
}

void Association::fail_of_transport(Error error) noexcept {
  if (is_hint(error)) {
    hint_ = error;
  } else {
    fail({.error = error, .reason = Reason::transport});
  }
}

void Association::fail(const Failure& failure) noexcept {
  const bool was_open = state_ == State::open;
  failure_ = failure;
  failure_.remote = port_->remote_of(*this);
  state_ = State::failed;
  deadline_ = intermediate_ = final_ = Instant::max();
  busy_ = wants_room_ = false;
  // The ticket may be what made the hello too large for the way, or for the server.
  if (saved_ && failure.reason == Reason::handshake_timed_out) { saved_->forget(); }
  port_->failed(*this, was_open);
}

Instant Association::due() const noexcept {
  if (state_ != State::handshaking) { return Instant::max(); }
  return wants_room_ ? deadline_ : std::min(deadline_, final_);
}

Received Association::take(std::span<std::byte> buffer) noexcept {
  Received about = about_;
  about.datagram_size = mbedtls_ssl_get_bytes_avail(&ssl_);
  about.size = std::min(about.datagram_size, buffer.size());
  about.truncated = about.size < about.datagram_size;
  std::size_t got = 0;
  while (mbedtls_ssl_get_bytes_avail(&ssl_) > 0) {
    std::array<std::byte, 64> surplus;
    const std::span<std::byte> room = got < about.size ? buffer.subspan(got) : std::span<std::byte>(surplus);
    const int code = mbedtls_ssl_read(&ssl_, reinterpret_cast<unsigned char*>(room.data()), room.size());
    if (code <= 0) { break; }
    got += static_cast<std::size_t>(code);
  }
  readable_ = false;
  busy_ = true;  // the datagram may hold another record
  return about;
}

std::size_t Association::max_payload() const noexcept {
  if (state_ != State::open) { return 0; }
  const int most = mbedtls_ssl_get_max_out_record_payload(&ssl_);
  return most > 0 ? static_cast<std::size_t>(most) : 0;
}

Result<> Association::send(std::span<const std::byte> data) noexcept {
  transport_error_ = Error{};
  const int code = mbedtls_ssl_write(&ssl_, reinterpret_cast<const unsigned char*>(data.data()), data.size());
  if (code < 0) { return Unexpected(fail(code)); }
  if (transport_error_ != Error{}) { return Unexpected(transport_error_); }
  active_at_ = port_->now();
  return {};
}

void Association::say_goodbye() noexcept {
  if (state_ == State::open) { static_cast<void>(mbedtls_ssl_close_notify(&ssl_)); }
}

int Association::send_record(void* self, const unsigned char* data, std::size_t size) noexcept {
  auto& peer = *static_cast<Association*>(self);
  if (size > 0 && data[0] == MBEDTLS_SSL_MSG_ALERT) { peer.alerted_ = true; }
  const auto sent = peer.port_->send(peer.ends_, {reinterpret_cast<const std::byte*>(data), size});
  if (!sent) {
    peer.transport_error_ = sent.error();
  } else if (!*sent && peer.state_ == State::handshaking) {
    peer.wants_room_ = true;
    return MBEDTLS_ERR_SSL_WANT_WRITE;
  }
  // What could not be sent is lost, as any datagram may be: Mbed TLS is not to keep it in front of the next one.
  return static_cast<int>(size);
}

int Association::receive_record(void* self, unsigned char* data, std::size_t size) noexcept {
  auto& peer = *static_cast<Association*>(self);
  if (peer.input_.empty() || peer.input_.size() > size) {
    peer.input_ = {};
    peer.starved_ = true;
    return MBEDTLS_ERR_SSL_WANT_READ;
  }
  const std::size_t got = peer.input_.size();
  std::memcpy(data, peer.input_.data(), got);
  peer.input_ = {};
  return static_cast<int>(got);
}

void Association::set_timer(void* self, std::uint32_t intermediate, std::uint32_t last) noexcept {
  auto& peer = *static_cast<Association*>(self);
  const Instant now = peer.port_->now();
  const bool runs = last != 0;
  peer.intermediate_ = runs ? now + Duration::milliseconds(intermediate) : Instant::max();
  peer.final_ = runs ? now + Duration::milliseconds(last) : Instant::max();
}

int Association::get_timer(void* self) noexcept {
  auto& peer = *static_cast<Association*>(self);
  if (peer.final_ == Instant::max()) { return -1; }
  const Instant now = peer.port_->now();
  return (now >= peer.intermediate_ ? 1 : 0) + (now >= peer.final_ ? 1 : 0);
}

}  // namespace nal::tls
