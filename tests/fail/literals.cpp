// fails IPV4: malformed_literal
// fails IPV6: malformed_literal
// fails IP: malformed_literal
// fails ENDPOINT: malformed_literal
// fails CIDR: malformed_literal
// fails MAC: malformed_literal
// fails NUMBER_AS_DURATION: convert|conversion|no matching function & Duration
// fails SUM_OF_INSTANTS: operator\+|invalid operands & Instant
#include "nal/cidr.hpp"
#include "nal/endpoint.hpp"
#include "nal/mac_address.hpp"
#include "nal/sleep.hpp"

using namespace nal::literals;

#ifdef IPV4
constinit auto ipv4 = "192.0.2.256"_ipv4;
#else
constinit auto ipv4 = "192.0.2.255"_ipv4;
#endif

#ifdef IPV6
constinit auto ipv6 = "2001:db8::1::2"_ipv6;
#else
constinit auto ipv6 = "2001:db8::1:2"_ipv6;
#endif

#ifdef IP
constinit auto ip = "localhost"_ip;
#else
constinit auto ip = "127.0.0.1"_ip;
#endif

#ifdef ENDPOINT
constinit auto endpoint = "192.0.2.1:65536"_endpoint;
#else
constinit auto endpoint = "192.0.2.1:65535"_endpoint;
#endif

#ifdef CIDR
constinit auto cidr = "192.0.2.0/33"_cidr;
#else
constinit auto cidr = "192.0.2.0/32"_cidr;
#endif

#ifdef MAC
constinit auto mac = "02:00:5e:00:53"_mac;
#else
constinit auto mac = "02:00:5e:00:53:01"_mac;
#endif

#ifdef NUMBER_AS_DURATION
auto nap() { return nal::sleep(5); }
#else
auto nap() { return nal::sleep(5_ms); }
#endif

#ifdef SUM_OF_INSTANTS
auto later(nal::Instant a, nal::Instant b) { return a + b; }
#else
auto later(nal::Instant a, nal::Instant b) { return a + (b - a); }
#endif
