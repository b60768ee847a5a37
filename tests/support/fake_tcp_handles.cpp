#include <algorithm>

#include "tests/support/fake_tcp.hpp"

namespace nal::test {

FakeTcpStream& FakeTcpStream::operator=(FakeTcpStream&& other) noexcept {
  if (this != &other) {
    drop();
    tcp_ = std::exchange(other.tcp_, nullptr);
    slot_ = other.slot_;
    generation_ = other.generation_;
  }
  return *this;
}

void FakeTcpStream::drop() noexcept {
  FakeTcp* tcp = std::exchange(tcp_, nullptr);
  if (!tcp) { return; }
  if (auto* slot = tcp->find(slot_, generation_)) { tcp->drop(*slot); }
}

void FakeTcpStream::abort() noexcept {
  FakeTcp* tcp = std::exchange(tcp_, nullptr);
  if (!tcp) { return; }
  auto* slot = tcp->find(slot_, generation_);
  if (!slot) { return; }
  slot->owned = false;
  tcp->reset(*slot, Error::connection_aborted);
}

Poll<Result<>> FakeTcpStream::poll_connected(Context& context, Waiter& waiter) noexcept {
  auto* slot = tcp_ ? tcp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  if (slot->state == FakeTcp::State::failed) { return Unexpected(slot->error); }
  if (slot->state == FakeTcp::State::connecting || tcp_->host_.hiccups(context)) {
    slot->writable.add(context, waiter, Wait::connected);
    return pending;
  }
  return Result<>();
}

Poll<Result<std::size_t>> FakeTcpStream::poll_read(Context& context, Waiter& waiter,
                                                   std::span<std::byte> buffer) noexcept {
  auto* slot = tcp_ ? tcp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  if (buffer.empty()) { return std::size_t{0}; }
  if (tcp_->host_.hiccups(context)) {
    slot->readable.add(context, waiter, Wait::readable);
    return pending;
  }
  if (!slot->received.empty()) { return slot->received.get(buffer); }
  if (slot->end_received) { return std::size_t{0}; }
  if (slot->state == FakeTcp::State::failed) { return Unexpected(slot->error); }
  slot->readable.add(context, waiter, Wait::readable);
  return pending;
}

Poll<Result<std::size_t>> FakeTcpStream::poll_write(Context& context, Waiter& waiter,
                                                    std::span<const std::byte> data) noexcept {
  auto* slot = tcp_ ? tcp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  if (slot->shut) { return Unexpected(Error::broken_pipe); }
  if (slot->state == FakeTcp::State::failed) { return Unexpected(slot->error); }
  if (data.empty()) { return std::size_t{0}; }
  if (tcp_->host_.hiccups(context) || slot->state == FakeTcp::State::connecting || slot->unsent.room() == 0) {
    slot->writable.add(context, waiter, Wait::writable);
    return pending;
  }
  const std::size_t chunk = tcp_->host_.faults.chunk;
  return slot->unsent.put(chunk == 0 ? data : data.first(std::min(chunk, data.size())));
}

Poll<Result<>> FakeTcpStream::poll_flush(Context& context, Waiter& waiter) noexcept {
  auto* slot = tcp_ ? tcp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  if (slot->state == FakeTcp::State::failed) { return Unexpected(slot->error); }
  if (tcp_->host_.hiccups(context)) {
    slot->writable.add(context, waiter, Wait::writable);
    return pending;
  }
  return Result<>();
}

Poll<Result<>> FakeTcpStream::poll_shutdown(Context& context, Waiter& waiter) noexcept {
  auto* slot = tcp_ ? tcp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  if (slot->state == FakeTcp::State::failed) { return Unexpected(slot->error); }
  if (tcp_->host_.hiccups(context)) {
    slot->writable.add(context, waiter, Wait::writable);
    return pending;
  }
  slot->shut = true;
  return Result<>();
}

Result<> FakeTcpStream::configure(const TcpOptions& options) noexcept {
  auto* slot = tcp_ ? tcp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  if (options.hop_limit == std::uint8_t{0}) { return Unexpected(Error::invalid_argument); }
  const auto take = [](auto& mine, const auto& given) {
    if (given) { mine = given; }
  };
  take(slot->options.no_delay, options.no_delay);
  take(slot->options.keep_alive, options.keep_alive);
  take(slot->options.user_timeout, options.user_timeout);
  take(slot->options.hop_limit, options.hop_limit);
  take(slot->options.traffic_class, options.traffic_class);
  return {};
}

Endpoint FakeTcpStream::local_endpoint() const noexcept {
  const auto* slot = tcp_ ? tcp_->find(slot_, generation_) : nullptr;
  return slot ? slot->local : Endpoint{};
}

Endpoint FakeTcpStream::remote_endpoint() const noexcept {
  const auto* slot = tcp_ ? tcp_->find(slot_, generation_) : nullptr;
  return slot ? slot->remote : Endpoint{};
}

TcpOptions FakeTcpStream::options() const noexcept {
  const auto* slot = tcp_ ? tcp_->find(slot_, generation_) : nullptr;
  return slot ? slot->options : TcpOptions{};
}

Poll<Result<std::span<const std::byte>>> FakeInPlaceStream::poll_fill(Context& context, Waiter& waiter) noexcept {
  using Bytes = Result<std::span<const std::byte>>;
  auto* slot = tcp_ ? tcp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  if (!slot->received.empty() && !tcp_->host_.hiccups(context)) { return Bytes(slot->received.front()); }
  if (slot->received.empty()) {
    if (slot->end_received) { return Bytes(std::span<const std::byte>()); }
    if (slot->state == FakeTcp::State::failed) { return Unexpected(slot->error); }
  }
  slot->readable.add(context, waiter, Wait::readable);
  return pending;
}

void FakeInPlaceStream::consume(std::size_t n) noexcept {
  auto* slot = tcp_ ? tcp_->find(slot_, generation_) : nullptr;
  NAL_ASSERT(slot && n <= slot->received.front().size());
  if (n != 0) { slot->received.consume(n); }
}

Poll<Result<std::span<std::byte>>> FakeInPlaceStream::poll_reserve(Context& context, Waiter& waiter) noexcept {
  auto* slot = tcp_ ? tcp_->find(slot_, generation_) : nullptr;
  if (!slot) { return Unexpected(Error::closed); }
  if (slot->shut) { return Unexpected(Error::broken_pipe); }
  if (slot->state == FakeTcp::State::failed) { return Unexpected(slot->error); }
  if (tcp_->host_.hiccups(context) || slot->state == FakeTcp::State::connecting || slot->unsent.room() == 0) {
    slot->writable.add(context, waiter, Wait::writable);
    return pending;
  }
  return Result<std::span<std::byte>>(slot->unsent.back());
}

void FakeInPlaceStream::commit(std::size_t n) noexcept {
  auto* slot = tcp_ ? tcp_->find(slot_, generation_) : nullptr;
  NAL_ASSERT(slot && n <= slot->unsent.back().size());
  slot->unsent.commit(n);
}

Poll<Result<std::size_t>> FakeInPlaceStream::poll_write_gather(Context& context, Waiter& waiter,
                                                               ConstBuffers pieces) noexcept {
  std::size_t taken = 0;
  for (const std::span<const std::byte> piece : pieces) {
    if (piece.empty()) { continue; }
    const auto written = poll_write(context, waiter, piece);
    if (!written.ready() || !*written) {
      // What was taken is told first; the error comes again.
      if (taken != 0) { break; }
      return written;
    }
    taken += **written;
    if (**written < piece.size()) { break; }
  }
  return taken;
}

FakeTcpListener& FakeTcpListener::operator=(FakeTcpListener&& other) noexcept {
  if (this != &other) {
    drop();
    tcp_ = std::exchange(other.tcp_, nullptr);
    slot_ = other.slot_;
    generation_ = other.generation_;
  }
  return *this;
}

void FakeTcpListener::drop() noexcept {
  FakeTcp* tcp = std::exchange(tcp_, nullptr);
  if (!tcp || tcp->listeners_[slot_].generation != generation_) { return; }
  auto& listener = tcp->listeners_[slot_];
  listener.used = false;
  ++listener.generation;
  for (auto& slot : tcp->slots_) {
    if (slot.state != FakeTcp::State::free && slot.listener == slot_) {
      slot.listener = FakeTcp::kNone;
      tcp->reset(slot, Error::connection_aborted);
    }
  }
  listener.acceptable.wake_all();
}

Poll<Result<FakeTcpStream>> FakeTcpListener::poll_accept(Context& context, Waiter& waiter) noexcept {
  if (!tcp_) { return Unexpected(Error::closed); }
  FakeTcp::Slot* oldest = nullptr;
  for (auto& slot : tcp_->slots_) {
    if (slot.state == FakeTcp::State::free || slot.listener != slot_) { continue; }
    if (!oldest || slot.age < oldest->age) { oldest = &slot; }
  }
  if (!oldest || tcp_->host_.hiccups(context)) {
    tcp_->listeners_[slot_].acceptable.add(context, waiter, Wait::acceptable);
    return pending;
  }
  if (!tcp_->host_.allocate()) { return Unexpected(Error::no_memory); }
  oldest->owned = true;
  oldest->listener = FakeTcp::kNone;
  return FakeTcpStream(*tcp_, static_cast<std::uint16_t>(oldest - tcp_->slots_.data()), oldest->generation);
}

Endpoint FakeTcpListener::local_endpoint() const noexcept { return tcp_ ? tcp_->listeners_[slot_].local : Endpoint{}; }

}  // namespace nal::test
