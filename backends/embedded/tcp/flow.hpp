#pragma once
#include "backends/embedded/absent.hpp"
#include "backends/embedded/ip/network.hpp"

namespace nal::embedded {

/// Place of an entry in one of TCP's tables: connections first, then SYN entries, then TIME-WAIT entries.
using FlowIndex = std::uint16_t;
inline constexpr FlowIndex kNoFlow = 0xffff;

/// What tells a connection from every other: its two ends, and the interface where their addresses mean something on
/// one link only.
struct FlowKey {
  Address local;
  Address remote;
  std::uint16_t local_port = 0;
  std::uint16_t remote_port = 0;
  InterfaceIndex interface = 0;  ///< of link-local addresses; else 0

  static FlowKey of(const Address& local, std::uint16_t local_port, const Address& remote, std::uint16_t remote_port,
                    InterfaceIndex interface) noexcept {
    const bool scoped = remote.is_v6() && (remote.is_link_local() || local.is_link_local());
    return {local, remote, local_port, remote_port, scoped ? interface : InterfaceIndex{0}};
  }
  void hash_into(Hasher& hasher) const noexcept {
    // The local address adds nothing that an attacker or a busy host varies: equality looks at it.
    const std::span<const std::byte> bytes = remote.wire();
    for (std::size_t i = 0; i < bytes.size(); i += 4) {
      std::uint32_t word = 0;
      __builtin_memcpy(&word, &bytes[i], 4);
      hasher.add(word);
    }
    hasher.add(std::uint32_t{local_port} << 16 | remote_port);
  }
  friend bool operator==(const FlowKey&, const FlowKey&) noexcept = default;
};

/// The next entry of the bucket.
struct HashedFlow {
  FlowIndex hash_next = kNoFlow;
};
struct UnhashedFlow {
  static constexpr Absent<FlowIndex> hash_next{};
};
/// Where an entry names the next one of its bucket; null where there is none.
template <class Entry>
FlowIndex* hash_link(Entry& entry) noexcept {
  if constexpr (std::is_same_v<decltype(Entry::hash_next), FlowIndex>) {
    return &entry.hash_next;
  } else {
    return nullptr;
  }
}

/// What every entry of TCP's tables begins with.
struct FlowPlace {
  [[no_unique_address]] FlowKey key;  ///< what follows stands in its padding
};
struct Flow : FlowPlace, std::conditional_t<features::kFewSockets, UnhashedFlow, HashedFlow> {};

}  // namespace nal::embedded
