// fails NO_ENTROPY: no matching (function|constructor) .*Resolver
// fails MADE_UP_ENTROPY: no matching (function|constructor) .*Resolver & Entropy
// fails ONE_QUERY: the addresses of both families are two questions
// fails SHORT_MESSAGES: RFC 1035
#include "nal/resolver/resolver.hpp"
#include "tests/fail/models.hpp"

#if defined(ONE_QUERY)
constexpr nal::dns::Config kConfig{.queries = 1};
#elif defined(SHORT_MESSAGES)
constexpr nal::dns::Config kConfig{.message_bytes = 511};
#else
constexpr nal::dns::Config kConfig{};
#endif

using Memory = nal::dns::Resources<model::Stack, kConfig>;

void resolve(nal::Executor& executor, model::Stack& stack, Memory& memory, const nal::Entropy& entropy) {
#if defined(NO_ENTROPY)
  nal::dns::Resolver<model::Stack> resolver(executor, stack, memory);
#elif defined(MADE_UP_ENTROPY)
  nal::dns::Resolver<model::Stack> resolver(executor, stack, memory, 12345);
#else
  nal::dns::Resolver<model::Stack> resolver(executor, stack, memory, entropy);
#endif
  static_cast<void>(entropy);
}
