#pragma once
#include <compare>
#include <concepts>
#include <cstdint>
#include <span>

#include "nal/result.hpp"
#include "nal/stream.hpp"

namespace mqtt {

/// What a store keeps an entry under.
struct StoreKey {
  enum class Kind : std::uint8_t {
    outgoing,  ///< a message that was accepted, or that the server has and is to release (QoS 2): a packet
    received,  ///< the packet identifier of a message of QoS 2 that was received: no bytes
  };
  Kind kind = Kind::outgoing;
  std::uint16_t packet_id = 0;

  friend constexpr auto operator<=>(const StoreKey&, const StoreKey&) noexcept = default;
};

/// Where a store puts what it finds when it is loaded. An error ends the loading.
struct StoreVisitor {
  nal::Result<> (*take)(void* context, StoreKey key, std::span<const std::byte> bytes) noexcept;
  void* context;
};

/// Keeps what is in flight where it survives a restart.
///
/// *Syntax*: `s.put(key, pieces)` and `s.load(visitor)` give a `nal::Result<>`; `s.remove(key)`, `s.clear()`.
/// *Semantics*: `put` keeps the concatenation of the pieces under the key when it returns: what was accepted or
/// acknowledged after that must not be lost. An entry of the same key is replaced as a whole, in its place. `remove`
/// forgets it, if it is there. `load` shows every entry, in the order in which their keys were first put. `clear`
/// forgets all entries of kind `received`. `remove` and `clear` tell no error: a store that fails then lets each later
/// `put` fail.
/// *Errors*: of `put`: nothing was kept or replaced. `table_full`: there is no room; others are the store's own.
/// *Buffer lifetime*: touched only during the call.
template <class S>
concept Store = requires(S& s, StoreKey key, nal::ConstBuffers pieces, const StoreVisitor& visitor) {
  { s.put(key, pieces) } noexcept -> std::same_as<nal::Result<>>;
  { s.remove(key) } noexcept -> std::same_as<void>;
  { s.clear() } noexcept -> std::same_as<void>;
  { s.load(visitor) } noexcept -> std::same_as<nal::Result<>>;
};

/// A store of any type; without one, what is in flight lives in memory alone. The store outlives the client.
class Persistence {
 public:
  constexpr Persistence() noexcept = default;
  template <Store S>
  constexpr Persistence(S& store) noexcept : store_(&store), calls_(&kCalls<S>) {}

  constexpr explicit operator bool() const noexcept { return store_ != nullptr; }
  nal::Result<> put(StoreKey key, nal::ConstBuffers pieces) const noexcept {
    return store_ ? calls_->put(store_, key, pieces) : nal::Result<>();
  }
  void remove(StoreKey key) const noexcept {
    if (store_) { calls_->remove(store_, key); }
  }
  void clear() const noexcept {
    if (store_) { calls_->clear(store_); }
  }
  nal::Result<> load(const StoreVisitor& visitor) const noexcept {
    return store_ ? calls_->load(store_, visitor) : nal::Result<>();
  }

 private:
  struct Calls {
    nal::Result<> (*put)(void*, StoreKey, nal::ConstBuffers) noexcept;
    void (*remove)(void*, StoreKey) noexcept;
    void (*clear)(void*) noexcept;
    nal::Result<> (*load)(void*, const StoreVisitor&) noexcept;
  };
  template <class S>
  static constexpr Calls kCalls{
      [](void* s, StoreKey key, nal::ConstBuffers pieces) noexcept { return static_cast<S*>(s)->put(key, pieces); },
      [](void* s, StoreKey key) noexcept { static_cast<S*>(s)->remove(key); },
      [](void* s) noexcept { static_cast<S*>(s)->clear(); },
      [](void* s, const StoreVisitor& visitor) noexcept { return static_cast<S*>(s)->load(visitor); }};

  void* store_ = nullptr;
  const Calls* calls_ = nullptr;
};

}  // namespace mqtt
