#pragma once
#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "nal/dns.hpp"
#include "nal/random.hpp"
#include "nal/resolver/small_query.hpp"
#include "nal/timer.hpp"
#include "nal/udp.hpp"

namespace nal::dns {

/// A resolver for small devices, a model of `nal::Dns`: addresses of names by UDP, one lookup at a time, a fraction of
/// `Resolver` in flash and RAM. What it has not: a cache, a search list, EDNS, TCP for long answers (what fits into 512
/// bytes is used), other records; `start_reverse_lookup` is `Error::not_supported`.
///
/// Ids and source ports are random, and an answer must be to the question asked. It has no task: whoever looks up
/// drives it. `kFamily` says which addresses the stack can use: nothing else is asked for. Stack and random source
/// outlive it; its lookup is gone before it (asserted).
template <class Stack, Family kFamily = Family::any>
class SmallResolver {
 public:
  static constexpr std::size_t kServers = 3;
  static constexpr std::size_t kAddresses = 4;  ///< of a name, at most

  SmallResolver(Stack& stack, Random& random) noexcept : stack_(stack), random_(random) {}
  SmallResolver(const SmallResolver&) = delete;
  SmallResolver& operator=(const SmallResolver&) = delete;
  ~SmallResolver() { NAL_ASSERT(!taken_); }

  /// Whom to ask from the next lookup on: the first `kServers` of them.
  void configure(std::span<const Endpoint> servers) noexcept {
    server_count_ = servers.size() < kServers ? servers.size() : kServers;
    for (std::size_t i = 0; i < server_count_; ++i) { servers_[i] = servers[i]; }
  }

  /// A lookup that is under way: a handle.
  class Lookup {
   public:
    Lookup(Lookup&& other) noexcept : resolver_(std::exchange(other.resolver_, nullptr)) {}
    Lookup& operator=(Lookup&& other) noexcept {
      std::swap(resolver_, other.resolver_);
      return *this;
    }
    ~Lookup() {
      if (resolver_) { resolver_->finish(); }
    }
    Poll<Result<std::size_t>> poll_addresses(Context& context, Waiter& waiter, std::span<IpAddress> out) noexcept {
      if (!resolver_) { return Unexpected(Error::closed); }
      return resolver_->poll(context, waiter, out);
    }

   private:
    friend class SmallResolver;
    explicit Lookup(SmallResolver& resolver) noexcept : resolver_(&resolver) {}
    SmallResolver* resolver_;
  };
  /// There is none.
  class ReverseLookup {
   public:
    Poll<Result<std::size_t>> poll_name(Context& /*context*/, Waiter& /*waiter*/, std::span<char> /*out*/) noexcept {
      return Unexpected(Error::not_supported);
    }
  };

  /// *Errors*: table_full (a lookup is under way), invalid_argument (no possible name), name_service_failed (no server
  /// is known).
  Result<Lookup> start_lookup(std::string_view name, Family family) noexcept {
    if (taken_) { return Unexpected(Error::table_full); }
    found_ = 0;
    if (family == Family::any) { family = kFamily; }
    done_ = true;
    if (const auto literal = parse(name)) {
      if (!literal->is(family)) { return Unexpected(Error::name_not_found); }
      addresses_[found_++] = *literal;
    } else if (kFamily != Family::any && family != kFamily) {
      return Unexpected(Error::name_not_found);
    } else {
      if (server_count_ == 0) { return Unexpected(Error::name_service_failed); }
      NAL_TRY(query_.start(name, family == Family::v4 ? Type::a : Type::aaaa, random_.u16()));
      done_ = false;
    }
    family_ = family;
    error_ = Error::timed_out;
    tries_ = 0;
    taken_ = true;
    return Lookup(*this);
  }
  Result<ReverseLookup> start_reverse_lookup(const IpAddress& /*address*/) noexcept {
    return Unexpected(Error::not_supported);
  }

 private:
  /// How often each server is asked; each time it has twice as long for its answer.
  static constexpr unsigned kRounds = 3;
  static constexpr Duration kFirstWait = Duration::seconds(1);
  /// What comes and is no answer is passed over, so many a poll.
  static constexpr unsigned kSteps = 8;

  static Result<IpAddress> parse(std::string_view name) noexcept {
    if constexpr (kFamily == Family::v4) {
      NAL_TRY_SET(const Ipv4Address address, Ipv4Address::parse(name));
      return IpAddress(address);
    } else {
      return IpAddress::parse(name);
    }
  }

  Poll<Result<std::size_t>> poll(Context& context, Waiter& waiter, std::span<IpAddress> out) noexcept {
    for (unsigned steps = 0; !done_; ++steps) {
      if (tries_ >= kRounds * server_count_) {
        // Nobody knows. What was told of one family is told nevertheless.
        if (found_ == 0) { return Unexpected(error_); }
        break;
      }
      if (steps == kSteps) {
        context.wake_soon();
        return pending;
      }
      if (!step(context, waiter)) {
        if (context.now() < deadline_) {
          context.arm(timer_, deadline_);
          return pending;
        }
        next_server();
      }
    }
    if (found_ == 0) { return Unexpected(Error::name_not_found); }
    const std::size_t count = found_ < out.size() ? found_ : out.size();
    for (std::size_t i = 0; i < count; ++i) { out[i] = addresses_[i]; }
    return count;
  }

  /// What can be done now. False: nothing.
  bool step(Context& context, Waiter& waiter) noexcept {
    if (!socket_) {
      sent_ = false;
      deadline_ = context.now() + kFirstWait * (1 << tries_ / server_count_);
      auto opened = udp_connect(stack_, servers_[tries_ % server_count_]);
      if (!opened) { return fail(opened.error()); }
      socket_.emplace(*std::move(opened));
    }
    if (!sent_) {
      auto sent = socket_->poll_send(context, waiter, query_.message());
      if (!sent.ready()) { return false; }
      if (!*sent) { return fail(sent->error()); }
      sent_ = true;
    }
    auto received = socket_->poll_receive(context, waiter, answer_);
    if (!received.ready()) { return false; }
    if (!*received) { return fail(received->error()); }
    switch (query_.read(std::span(answer_).first((*received)->size), addresses_, found_)) {
      case SmallQuery::Says::nothing: return true;
      case SmallQuery::Says::failed: return fail(Error::name_service_failed);
      case SmallQuery::Says::addresses:
      case SmallQuery::Says::no_such: break;
    }
    socket_.reset();
    if (kFamily == Family::any && family_ == Family::any && query_.type() == Type::aaaa) {
      query_.ask_for(Type::a, random_.u16());
      tries_ = 0;
    } else {
      done_ = true;
    }
    return true;
  }

  bool fail(Error error) noexcept {
    error_ = error;
    next_server();
    return true;
  }
  void next_server() noexcept {
    socket_.reset();
    ++tries_;
  }
  void finish() noexcept {
    socket_.reset();
    timer_.disarm();
    taken_ = false;
  }

  Stack& stack_;
  Random& random_;
  std::array<Endpoint, kServers> servers_;
  std::size_t server_count_ = 0;
  SmallQuery query_;
  std::optional<typename Stack::ConnectedUdp> socket_;
  Timer timer_;
  Instant deadline_;
  std::array<IpAddress, kAddresses> addresses_;
  std::size_t found_ = 0;
  unsigned tries_ = 0;  ///< servers asked in vain, since this question began
  Family family_ = Family::any;
  Error error_{};
  bool taken_ = false;
  bool sent_ = false;
  bool done_ = false;
  std::array<std::byte, 512> answer_;
};

}  // namespace nal::dns
