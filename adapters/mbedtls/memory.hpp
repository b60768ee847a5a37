#pragma once
#include <cstddef>
#include <span>

#include "adapters/mbedtls/library.hpp"
#include "nal/result.hpp"

namespace nal::tls {

/// Memory of the caller's from which Mbed TLS takes all that it wants, instead of from the heap: first fit, with
/// neighbours that are free joined again. Mbed TLS has one allocator a process, so there is one of these at a time; it
/// is made before any other object of the library and outlives them all. `allocate` gives null when there is no room,
/// which ends as `Error::no_memory` of whatever wanted it.
///
/// Where Mbed TLS was built without MBEDTLS_PLATFORM_MEMORY, as Debian's 2.28 was, `install` is not_supported, and what
/// the library wants comes from the C library's heap.
class Memory {
 public:
  explicit Memory(std::span<std::byte> bytes) noexcept;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  /// Nothing of it is in use any more (asserted), once the library's own store of keys (PSA) is closed, and with it the
  /// keys that an application has put there; the C library's heap is in its place again.
  ~Memory();

  /// From now on. *Errors*: not_supported; address_in_use while another one is installed.
  Result<> install() noexcept;

  std::size_t in_use() const noexcept { return in_use_; }
  /// The most that was in use at one time, with the bookkeeping of each piece: what to budget.
  std::size_t peak() const noexcept { return peak_; }
  void reset_peak() noexcept { peak_ = in_use_; }
  /// How often there was no room.
  std::size_t refusals() const noexcept { return refusals_; }
  std::size_t allocations() const noexcept { return allocations_; }

  /// `count` * `size` bytes of zeros, aligned for anything; null if there is no room for them.
  void* allocate(std::size_t count, std::size_t size) noexcept;
  /// What `allocate` gave; null does nothing.
  void release(void* memory) noexcept;

 private:
  /// In front of every piece, used or free; pieces lie one behind the other.
  struct alignas(2 * sizeof(void*)) Piece {
    std::size_t size;  ///< with this header; the lowest bit says that it is free
    Piece* previous;   ///< in memory; null of the first
  };
  static constexpr std::size_t kFree = 1;
  static std::size_t size_of(const Piece& piece) noexcept { return piece.size & ~kFree; }
  static bool is_free(const Piece& piece) noexcept { return (piece.size & kFree) != 0; }
  Piece* after(Piece& piece) const noexcept;
  void join_with_next(Piece& piece) noexcept;

  Piece* first_ = nullptr;
  std::byte* end_ = nullptr;
  std::size_t in_use_ = 0;
  std::size_t peak_ = 0;
  std::size_t refusals_ = 0;
  std::size_t allocations_ = 0;
  bool installed_ = false;
};

}  // namespace nal::tls
