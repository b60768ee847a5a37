#pragma once
#include "examples/mqtt/fault.hpp"

namespace mqtt {

/// A parsed value, or the fault that was found.
template <class T>
class [[nodiscard]] Parsed {
 public:
  constexpr Parsed(const T& value) noexcept : value_(value) {}
  constexpr Parsed(Fault fault) noexcept : fault_(fault) {}

  constexpr explicit operator bool() const noexcept { return fault_ == Fault::none; }
  constexpr Fault fault() const noexcept { return fault_; }
  constexpr const T& operator*() const noexcept { return value_; }
  constexpr const T* operator->() const noexcept { return &value_; }

 private:
  T value_{};
  Fault fault_ = Fault::none;
};

}  // namespace mqtt
