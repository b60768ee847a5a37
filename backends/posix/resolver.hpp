#pragma once
#include <cstdint>
#include <string_view>

#include "nal/dns.hpp"
#include "nal/event.hpp"

namespace nal::posix {

struct ResolverState;
struct ResolverRequest;

/// The system's resolver (`getaddrinfo`) in a bounded number of helper threads, made when first needed.
///
/// The system's call cannot be stopped: a dropped lookup's answer is thrown away, and its entry is free again when the
/// call returns. Destroying the resolver does not wait for that either. A model of `nal::Dns`.
class Resolver {
 public:
  static constexpr std::size_t kMaxAddresses = 16;

  /// At most `requests` questions at a time, by at most `threads` threads. The executor outlives it.
  Resolver(Executor& executor, std::size_t requests, std::size_t threads) noexcept;
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  /// What both kinds of question share: they own an entry of the resolver's table.
  class Question {
   public:
    Question(Question&& other) noexcept;
    Question& operator=(Question&& other) noexcept;
    ~Question() { drop(); }

   protected:
    friend class Resolver;
    Question(Resolver& resolver, ResolverRequest& request) noexcept : resolver_(&resolver), request_(&request) {}
    /// Ready when the answer stands in the request: how many items, or why not.
    Poll<Result<std::size_t>> poll_answer(Context& context, Waiter& waiter) noexcept;
    void drop() noexcept;

    Resolver* resolver_;
    ResolverRequest* request_;
  };

  /// A model of `nal::DnsLookup`.
  class Lookup : public Question {
   public:
    Poll<Result<std::size_t>> poll_addresses(Context& context, Waiter& waiter, std::span<IpAddress> out) noexcept;

   private:
    friend class Resolver;
    using Question::Question;
  };

  /// A model of `nal::DnsReverseLookup`.
  class ReverseLookup : public Question {
   public:
    Poll<Result<std::size_t>> poll_name(Context& context, Waiter& waiter, std::span<char> out) noexcept;

   private:
    friend class Resolver;
    using Question::Question;
  };

  Result<Lookup> start_lookup(std::string_view name, Family family) noexcept;
  Result<ReverseLookup> start_reverse_lookup(const IpAddress& address) noexcept;

 private:
  Result<ResolverRequest*> take() noexcept;
  void give_back(ResolverRequest& request) noexcept;
  Result<> submit(ResolverRequest& request) noexcept;

  Event answered_;
  ResolverState* state_;
};

}  // namespace nal::posix
