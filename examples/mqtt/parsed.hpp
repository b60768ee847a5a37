#pragma once
#include <type_traits>

#include "examples/mqtt/fault.hpp"

namespace mqtt {

/// A parsed value, or the fault that was found: then there is no value to look at.
template <class T>
class [[nodiscard]] Parsed {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  constexpr Parsed(const T& value) noexcept : value_(value) {}
  constexpr Parsed(Fault fault) noexcept : nothing_(), fault_(fault) {}

  constexpr explicit operator bool() const noexcept { return fault_ == Fault::none; }
  constexpr Fault fault() const noexcept { return fault_; }
  constexpr const T& operator*() const noexcept { return value_; }
  constexpr const T* operator->() const noexcept { return &value_; }

 private:
  union {
    char nothing_;
    T value_;
  };
  Fault fault_ = Fault::none;
};

}  // namespace mqtt
