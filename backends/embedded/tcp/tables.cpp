// Who is where: demultiplexing by hash, slots and rings lent and returned.
#include "backends/embedded/tcp/tcp.hpp"

namespace nal::embedded {

Flow& Tcp::flow(FlowIndex index) noexcept {
  std::size_t i = index;
  if (i < memory_.connections.size()) { return memory_.connections[i]; }
  i -= memory_.connections.size();
  if (features::kTcpListener && i < memory_.handshakes.size()) { return memory_.handshakes[i]; }
  return memory_.time_waits[i - memory_.handshakes.size()];
}

FlowIndex& Tcp::bucket(const FlowKey& key) noexcept {
  return memory_.buckets.flows[hash_value(key, hash_key_) & (memory_.buckets.flows.size() - 1)];
}

FlowIndex Tcp::find_flow(const FlowKey& key) noexcept {
  if constexpr (features::kFewSockets) {
    for (const Connection& c : memory_.connections) {
      if ((c.state == TcpState::syn_sent || c.state == TcpState::syn_received || c.synchronized()) && c.key == key) {
        return index_of(c);
      }
    }
    if constexpr (features::kTcpListener) {
      for (const SynEntry& entry : memory_.handshakes) {
        if (entry.listener != kNoFlow && entry.key == key) { return index_of(entry); }
      }
    }
    for (const TimeWaitEntry& entry : memory_.time_waits) {
      if (entry.used && entry.key == key) { return index_of(entry); }
    }
    return kNoFlow;
  }
  if (features::kFastPaths && last_found_ != kNoFlow && memory_.connections[last_found_].key == key) {
    return last_found_;
  }
  FlowIndex index = bucket(key);
  while (index != kNoFlow) {
    const Flow& candidate = flow(index);
    if (candidate.key == key) { break; }
    index = candidate.hash_next;
  }
  if (index < memory_.connections.size()) { last_found_ = index; }
  return index;
}

void Tcp::link_flow(FlowIndex index) noexcept {
  if constexpr (!features::kFewSockets) {
    Flow& added = flow(index);
    FlowIndex& first = bucket(added.key);
    added.hash_next = first;
    first = index;
  }
}

/// Also of one that is not linked.
void Tcp::unlink_flow(FlowIndex index) noexcept {
  if constexpr (!features::kFewSockets) {
    FlowIndex* link = &bucket(flow(index).key);
    if (index == last_found_) { last_found_ = kNoFlow; }
    while (*link != kNoFlow && *link != index) { link = hash_link(flow(*link)); }
    if (*link == index) { *link = flow(index).hash_next; }
  }
}

void Tcp::push(FlowIndex& first, FlowIndex& last, Connection& c) noexcept {
  const FlowIndex index = index_of(c);
  c.queue_next = kNoFlow;
  c.queue_previous = last;
  (last == kNoFlow ? first : memory_.connections[last].queue_next) = index;
  last = index;
}

void Tcp::unlink(FlowIndex& first, FlowIndex& last, Connection& c) noexcept {
  (c.queue_previous == kNoFlow ? first : memory_.connections[c.queue_previous].queue_next) = c.queue_next;
  (c.queue_next == kNoFlow ? last : memory_.connections[c.queue_next].queue_previous) = c.queue_previous;
  c.queue_next = c.queue_previous = kNoFlow;
}

Result<Connection*> Tcp::take_connection() noexcept {
  if (free_.first == kNoFlow && !evict_lingering(kAnyClass)) { return Unexpected(Error::table_full); }
  Connection& c = memory_.connections[free_.first];
  unlink(free_.first, free_.last, c);
  ++connections_;
  return &c;
}

/// Frees a slot (or rings of a class) of a connection that nobody owns, the one that has lingered longest first.
bool Tcp::evict_lingering(unsigned ring_class) noexcept {
  Connection* chosen = nullptr;
  for (FlowIndex i = lingering_.first; i != kNoFlow; i = memory_.connections[i].queue_next) {
    Connection& c = memory_.connections[i];
    if (ring_class != kAnyClass && (c.ring == kNoFlow || c.ring_class != ring_class)) { continue; }
    if (c.state == TcpState::aborting) {
      chosen = &c;
      break;
    }
    if (!chosen) { chosen = &c; }
  }
  if (!chosen) { return false; }
  reset_peer(*chosen);
  release(*chosen);
  return true;
}

void Tcp::release(Connection& c) noexcept {
  if (c.state == TcpState::free) { return; }
  c.wake();
  leave_backlog(c);
  leave_lingering(c);
  unlink_ready(c);
  unlink_flow(index_of(c));
  if (c.deadline.linked()) { deadlines_.remove(index_of(c)); }
  return_rings(c);
  if (c.state == TcpState::aborting) { --aborting_; }
  static_cast<ConnectionData&>(c) = ConnectionData{};
  c.key = {};
  ++c.generation;
  --connections_;
  push(free_.first, free_.last, c);
}

bool Tcp::lend_rings(Connection& c, std::uint8_t ring_class) noexcept {
  if (ring_class >= memory_.classes.size()) { return false; }
  RingClass& rings = memory_.classes[ring_class];
  if (rings.free == kNoFlow && !evict_lingering(ring_class)) { return false; }
  const std::uint16_t ring = rings.free;
  rings.free = memory_.ring_links[rings.first + ring];
  c.ring = ring;
  c.ring_class = static_cast<std::uint8_t>(ring_class & 0xf);
  std::byte* const bytes = rings.bytes + std::size_t{ring} * (std::size_t{rings.rx} + rings.tx);
  c.rx = ByteRing({bytes, rings.rx});
  c.tx = ByteRing({bytes + rings.rx, rings.tx});
  c.early = RangeSet({rings.range + std::size_t{ring} * rings.ranges, rings.ranges});
  c.sent = SentData({rings.record + std::size_t{ring} * rings.records, rings.records});
  return true;
}

void Tcp::return_rings(Connection& c) noexcept {
  if (c.ring == kNoFlow) { return; }
  RingClass& rings = memory_.classes[c.ring_class];
  memory_.ring_links[rings.first + c.ring] = rings.free;
  rings.free = c.ring;
  c.ring = kNoFlow;
  c.rx = ByteRing();
  c.tx = ByteRing();
  c.sent = SentData();
  c.early = RangeSet();
  c.rx_unread = c.tx_size = 0;
}

std::size_t Tcp::connections_in_use() const noexcept { return connections_ - aborting_; }
std::size_t Tcp::handshakes_in_use() const noexcept { return handshakes_; }
std::size_t Tcp::time_waits_in_use() const noexcept { return time_waits_; }

std::size_t Tcp::listeners_in_use() const noexcept {
  std::size_t count = 0;
  for (const ListenerEntry& listener : memory_.listeners) { count += listener.port != 0; }
  return count;
}

std::size_t Tcp::rings_free() const noexcept {
  std::size_t count = 0;
  for (const RingClass& rings : memory_.classes) {
    for (std::uint16_t i = rings.free; i != kNoFlow; i = memory_.ring_links[rings.first + i]) { ++count; }
  }
  return count;
}

}  // namespace nal::embedded
