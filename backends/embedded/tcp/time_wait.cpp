// Connections that have ended, kept small for a while (RFC 9293 §3.6.1, §3.10.7.4; RFC 1337, RFC 6191).
#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded {

namespace flag = wire::tcp_flag;

void Tcp::enter_time_wait(Connection& c) noexcept {
  // The peer's end is acknowledged now; if that is lost, it comes again.
  send_ack(c, c.snd_nxt);
  const FlowKey key = c.key;
  TimeWaitEntry ended;
  ended.timestamps = c.timestamps;
  ended.window_scale = c.rcv_scale;
  ended.snd_nxt = c.snd_nxt;
  ended.rcv_nxt = c.rcv_nxt;
  ended.ts_recent = c.ts_recent;
  ended.ts_offset = c.ts_offset;
  // What was received stays with whoever owns the connection.
  finish(c);
  if (free_time_wait_ == kNoFlow) {
    if (old_.first == kNoFlow) { return; }
    release(memory_.time_waits[old_.first]);
  }
  TimeWaitEntry& entry = memory_.time_waits[free_time_wait_];
  free_time_wait_ = entry.next;
  entry = ended;
  entry.key = key;
  entry.used = true;
  ++time_waits_;
  link_flow(index_of(entry));
  append(entry);
}

void Tcp::append(TimeWaitEntry& entry) noexcept {
  const auto index = static_cast<FlowIndex>(&entry - memory_.time_waits.data());
  entry.at = now_ms_ + limits_.time_wait;
  entry.next = kNoFlow;
  entry.previous = old_.last;
  (old_.last == kNoFlow ? old_.first : memory_.time_waits[old_.last].next) = index;
  old_.last = index;
}

void Tcp::unlink(TimeWaitEntry& entry) noexcept {
  (entry.previous == kNoFlow ? old_.first : memory_.time_waits[entry.previous].next) = entry.next;
  (entry.next == kNoFlow ? old_.last : memory_.time_waits[entry.next].previous) = entry.previous;
}

void Tcp::release(TimeWaitEntry& entry) noexcept {
  unlink_flow(index_of(entry));
  unlink(entry);
  entry = TimeWaitEntry{};
  entry.next = free_time_wait_;
  free_time_wait_ = static_cast<FlowIndex>(&entry - memory_.time_waits.data());
  --time_waits_;
}

void Tcp::poll_time_waits() noexcept {
  while (old_.first != kNoFlow && due(memory_.time_waits[old_.first].at)) { release(memory_.time_waits[old_.first]); }
}

/// Whether the segment begins a connection of its own.
bool Tcp::time_wait_in(TimeWaitEntry& entry, const Segment& segment) noexcept {
  // RFC 1337 §3: a reset does not end the wait.
  if (segment.has(flag::rst)) { return false; }
  if (segment.has(flag::syn) && !segment.has(flag::ack)) {
    // RFC 6191 §2: newer than all that the old one can have under way.
    const bool newer = entry.timestamps && segment.options.timestamps
                           ? earlier(entry.ts_recent, segment.options.tsval) ||
                                 (entry.ts_recent == segment.options.tsval && segment.seq > entry.rcv_nxt)
                           : segment.seq > entry.rcv_nxt;
    if (newer) {
      iss_above_ = entry.snd_nxt;
      iss_above_known_ = true;
      release(entry);
      return true;
    }
  }
  // A pure acknowledgement of what is acknowledged asks for nothing.
  if (segment.length() == 0 && segment.seq == entry.rcv_nxt) { return false; }
  if (!segment.has(flag::fin) && !may_challenge()) { return false; }
  wire::TcpSegmentOptions options;
  if (entry.timestamps) {
    options.timestamps = true;
    options.tsval = now_ms_ + entry.ts_offset;
    options.tsecr = entry.ts_recent;
  }
  const FlowKey key = entry.key;
  send_reply({key, entry.snd_nxt, entry.rcv_nxt, flag::ack, 0xffff}, options);
  if (segment.has(flag::fin) && segment.seq + segment.length() == entry.rcv_nxt) {
    unlink(entry);
    append(entry);
  }
  return false;
}

}  // namespace nal::embedded
