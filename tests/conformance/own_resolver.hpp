#pragma once
#include <array>
#include <span>
#include <string_view>

#include "nal/resolver/resolver.hpp"
#include "nal/resolver/stack_with_dns.hpp"
#include "tests/conformance/fake.hpp"
#ifdef NAL_CONFORMANCE_POSIX
#include "tests/conformance/posix.hpp"
#endif

namespace nal::conformance {

/// A backend whose names nal's own resolver resolves. It has no name server: what the suite asks for needs none.
template <class Base>
class OwnResolverFixture : public Base {
  using Inner = typename Base::Stack;
  using Resolver = dns::Resolver<Inner>;

 public:
  using Stack = dns::StackWithDns<Inner, Resolver>;

  static std::span<const SkippedCase> skipped() {
    // The one case that the machine's own name servers would be asked for is no longer one.
    static const auto kSkipped = [] {
      std::array<SkippedCase, 16> kept{};
      std::size_t count = 0;
      for (const SkippedCase& skipped : Base::skipped()) {
        if (skipped.test != "A name that does not exist is not found") { kept.at(count++) = skipped; }
      }
      return std::pair(kept, count);
    }();
    return std::span(kSkipped.first).first(kSkipped.second);
  }

  Stack& client() { return client_; }
  Stack& server() { return server_; }
  std::size_t in_use() const { return Base::in_use() + client_resolver_.in_use() + server_resolver_.in_use(); }

 private:
  using Memory = dns::Resources<Inner, dns::Config{.cache_entries = 4}>;
  static Entropy entropy() { return Entropy(std::array<std::byte, Entropy::kSize>{}); }

  Memory client_memory_;
  Memory server_memory_;
  Resolver client_resolver_{Base::executor(), Base::client(), client_memory_, entropy()};
  Resolver server_resolver_{Base::executor(), Base::server(), server_memory_, entropy()};
  Stack client_{Base::client(), client_resolver_};
  Stack server_{Base::server(), server_resolver_};
};

using FakeOwnResolverFixture = OwnResolverFixture<FakeFixture>;
#ifdef NAL_CONFORMANCE_POSIX
using PosixOwnResolverFixture = OwnResolverFixture<PosixFixture>;
#endif

}  // namespace nal::conformance
