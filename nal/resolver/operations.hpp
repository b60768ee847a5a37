#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "nal/block_on.hpp"
#include "nal/resolver/resolver.hpp"

namespace nal::dns {

/// See `records`.
template <class Q>
class [[nodiscard("await it")]] Records {
 public:
  explicit Records(Q& question) noexcept : question_(&question) {}
  Poll<Result<RecordSet>> poll(Context& context) noexcept { return question_->poll_records(context, waiter_); }

 private:
  Q* question_;
  Waiter waiter_;
};
/// Waits for a question's answer. *Completes* with the records, none if the name has none of that type. *Errors*:
/// name_not_found, name_service_failed, timed_out, table_full, no_memory. *Cancellation*: the question goes on until
/// its handle is dropped. *Buffer lifetime*: the records stand in the resolver's memory until then.
///
///     auto question = resolver.start_query("example.org", dns::Type::txt);
///     ...
///     NAL_CO_TRY_SET(const dns::RecordSet texts, dns::records(*question));
template <class Q>
Records<Q> records(Q& question) noexcept {
  return Records<Q>(question);
}

/// Puts services in the order to try them (RFC 2782): lower priorities first, and within one priority by lot, in
/// proportion to their weights.
void order_services(std::span<Service> services, Random& random) noexcept;
/// The services among `records`, in no order. Those that do not fit are left out, of high priority numbers first.
std::size_t gather_services(const RecordSet& records, std::span<Service> out) noexcept;

/// See `lookup_services`.
template <class R>
class [[nodiscard("await it")]] LookupServices {
 public:
  LookupServices(R& resolver, std::string_view name, std::span<Service> out) noexcept
      : resolver_(&resolver), name_(name), out_(out) {}
  Poll<Result<std::size_t>> poll(Context& context) noexcept {
    if (!question_) {
      auto started = resolver_->start_query(name_, Type::srv);
      if (!started) { return Unexpected(started.error()); }
      question_.emplace(*std::move(started));
    }
    auto records = question_->poll_records(context, waiter_);
    if (!records.ready()) { return pending; }
    const std::size_t count = *records ? gather_services(**records, out_) : 0;
    const Error error = *records ? Error::name_not_found : records->error();
    question_.reset();
    // A service at the root is decidedly not offered.
    if (count == 0 || (count == 1 && out_[0].target.is_root())) { return Unexpected(error); }
    order_services(out_.first(count), resolver_->random());
    return count;
  }

 private:
  R* resolver_;
  std::string_view name_;
  std::span<Service> out_;
  std::optional<typename R::Question> question_;
  Waiter waiter_;
};
/// Asks where a service is offered, "_mqtt._tcp.example.org" say. *Completes* with how many stand in `out`, at least
/// one, in the order to try them. *Errors*: name_not_found, name_service_failed, timed_out, table_full,
/// invalid_argument, not_supported. *Cancellation*: the question is withdrawn. *Buffer lifetime*: `name` until the
/// first poll, `out` until it completes or is destroyed.
template <class Stack>
LookupServices<Resolver<Stack>> lookup_services(Resolver<Stack>& resolver, std::string_view name,
                                                std::span<Service> out) noexcept {
  return LookupServices<Resolver<Stack>>(resolver, name, out);
}

}  // namespace nal::dns
