#include "backends/embedded/ip/reassembly.hpp"

#include <algorithm>
#include <cstring>

#include "backends/embedded/wire/ipv6.hpp"

namespace nal::embedded {

namespace {

/// In front of the payload: the largest header that a packet is put together with.
constexpr std::size_t kHeaderRoom = 96;

}  // namespace

PartialPacket* Reassembly::find(const Fragment& fragment, Instant now) noexcept {
  PartialPacket* choice = nullptr;
  for (PartialPacket& entry : partial_) {
    if (entry.in_use() && entry.identification == fragment.identification && entry.source == fragment.source &&
        entry.destination == fragment.destination && (fragment.source.is_v6() || entry.protocol == fragment.protocol)) {
      return &entry;
    }
    // A free one, else the oldest.
    if (!choice || (choice->in_use() && (!entry.in_use() || entry.until < choice->until))) { choice = &entry; }
  }
  if (!choice) { return nullptr; }
  choice->clear();
  choice->source = fragment.source;
  choice->destination = fragment.destination;
  choice->identification = fragment.identification;
  choice->protocol = fragment.protocol;
  choice->until = now + kTimeout;
  next_ = std::min(next_, choice->until);
  return choice;
}

void Reassembly::refuse(PartialPacket& entry) noexcept {
  entry.packet = Packet();
  entry.refused = true;
}

Packet Reassembly::add(PartialPacket& entry, const Fragment& fragment) noexcept {
  if (entry.refused) { return {}; }
  const std::size_t end = fragment.offset + fragment.data.size();
  const std::size_t room = entry.packet.headroom() + entry.packet.size() + entry.packet.tailroom() - kHeaderRoom;
  const bool whole_words = fragment.data.size() % 8 == 0;
  const bool fits = end <= room && end + fragment.header.size() <= 0xffff;
  const bool agrees =
      fragment.more ? whole_words && (entry.size == 0 || end <= entry.size) : entry.size == 0 || entry.size == end;
  if (fragment.data.empty() || !fits || !agrees || fragment.header.size() > kHeaderRoom) {
    ++statistics_.malformed;
    refuse(entry);
    return {};
  }
  const auto begin32 = static_cast<std::uint32_t>(fragment.offset);
  const auto end32 = static_cast<std::uint32_t>(end);
  if (entry.received.overlaps(begin32, end32)) {
    // The same once more is a duplicate; anything else ends the packet (RFC 5722 §4).
    std::byte* const there = entry.packet.buffer()->memory() + kHeaderRoom + fragment.offset;
    if (entry.received.contains(begin32, end32) &&
        std::memcmp(there, fragment.data.data(), fragment.data.size()) == 0) {
      return {};
    }
    ++statistics_.overlapping;
    refuse(entry);
    return {};
  }
  if (!fragment.more) {
    // Parts behind the end that it tells.
    if (entry.received.overlaps(end32, 0x10000)) {
      ++statistics_.malformed;
      refuse(entry);
      return {};
    }
    entry.size = end32;
  }
  if (!entry.received.add(begin32, end32)) {
    ++statistics_.no_room;
    refuse(entry);
    return {};
  }
  std::memcpy(entry.packet.buffer()->memory() + kHeaderRoom + fragment.offset, fragment.data.data(),
              fragment.data.size());
  if (fragment.offset == 0) {
    entry.has_first = true;
    entry.protocol = fragment.protocol;
    // The first fragment's header is the packet's; it ends where the payload starts.
    entry.packet.clear(kHeaderRoom - fragment.header.size());
    std::memcpy(entry.packet.append(fragment.header.size()).data(), fragment.header.data(), fragment.header.size());
  }
  if (entry.size == 0 || !entry.has_first || !entry.received.contains(0, entry.size)) { return {}; }
  entry.packet.append(entry.size);
  ++statistics_.completed;
  Packet whole = std::move(entry.packet);
  entry.clear();
  return whole;
}

Packet Reassembly::expire(Instant now) noexcept {
  next_ = Instant::max();
  for (PartialPacket& entry : partial_) {
    if (!entry.in_use()) { continue; }
    if (entry.until > now) {
      next_ = std::min(next_, entry.until);
      continue;
    }
    ++statistics_.timed_out;
    Packet first;
    if (entry.has_first && entry.packet) {
      first = std::move(entry.packet);
      // As much of the first fragment as came in one piece.
      for (std::size_t i = 0; i < entry.received.count(); ++i) {
        if (entry.received[i].begin == 0) { first.append(entry.received[i].end); }
      }
    }
    entry.clear();
    if (first) {
      next_ = now;
      return first;
    }
  }
  return {};
}

}  // namespace nal::embedded
