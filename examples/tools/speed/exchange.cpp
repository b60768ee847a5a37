#include "examples/tools/speed/exchange.hpp"

#include <algorithm>
#include <cstdlib>

#include "nal/combinators.hpp"
#include "nal/sleep.hpp"
#include "nal/tcp.hpp"
#include "nal/udp.hpp"

namespace nal_speed {

namespace {

using namespace nal::literals;

constexpr std::size_t kReadSize = 256 * 1024;
/// Reads or writes before others have a turn, on stacks where there is always something to do.
constexpr unsigned kTurns = 16;
/// What is under way when the other end has sent its last datagram.
constexpr nal::Duration kStragglers = 500_ms;
constexpr nal::Duration kGreeting = 100_ms;
constexpr nal::Duration kWatch = 250_ms;

std::uint64_t between(nal::Instant from, nal::Instant to) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>((to - from).microseconds(), 0));
}

Totals sum(const Totals& a, const Totals& b) {
  Totals all;
  all.bytes = a.bytes + b.bytes;
  all.microseconds = std::max(a.microseconds, b.microseconds);
  all.blocks = a.blocks + b.blocks;
  all.crc = a.crc + b.crc;
  all.late = a.late + b.late;
  all.jitter = std::max(a.jitter, b.jitter);
  return all;
}

}  // namespace

Exchange::Exchange(nal::Executor& executor, nal::AnyTcpStream control, Config config)
    : executor_(executor), control_(std::move(control)), config_(std::move(config)), pattern_(config_.plan.block) {
  begin_ = executor_.now();
}

void Exchange::begin() {
  if (flows_.size() == 1) { begin_ = executor_.now(); }
  if (!incomplete()) { complete_.set(); }
}

nal::Result<> Exchange::add(nal::AnyTcpStream stream) {
  Flow& flow = flows_.emplace_back();
  flow.stream.emplace(std::move(stream));
  begin();
  return start(flow);
}

nal::Result<> Exchange::add(nal::AnyUdpSocket socket, bool connected) {
  Flow& flow = flows_.emplace_back();
  flow.socket.emplace(std::move(socket));
  flow.connected = connected;
  if (connected) { flow.found.set(); }
  begin();
  return start(flow);
}

nal::Result<> Exchange::start(Flow& flow) {
  const bool udp = plan().udp;
  flow.begin = executor_.now();
  if (config_.sends) {
    NAL_TRY(flow.sender.start(executor_, guarded, *this, flow.sender, udp ? send_datagrams : send_stream, flow));
  }
  // A socket that is not connected hears where the other end is.
  if (config_.receives || (udp && !flow.connected)) {
    NAL_TRY(
        flow.receiver.start(executor_, guarded, *this, flow.receiver, udp ? receive_datagrams : receive_stream, flow));
  }
  if (udp && flow.connected && config_.receives && !config_.sends) {
    NAL_TRY(flow.greeter.start(executor_, guarded, *this, flow.greeter, greet, flow));
  }
  return {};
}

nal::Task<> Exchange::guarded(Exchange& self, Slot& slot, nal::Task<> (*what)(Exchange&, Flow&), Flow& flow) {
  const auto done = co_await what(self, flow);
  if (!done) { self.fail(done.error(), &slot); }
  co_return nal::Unit{};
}

/// Ends all tasks but the one that says so.
void Exchange::fail(nal::Error why, const void* by) {
  if (!error_) { error_ = why; }
  const auto cancel = [by](Slot& slot) {
    if (&slot != by) { slot.cancel(); }
  };
  for (Flow& flow : flows_) {
    cancel(flow.sender);
    cancel(flow.receiver);
    cancel(flow.greeter);
  }
  cancel(hearer_);
  cancel(watcher_);
  complete_.set();
}

bool Exchange::over(const Flow& flow) const {
  if (plan().bytes != 0) { return flow.sent.bytes >= plan().bytes; }
  return executor_.now() - flow.begin >= plan().time;
}

/// Until what has gone is no more than the rate allows.
nal::Duration Exchange::pause(const Flow& flow) const {
  if (plan().rate == 0) { return {}; }
  const double due = static_cast<double>(flow.sent.bytes) * 8e6 / static_cast<double>(plan().rate);
  return flow.begin + nal::Duration::microseconds(static_cast<std::int64_t>(due)) - executor_.now();
}

nal::Task<> Exchange::send_stream(Exchange& self, Flow& flow) {
  const Plan& plan = self.plan();
  for (unsigned turn = 1; !self.over(flow); ++turn) {
    const nal::Duration wait = self.pause(flow);
    if (wait > 0_ms) {
      co_await nal::sleep(wait);
      continue;
    }
    const std::uint64_t left = plan.bytes != 0 ? plan.bytes - flow.sent.bytes : plan.block;
    const std::size_t size = static_cast<std::size_t>(std::min<std::uint64_t>(left, plan.block));
    const std::span<const std::byte> block = self.pattern_.from(flow.sent.bytes, size);
    NAL_CO_TRY_SET(const std::size_t taken, nal::write(*flow.stream, block));
    if (plan.check) { flow.sent_crc.add(block.first(taken)); }
    flow.sent.bytes += taken;
    ++flow.sent.blocks;
    if (turn % kTurns == 0) { co_await nal::yield(); }
  }
  NAL_CO_TRY(nal::shutdown(*flow.stream));
  flow.sent.microseconds = between(flow.begin, self.executor_.now());
  flow.sent.crc = plan.check ? flow.sent_crc.value() : 0;
  co_return nal::Unit{};
}

nal::Task<> Exchange::receive_stream(Exchange& self, Flow& flow) {
  const bool check = self.plan().check;
  std::vector<std::byte> buffer(kReadSize);
  for (unsigned turn = 1;; ++turn) {
    NAL_CO_TRY_SET(const std::size_t got, nal::read(*flow.stream, buffer));
    if (got == 0) { break; }
    const nal::Instant now = self.executor_.now();
    if (flow.received.bytes == 0) { flow.first = now; }
    if (check) { flow.received_crc.add(std::span(buffer).first(got)); }
    flow.received.bytes += got;
    ++flow.received.blocks;
    flow.received.microseconds = between(flow.begin, now);
    if (turn % kTurns == 0) { co_await nal::yield(); }
  }
  flow.received.crc = check ? flow.received_crc.value() : 0;
  co_return nal::Unit{};
}

nal::Task<> Exchange::send_datagram(Flow& flow, std::span<const std::byte> data) {
  nal::Result<> sent;
  if (flow.connected) {
    sent = co_await nal::send(*flow.socket, data);
  } else {
    sent = co_await nal::send_to(*flow.socket, flow.local, flow.remote, data);
  }
  // Nobody there yet, or no more: what the other end hears tells.
  if (sent == nal::Unexpected(nal::Error::connection_refused)) { sent = {}; }
  co_return sent;
}

nal::Task<> Exchange::send_datagrams(Exchange& self, Flow& flow) {
  const Plan& plan = self.plan();
  std::vector<std::byte> datagram(plan.block);
  co_await nal::wait(flow.found);
  flow.begin = self.executor_.now();
  for (unsigned turn = 1; !self.over(flow); ++turn) {
    const nal::Duration wait = self.pause(flow);
    if (wait > 0_ms) {
      co_await nal::sleep(wait);
      continue;
    }
    const auto data = self.pattern_.from(flow.sent.bytes, datagram.size());
    std::copy(data.begin(), data.end(), datagram.begin());
    const DatagramHeader header{self.token(), flow.sent.blocks,
                                static_cast<std::uint64_t>(self.executor_.now().microseconds())};
    header.write(std::span(datagram).first<DatagramHeader::kSize>());
    NAL_CO_TRY(send_datagram(flow, datagram));
    flow.sent.bytes += datagram.size();
    ++flow.sent.blocks;
    if (turn % kTurns == 0) { co_await nal::yield(); }
  }
  flow.sent.microseconds = between(flow.begin, self.executor_.now());
  co_return nal::Unit{};
}

/// The other end has sent its last, and that is here, or has had time enough.
bool Exchange::all_arrived(const Flow& flow) const {
  if (!peer_sent_) { return false; }
  return !config_.receives || flow.received.blocks >= peer_sent_->blocks ||
         executor_.now() - std::max(flow.first, flow.begin) > kStragglers;
}

void Exchange::note_datagram(Flow& flow, std::span<const std::byte> data) {
  const DatagramHeader header = DatagramHeader::read(data.first<DatagramHeader::kSize>());
  if (header.token != token() || header.number == DatagramHeader::kHello) { return; }
  const nal::Instant now = executor_.now();
  if (flow.received.blocks == 0) { flow.begin = now; }
  flow.first = now;
  flow.received.bytes += data.size();
  ++flow.received.blocks;
  flow.received.microseconds = between(flow.begin, now);
  if (flow.newest && header.number <= *flow.newest) {
    ++flow.received.late;
  } else {
    flow.newest = header.number;
  }
  // RFC 3550 §6.4.1: the clocks' difference cancels out.
  const std::int64_t transit = now.microseconds() - static_cast<std::int64_t>(header.microseconds);
  if (flow.received.blocks > 1) {
    flow.jitter += (static_cast<double>(std::llabs(transit - flow.transit)) - flow.jitter) / 16;
  }
  flow.transit = transit;
  flow.received.jitter = static_cast<std::uint64_t>(flow.jitter);
}

nal::Task<> Exchange::receive_datagrams(Exchange& self, Flow& flow) {
  std::vector<std::byte> buffer(65'536);
  while (!self.all_arrived(flow)) {
    const auto got = co_await nal::with_timeout(kGreeting, nal::receive(*flow.socket, buffer));
    if (!got) {
      if (got.error() == nal::Error::timed_out || got.error() == nal::Error::connection_refused) { continue; }
      co_return nal::Unexpected(got.error());
    }
    if (got->size < DatagramHeader::kSize) { continue; }
    const std::span<const std::byte> data = std::span(buffer).first(got->size);
    if (DatagramHeader::read(data.first<DatagramHeader::kSize>()).token != self.token()) { continue; }
    if (!flow.found.is_set()) {
      flow.local = got->local;
      flow.remote = got->remote;
      flow.found.set();
    }
    if (self.config_.receives) { self.note_datagram(flow, data); }
  }
  co_return nal::Unit{};
}

/// Shows the other end where to send to, until it does.
nal::Task<> Exchange::greet(Exchange& self, Flow& flow) {
  std::byte hello[DatagramHeader::kSize];
  DatagramHeader{self.token(), DatagramHeader::kHello, 0}.write(hello);
  while (flow.received.blocks == 0 && !self.peer_sent_) {
    NAL_CO_TRY(send_datagram(flow, hello));
    co_await nal::sleep(kGreeting);
  }
  co_return nal::Unit{};
}

/// What the other end says.
nal::Task<> Exchange::hear(Exchange& self) {
  std::string line;
  while (!self.peer_received_) {
    const auto heard = co_await read_line(self.control_, line);
    if (!heard) {
      self.fail(heard.error(), &self.hearer_);
      break;
    }
    if (const auto sent = parse_totals("sent", line)) {
      self.peer_sent_ = *sent;
      // Stragglers have time from now on.
      for (Flow& flow : self.flows_) {
        if (flow.socket) { flow.first = self.executor_.now(); }
      }
    } else if (const auto received = parse_totals("received", line)) {
      self.peer_received_ = *received;
    } else {
      self.fail(nal::Error::protocol_error, &self.hearer_);
      break;
    }
  }
  co_return nal::Unit{};
}

/// Tells how it goes, and ends what does not go on.
nal::Task<> Exchange::watch(Exchange& self) {
  const nal::Duration interval = self.config_.interval;
  nal::Instant next = self.begin_ + interval;
  nal::Instant moved = self.executor_.now();
  std::uint64_t before = 0;
  for (;;) {
    nal::Instant wake = self.executor_.now() + kWatch;
    if (interval > 0_ms) { wake = std::min(wake, next); }
    co_await nal::sleep_until(wake);
    const nal::Instant now = self.executor_.now();
    const Outcome so_far = self.outcome();
    if (interval > 0_ms && now >= next) {
      self.config_.tell(now - self.begin_, so_far.sent, so_far.received);
      next = now + interval;
    }
    if (so_far.sent.bytes + so_far.received.bytes != before) {
      before = so_far.sent.bytes + so_far.received.bytes;
      moved = now;
    } else if (now - moved >= self.config_.timeout) {
      self.fail(nal::Error::timed_out, &self.watcher_);
      co_return nal::Unit{};
    }
  }
}

nal::Task<> Exchange::run() {
  for (const nal::Result<>& started :
       {watcher_.start(executor_, watch, *this), hearer_.start(executor_, hear, *this)}) {
    if (!started) { co_return nal::Unexpected(started.error()); }
  }
  co_await nal::wait(complete_);
  for (Flow& flow : flows_) { co_await nal::finished(flow.sender); }
  if (!error_) {
    NAL_CO_TRY(nal::with_timeout(config_.timeout, write_line(control_, to_line("sent", outcome().sent))));
  }
  for (Flow& flow : flows_) { co_await nal::finished(flow.receiver); }
  if (!error_) {
    NAL_CO_TRY(nal::with_timeout(config_.timeout, write_line(control_, to_line("received", outcome().received))));
  }
  co_await nal::finished(hearer_);
  watcher_.cancel();
  for (Flow& flow : flows_) { flow.greeter.cancel(); }
  if (error_) { co_return nal::Unexpected(*error_); }
  // All is said: nothing is lost with what is dropped now, and the other end need not wait for it.
  static_cast<void>(co_await nal::shutdown(control_));
  co_return nal::Unit{};
}

Outcome Exchange::outcome() const {
  Outcome all;
  for (const Flow& flow : flows_) {
    all.sent = sum(all.sent, flow.sent);
    all.received = sum(all.received, flow.received);
  }
  all.peer_sent = peer_sent_.value_or(Totals());
  all.peer_received = peer_received_.value_or(Totals());
  return all;
}

}  // namespace nal_speed
