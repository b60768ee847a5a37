#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "nal/endpoint.hpp"
#include "nal/resolver/name.hpp"
#include "nal/time.hpp"

namespace nal::dns {

inline constexpr std::uint16_t kPort = 53;

/// How a resolver asks.
struct Options {
  std::uint8_t ndots = 1;                             ///< names with fewer dots are looked for in the search list first
  std::uint8_t rounds = 3;                            ///< how often each server is asked at most
  Duration timeout = Duration::seconds(2);            ///< for an answer, in the first round; each round doubles it
  Duration total = Duration::seconds(20);             ///< for a whole question
  Duration penalty = Duration::seconds(30);           ///< a server that failed is asked last for so long
  Duration max_ttl = Duration::hours(24);             ///< nothing is kept longer
  Duration min_ttl = Duration::zero();                ///< whatever may be kept at all is kept so long
  Duration max_negative_ttl = Duration::minutes(15);  ///< nor is "no such name"
  std::uint16_t first_port = 32768;  ///< source ports are picked from here to 65535; 0: by the stack (RFC 5452 §9.2)
  bool edns = true;                  ///< takes answers of more than 512 bytes by UDP (RFC 6891)
  bool mixed_case = true;            ///< letters in random case, which the answer must repeat
  bool tcp_only = false;             ///< never asks by UDP
};

/// Whom a resolver asks, and how. What it names is copied by whoever takes it.
struct Settings {
  std::span<const Endpoint> servers{};         ///< the first that works is asked
  std::span<const std::string_view> search{};  ///< names that are appended to short ones
  Options options{};
};

/// A name server, and what was learned of it.
struct Server {
  Endpoint endpoint{};
  Instant failed_until = Instant::min();  ///< until then others are asked first
  bool no_edns = false;                   ///< answers only without
  bool folds_case = false;                ///< does not repeat a name's letters as they were asked
};

/// The servers to ask, in memory of the caller's.
class Servers {
 public:
  static constexpr std::size_t kMost = 32;
  /// The memory outlives it; what is beyond `kMost` is not used.
  explicit Servers(std::span<Server> memory) noexcept
      : memory_(memory.first(memory.size() < kMost ? memory.size() : kMost)) {}

  /// Whether they can be assigned. *Errors*: table_full; invalid_argument for an endpoint that cannot be a server's.
  Result<> check(std::span<const Endpoint> endpoints) const noexcept;
  /// `check` has said that they can be (asserted). What was learned of others is forgotten.
  void assign(std::span<const Endpoint> endpoints) noexcept;
  std::size_t size() const noexcept { return size_; }
  Server& operator[](std::size_t index) noexcept { return memory_[index]; }

  /// The next server to ask, none of those whose bit is set in `passed_over`: the first that works, else the first.
  std::optional<std::size_t> pick(std::uint32_t passed_over, Instant now) const noexcept;

 private:
  std::span<Server> memory_;
  std::size_t size_ = 0;
};

/// The names to append to short ones, in memory of the caller's.
class SearchList {
 public:
  /// The memory outlives it.
  explicit SearchList(std::span<std::byte> memory) noexcept : memory_(memory) {}

  /// *Errors*: invalid_argument for what cannot be a name, buffer_too_small; nothing has changed then.
  Result<> assign(std::span<const std::string_view> names) noexcept;
  /// The wire form of the `index`th name; empty behind the last one.
  std::span<const std::byte> operator[](std::size_t index) const noexcept;

 private:
  std::span<std::byte> memory_;
  std::size_t size_ = 0;  ///< bytes
};

}  // namespace nal::dns
