#pragma once
/// The interfaces of a machine, which its stack does not tell by nal's concepts: for programs that speak with the
/// neighbours on each of them.
#include <string>
#include <vector>

#include "examples/common/backend.hpp"

namespace examples {

struct LanInterface {
  nal::InterfaceId id;
  std::string name;
  std::vector<nal::Cidr> addresses;
};

/// Those that are up and know multicast, or of these only the ones with the names (or numbers) given, which may also be
/// a loopback interface. A name that is none is left out, and put into `unknown`.
std::vector<LanInterface> lan_interfaces(const Machine& machine, const std::vector<std::string>& names,
                                         std::string& unknown);
/// "eth0", or its number.
std::string interface_name(const std::vector<LanInterface>& interfaces, nal::InterfaceId id);

}  // namespace examples
