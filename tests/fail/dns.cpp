// fails NO_START_LOOKUP: no matching function .*lookup & Dns & start_lookup
// fails NO_START_REVERSE_LOOKUP: no matching function .*lookup & Dns & start_reverse_lookup
// fails RESOLVER_NAMES_NO_LOOKUP: no matching function .*lookup & Dns & Lookup
// fails NO_POLL_ADDRESSES: no matching function .*lookup & Dns & DnsLookup
// fails NO_POLL_NAME: no matching function .*lookup & Dns & DnsReverseLookup
#include "nal/dns.hpp"
#include "tests/fail/models.hpp"

auto operation(model::Stack& stack, std::span<nal::IpAddress> out) {
  return nal::lookup(stack, "example.com", nal::Family::any, out);
}
