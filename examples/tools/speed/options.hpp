#pragma once
#include <optional>
#include <string>
#include <vector>

#include "examples/common/backend.hpp"
#include "examples/tools/speed/protocol.hpp"

namespace nal_speed {

struct Options {
  examples::BackendOptions backend;
  bool server = false;
  bool once = false;  ///< the server ends behind a test
  std::string host;
  /// Of the server.
  std::vector<nal::IpAddress> local{nal::IpAddress::unspecified(nal::Family::v6),
                                    nal::IpAddress::unspecified(nal::Family::v4)};
  std::uint16_t port = kPort;
  Plan plan;
  nal::Duration interval = nal::Duration::seconds(1);  ///< zero: no lines in between
  nal::Duration timeout = nal::Duration::seconds(20);  ///< without a byte
  bool json = false;
};

/// The exit status if the program is over.
std::optional<int> parse(int argc, const char* const* argv, Options& options);

}  // namespace nal_speed
