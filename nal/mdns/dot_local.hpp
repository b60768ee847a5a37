#pragma once
#include <string_view>
#include <utility>
#include <variant>

#include "nal/mdns/node.hpp"
#include "nal/resolver/stack_with_dns.hpp"

namespace nal::mdns {

/// Whether only multicast DNS knows the name, or the name of the address (RFC 6762 §3, §4, §12): ".local", and
/// link-local addresses.
inline bool is_local(std::string_view text) noexcept {
  dns::Name name;
  return name.set_text(text) && dns::special_name(name) == dns::SpecialName::multicast;
}

/// A model of `nal::Dns` that asks a node for what is local, and another resolver for the rest: two words that borrow
/// both. Its handles are a word larger than the larger of theirs.
template <Dns D, Dns M>
class DotLocal {
  template <class A, class B>
  class Either {
   public:
    explicit Either(A handle) noexcept : handle_(std::in_place_index<0>, std::move(handle)) {}
    explicit Either(B handle, int) noexcept : handle_(std::in_place_index<1>, std::move(handle)) {}
    Poll<Result<std::size_t>> poll_addresses(Context& context, Waiter& waiter, std::span<IpAddress> out) noexcept {
      if (auto* first = std::get_if<0>(&handle_)) { return first->poll_addresses(context, waiter, out); }
      return std::get_if<1>(&handle_)->poll_addresses(context, waiter, out);
    }
    Poll<Result<std::size_t>> poll_name(Context& context, Waiter& waiter, std::span<char> out) noexcept {
      if (auto* first = std::get_if<0>(&handle_)) { return first->poll_name(context, waiter, out); }
      return std::get_if<1>(&handle_)->poll_name(context, waiter, out);
    }

   private:
    std::variant<A, B> handle_;
  };

 public:
  using Lookup = Either<typename D::Lookup, typename M::Lookup>;
  using ReverseLookup = Either<typename D::ReverseLookup, typename M::ReverseLookup>;

  /// Both outlive it.
  DotLocal(D& dns, M& node) noexcept : dns_(&dns), node_(&node) {}

  Result<Lookup> start_lookup(std::string_view name, Family family) noexcept {
    if (is_local(name)) {
      NAL_TRY_SET(auto lookup, node_->start_lookup(name, family));
      return Lookup(std::move(lookup), 1);
    }
    NAL_TRY_SET(auto lookup, dns_->start_lookup(name, family));
    return Lookup(std::move(lookup));
  }
  Result<ReverseLookup> start_reverse_lookup(const IpAddress& address) noexcept {
    if (address.unmapped().is_link_local()) {
      NAL_TRY_SET(auto lookup, node_->start_reverse_lookup(address));
      return ReverseLookup(std::move(lookup), 1);
    }
    NAL_TRY_SET(auto lookup, dns_->start_reverse_lookup(address));
    return ReverseLookup(std::move(lookup));
  }

 private:
  D* dns_;
  M* node_;
};

/// A stack that knows the names of its neighbours beside those that it knows anyway:
///
///     mdns::Node<Stack> node(executor, stack, memory, entropy);
///     mdns::StackWithMdns all(stack, node);
///     co_await nal::connect(all, "kitchen.local", 80);
///
/// A stack without names of its own gets them first, by `dns::StackWithDns`. It borrows both and stays where it is.
template <class N, Dns M>
class StackWithMdns : private DotLocal<N, M>, public dns::StackWithDns<N, DotLocal<N, M>> {
  using Names = DotLocal<N, M>;
  using Stack = dns::StackWithDns<N, Names>;

 public:
  StackWithMdns(N& stack, M& node) noexcept : Names(stack, node), Stack(stack, static_cast<Names&>(*this)) {}
  StackWithMdns(const StackWithMdns&) = delete;
  StackWithMdns& operator=(const StackWithMdns&) = delete;

  using Stack::start_lookup;
  using Stack::start_reverse_lookup;
  using typename Stack::Lookup;
  using typename Stack::ReverseLookup;
};

}  // namespace nal::mdns
