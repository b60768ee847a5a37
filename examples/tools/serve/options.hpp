#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "examples/common/backend.hpp"
#include "examples/common/tls.hpp"
#include "nal/ip_address.hpp"
#include "nal/time.hpp"

namespace nal_serve {

enum class Kind : std::uint8_t { echo, discard, daytime, chargen, http, https };
inline constexpr std::size_t kKinds = 6;
inline constexpr std::array<std::string_view, kKinds> kNames{"echo", "discard", "daytime", "chargen", "http", "https"};
inline constexpr std::array<std::uint16_t, kKinds> kPorts{7, 9, 13, 19, 80, 443};

struct Options {
  examples::BackendOptions backend;
  examples::TlsOptions tls;               ///< of https, which is off without them
  std::vector<nal::IpAddress> addresses;  ///< empty: all, of both families
  /// Of each service; nothing: it is off.
  std::array<std::optional<std::uint16_t>, kKinds> ports{7, 9, 13, 19, 80, 443};
  unsigned connections = 32;                             ///< at a time, for each service
  nal::Duration idle = nal::Duration::seconds(60);       ///< a silent client is held that long
  nal::Duration head_time = nal::Duration::seconds(10);  ///< a request's head must be whole by then
  bool verbose = false;
};

/// Nothing, or the exit status if the program is over.
std::optional<int> parse(int argc, const char* const* argv, Options& options);

}  // namespace nal_serve
