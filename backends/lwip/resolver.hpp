#pragma once
#include <array>
#include <utility>

#include "backends/lwip/stack.hpp"
#include "nal/dns.hpp"

#if LWIP_DNS
namespace nal::lwip {

/// A question beside lwIP's table. Of concern to `Resolver`.
struct DnsQuestion {
  Bell answered;
  std::uint32_t asked = 0;  ///< lwIP's time
  std::uint16_t generation = 0;
  bool used : 1 = false;
  bool open_v4 : 1 = false;  ///< lwIP owes an answer
  bool open_v6 : 1 = false;
  bool found_v4 : 1 = false;
  bool found_v6 : 1 = false;
  IpAddress v4;
  IpAddress v6;
};

/// lwIP's own resolver (LWIP_DNS) behind nal's interface, a model of `Dns` for `dns::StackWithDns`, where it is linked
/// anyway; it asks the servers that DHCP and routers told of, or `set_servers`. It knows one address of each family for
/// a name, has no names for addresses (`start_reverse_lookup` is not_supported), and does not tell why it has found
/// nothing: what failed before all its tries can have been made is name_not_found, and timed_out after that. nal's
/// resolver (`dns::Resolver`) has none of these limits and runs over the stack as over any.
///
/// One at a time (asserted). The stack outlives it, and it its handles.
class Resolver {
 public:
  /// At most so many questions at a time; lwIP's own table (DNS_TABLE_SIZE) holds the names asked for and those known.
  static constexpr std::size_t kQuestions = DNS_TABLE_SIZE;

  /// A model of `DnsLookup`.
  class Lookup {
   public:
    Lookup(Lookup&& other) noexcept
        : resolver_(std::exchange(other.resolver_, nullptr)), index_(other.index_), generation_(other.generation_) {}
    Lookup& operator=(Lookup&& other) noexcept {
      std::swap(resolver_, other.resolver_);
      std::swap(index_, other.index_);
      std::swap(generation_, other.generation_);
      return *this;
    }
    ~Lookup();
    Poll<Result<std::size_t>> poll_addresses(Context& context, Waiter& waiter, std::span<IpAddress> out) noexcept;

   private:
    friend class Resolver;
    Lookup(Resolver& resolver, std::uint16_t index, std::uint16_t generation) noexcept
        : resolver_(&resolver), index_(index), generation_(generation) {}
    Resolver* resolver_;
    std::uint16_t index_;
    std::uint16_t generation_;
  };

  /// There is none to be had.
  class ReverseLookup {
   public:
    Poll<Result<std::size_t>> poll_name(Context& /*context*/, Waiter& /*waiter*/, std::span<char> /*out*/) noexcept {
      return Unexpected(Error::not_supported);
    }

   private:
    ReverseLookup() = default;
  };

  explicit Resolver(Stack& stack) noexcept;
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;
  ~Resolver();

  /// The servers to ask from now on, instead of those that were told of. *Errors*: table_full (DNS_MAX_SERVERS),
  /// not_supported (addresses of a family that lwIP has not).
  Result<> set_servers(std::span<const IpAddress> servers) noexcept;

  /// See `nal::Dns`. *Errors*: also name_service_failed when no server is known.
  Result<Lookup> start_lookup(std::string_view name, Family family) noexcept;
  Result<ReverseLookup> start_reverse_lookup(const IpAddress& /*address*/) noexcept {
    return Unexpected(Error::not_supported);
  }

  std::size_t in_use() const noexcept;

 private:
  static void on_found(const char* name, const ip_addr_t* address, void* question) noexcept;
  Result<> ask(DnsQuestion& question, const char* name, Family family) noexcept;
  void release(DnsQuestion& question) noexcept;

  static Resolver* instance_;
  Core& core_;
  std::array<DnsQuestion, kQuestions> questions_;
};

static_assert(nal::Dns<Resolver>);

}  // namespace nal::lwip
#endif
