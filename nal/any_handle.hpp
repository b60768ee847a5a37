#pragma once
#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "nal/assert.hpp"

namespace nal::detail {

/// What every table of an erased handle begins with.
struct AnyTable {
  void (*relocate)(void* to, void* from) noexcept;
  void (*destroy)(void* self) noexcept;
};
template <class H>
void any_relocate(void* to, void* from) noexcept {
  auto* source = static_cast<H*>(from);
  ::new (to) H(std::move(*source));
  source->~H();
}
template <class H>
void any_destroy(void* self) noexcept {
  static_cast<H*>(self)->~H();
}

/// Holds any handle of at most three words in place: no heap. `Table` lists what can be done with it.
template <class Table>
class AnyHandle {
 public:
  AnyHandle(AnyHandle&& other) noexcept : table_(std::exchange(other.table_, nullptr)) {
    if (table_) { table_->base.relocate(memory_, other.memory_); }
  }
  AnyHandle& operator=(AnyHandle&& other) noexcept {
    if (this != &other) {
      reset();
      table_ = std::exchange(other.table_, nullptr);
      if (table_) { table_->base.relocate(memory_, other.memory_); }
    }
    return *this;
  }
  ~AnyHandle() { reset(); }

 protected:
  template <class H>
  AnyHandle(H&& handle, const Table& table) noexcept : table_(&table) {
    using Held = std::remove_cvref_t<H>;
    static_assert(sizeof(Held) <= sizeof memory_ && alignof(Held) <= alignof(void*),
                  "an erasable handle is at most three words; keep its state in the stack's slot");
    static_assert(std::is_nothrow_move_constructible_v<Held>);
    ::new (static_cast<void*>(memory_)) Held(std::forward<H>(handle));
  }
  /// Null once moved from.
  const Table* table() const noexcept { return table_; }
  void* self() const noexcept { return memory_; }

 private:
  void reset() noexcept {
    if (const Table* table = std::exchange(table_, nullptr)) { table->base.destroy(memory_); }
  }
  const Table* table_;
  alignas(void*) mutable std::byte memory_[3 * sizeof(void*)];
};

}  // namespace nal::detail
