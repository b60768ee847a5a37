#pragma once
#include "nal/any_handle.hpp"
#include "nal/dns.hpp"

namespace nal {

namespace detail {
struct AnyLookupTable {
  AnyTable base;
  Poll<Result<std::size_t>> (*addresses)(void*, Context&, Waiter&, std::span<IpAddress>) noexcept;
};
template <class L>
inline constexpr AnyLookupTable kAnyLookup{
    .base = {&any_relocate<L>, &any_destroy<L>},
    .addresses = [](void* self, Context& c, Waiter& w,
                    std::span<IpAddress> out) noexcept { return static_cast<L*>(self)->poll_addresses(c, w, out); },
};
struct AnyReverseLookupTable {
  AnyTable base;
  Poll<Result<std::size_t>> (*name)(void*, Context&, Waiter&, std::span<char>) noexcept;
};
template <class L>
inline constexpr AnyReverseLookupTable kAnyReverseLookup{
    .base = {&any_relocate<L>, &any_destroy<L>},
    .name = [](void* self, Context& c, Waiter& w,
               std::span<char> out) noexcept { return static_cast<L*>(self)->poll_name(c, w, out); },
};
}  // namespace detail

/// Any resolver's question; a model of `DnsLookup`.
class AnyLookup : detail::AnyHandle<detail::AnyLookupTable> {
 public:
  template <class L>
    requires(!std::same_as<L, AnyLookup> && DnsLookup<L>)
  explicit AnyLookup(L lookup) noexcept : AnyHandle(std::move(lookup), detail::kAnyLookup<L>) {}
  Poll<Result<std::size_t>> poll_addresses(Context& context, Waiter& waiter, std::span<IpAddress> out) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->addresses(self(), context, waiter, out);
  }
};

/// Any resolver's question about an address; a model of `DnsReverseLookup`.
class AnyReverseLookup : detail::AnyHandle<detail::AnyReverseLookupTable> {
 public:
  template <class L>
    requires(!std::same_as<L, AnyReverseLookup> && DnsReverseLookup<L>)
  explicit AnyReverseLookup(L lookup) noexcept : AnyHandle(std::move(lookup), detail::kAnyReverseLookup<L>) {}
  Poll<Result<std::size_t>> poll_name(Context& context, Waiter& waiter, std::span<char> out) noexcept {
    if (!table()) { return Unexpected(Error::closed); }
    return table()->name(self(), context, waiter, out);
  }
};
static_assert(DnsLookup<AnyLookup> && DnsReverseLookup<AnyReverseLookup>);

}  // namespace nal
