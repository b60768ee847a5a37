#pragma once
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

#include "nal/block_on.hpp"
#include "nal/ip_address.hpp"

namespace nal {

/// A question about a name that is under way. Dropping it withdraws the question.
///
/// *Syntax*: `l.poll_addresses(context, waiter, out)` gives a `Poll<Result<std::size_t>>`.
/// *Semantics*: ready with how many addresses stand at the front of `out`, the best first; those that do not fit are
/// left out. *Errors*: name_not_found (no such name, or none of that family), name_service_failed, timed_out. *Buffer
/// lifetime*: touched only during the call.
template <class L>
concept DnsLookup = std::is_nothrow_move_constructible_v<L> &&
                    requires(L& l, Context& context, Waiter& waiter, std::span<IpAddress> out) {
                      { l.poll_addresses(context, waiter, out) } -> std::same_as<Poll<Result<std::size_t>>>;
                    };

/// A question about an address.
///
/// *Syntax*: `l.poll_name(context, waiter, out)` gives a `Poll<Result<std::size_t>>`: the name's length in `out`.
/// *Errors*: name_not_found, name_service_failed, timed_out, buffer_too_small.
template <class L>
concept DnsReverseLookup =
    std::is_nothrow_move_constructible_v<L> && requires(L& l, Context& context, Waiter& waiter, std::span<char> out) {
      { l.poll_name(context, waiter, out) } -> std::same_as<Poll<Result<std::size_t>>>;
    };

/// Something that resolves names. Its factories never wait.
///
/// *Syntax*: `n.start_lookup(name, family)` gives a `Result<N::Lookup>`; `n.start_reverse_lookup(address)` gives a
/// `Result<N::ReverseLookup>`.
/// *Semantics*: addresses of one family, or of both with `Family::any`. A literal address is its own answer. The name
/// is copied. *Errors*: invalid_argument (no possible name), not_supported (a name of multicast DNS, where that is not
/// spoken), table_full; name_not_found where that is known at once.
template <class N>
concept Dns = requires(N& n, std::string_view name, Family family, const IpAddress& address) {
  requires DnsLookup<typename N::Lookup>;
  requires DnsReverseLookup<typename N::ReverseLookup>;
  { n.start_lookup(name, family) } -> std::same_as<Result<typename N::Lookup>>;
  { n.start_reverse_lookup(address) } -> std::same_as<Result<typename N::ReverseLookup>>;
};

/// See `lookup`.
template <class N>
class [[nodiscard("await it")]] Lookup {
 public:
  Lookup(N& dns, std::string_view name, Family family, std::span<IpAddress> out) noexcept
      : dns_(&dns), name_(name), family_(family), out_(out) {}
  Poll<Result<std::size_t>> poll(Context& context) noexcept {
    if (!lookup_) {
      auto started = dns_->start_lookup(name_, family_);
      if (!started) { return Unexpected(started.error()); }
      lookup_.emplace(*std::move(started));
    }
    auto answer = lookup_->poll_addresses(context, waiter_, out_);
    if (answer.ready()) { lookup_.reset(); }
    return answer;
  }

 private:
  N* dns_;
  std::string_view name_;
  Family family_;
  std::span<IpAddress> out_;
  std::optional<typename N::Lookup> lookup_;
  Waiter waiter_;
};
/// Asks for a name's addresses. *Completes* with how many stand in `out`, at least one, the best first. *Errors*:
/// name_not_found, name_service_failed, timed_out, table_full, invalid_argument. *Cancellation*: the question is
/// withdrawn. *Buffer lifetime*: `name` until the first poll, `out` until it completes or is destroyed.
template <Dns N>
Lookup<N> lookup(N& dns, std::string_view name, Family family, std::span<IpAddress> out) noexcept {
  return Lookup<N>(dns, name, family, out);
}

/// See `reverse_lookup`.
template <class N>
class [[nodiscard("await it")]] ReverseLookup {
 public:
  ReverseLookup(N& dns, const IpAddress& address, std::span<char> out) noexcept
      : dns_(&dns), address_(address), out_(out) {}
  Poll<Result<std::size_t>> poll(Context& context) noexcept {
    if (!lookup_) {
      auto started = dns_->start_reverse_lookup(address_);
      if (!started) { return Unexpected(started.error()); }
      lookup_.emplace(*std::move(started));
    }
    auto answer = lookup_->poll_name(context, waiter_, out_);
    if (answer.ready()) { lookup_.reset(); }
    return answer;
  }

 private:
  N* dns_;
  IpAddress address_;
  std::span<char> out_;
  std::optional<typename N::ReverseLookup> lookup_;
  Waiter waiter_;
};
/// Asks for an address's name. *Completes* with its length in `out` (no terminating zero). *Errors*: name_not_found,
/// name_service_failed, timed_out, table_full, buffer_too_small. *Cancellation*: the question is withdrawn. *Buffer
/// lifetime*: `out` until it completes or is destroyed.
template <Dns N>
ReverseLookup<N> reverse_lookup(N& dns, const IpAddress& address, std::span<char> out) noexcept {
  return ReverseLookup<N>(dns, address, out);
}

}  // namespace nal
