#include "examples/tools/serve/status.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>

#include "examples/tools/serve/service.hpp"
#include "nal/hosted/format.hpp"

namespace nal_serve {

namespace {

Section services(Server& server) {
  Section section{"services",
                  {"service", "connections", "active", "failed", "timed_out", "requests", "datagrams_in",
                   "datagrams_out", "datagrams_refused", "bytes_in", "bytes_out"},
                  {}};
  for (std::size_t i = 0; i < kKinds; ++i) {
    const Counts& it = server.counts(static_cast<Kind>(i));
    section.rows.push_back({std::string(kNames[i]), it.connections, it.active, it.failed, it.timed_out, it.requests,
                            it.datagrams_in, it.datagrams_out, it.datagrams_refused, it.bytes_in, it.bytes_out});
  }
  return section;
}

/// The system's addresses, where the stack is the system's.
Section system_addresses() {
  Section section{"addresses", {"interface", "address", "up"}, {}};
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) { return section; }
  for (const ifaddrs* it = first; it; it = it->ifa_next) {
    if (!it->ifa_addr) { continue; }
    const int family = it->ifa_addr->sa_family;
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : family == AF_INET6 ? sizeof(sockaddr_in6) : 0;
    char text[NI_MAXHOST];
    if (size == 0 || ::getnameinfo(it->ifa_addr, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) {
      continue;
    }
    section.rows.push_back({std::string(it->ifa_name), std::string(text), (it->ifa_flags & IFF_UP) != 0});
  }
  ::freeifaddrs(first);
  return section;
}

}  // namespace

Report make_report(Server& server) {
  const nal::Instant now = server.machine().executor.now();
  Report report;
  report.push_back({"server",
                    {},
                    {{std::string("backend"), server.options().backend.name},
                     {std::string("uptime_ms"), static_cast<std::uint64_t>((now - server.started()).milliseconds())},
                     {std::string("connections_each"), std::uint64_t{server.options().connections}}}});
  report.push_back(services(server));
#ifdef NAL_EXAMPLES_EMBEDDED
  if (server.machine().embedded) {
    report_embedded(*server.machine().embedded, now, report);
    return report;
  }
#endif
  // The system's are not those of a stack on a device of its own, such as lwIP.
  if (server.options().backend.name == "posix") { report.push_back(system_addresses()); }
  return report;
}

}  // namespace nal_serve
