// An outside program, as a user's would be: it knows the installed tree alone, and needs both libraries to link.
#include <cstdio>

#include "backends/posix/reactor.hpp"
#include "nal/endpoint.hpp"

int main() {
  const nal::Result<nal::Endpoint> endpoint = nal::Endpoint::parse("[::1]:1883");
  if (!endpoint || endpoint->port != 1883) { return 1; }
  nal::posix::Reactor reactor;
  if (const nal::Result<> status = reactor.status(); !status) {
    std::fprintf(stderr, "%s\n", nal::to_string(status.error()));
    return 1;
  }
  std::puts("works");
  return 0;
}
