// Every parser of nal's values on arbitrary bytes: it stays within them, and what it takes is written, read back and
// written again the same; an address is taken exactly if the system takes it.
#include <arpa/inet.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nal/cidr.hpp"
#include "nal/endpoint.hpp"
#include "nal/mac_address.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using nal::fuzz::require;

template <class T>
void round_trip(std::string_view text) {
  const nal::Result<T> parsed = T::parse(text);
  if (!parsed.has_value()) {
    require(parsed.error() == nal::Error::invalid_argument);
    return;
  }
  const auto written = nal::to_text(*parsed);
  const nal::Result<T> again = T::parse(written);
  require(again == *parsed);
  require(nal::to_text(*again) == written);
  require(nal::hash_value(*again) == nal::hash_value(*parsed));

  // On the heap and of just the right size, so that AddressSanitizer sees a byte too many.
  std::string buffer(written.size(), '\0');
  require(parsed->format_to(buffer) == written.view());
  require(parsed->format_to(std::span(buffer).first(written.size() - 1)) ==
          nal::Unexpected(nal::Error::buffer_too_small));
}

template <class T>
void agrees_with_system(int family, std::string_view text) {
  typename T::Bytes bytes{};
  const bool taken = ::inet_pton(family, std::string(text).c_str(), bytes.data()) == 1;
  const nal::Result<T> parsed = T::parse(text);
  require(parsed.has_value() == taken);
  if (taken) { require(std::ranges::equal(parsed->bytes(), bytes)); }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Without a zero behind it, so that AddressSanitizer sees a byte too many.
  const std::vector<char> bytes(data, data + size);
  const std::string_view text(bytes.data(), bytes.size());
  round_trip<nal::Ipv4Address>(text);
  round_trip<nal::Ipv6Address>(text);
  round_trip<nal::IpAddress>(text);
  round_trip<nal::Endpoint>(text);
  round_trip<nal::Ipv4Cidr>(text);
  round_trip<nal::Ipv6Cidr>(text);
  round_trip<nal::Cidr>(text);
  round_trip<nal::MacAddress>(text);
  // The system takes neither zones nor anything behind a zero byte for what it is.
  if (text.find_first_of(std::string_view("%\0", 2)) == std::string_view::npos) {
    agrees_with_system<nal::Ipv4Address>(AF_INET, text);
    agrees_with_system<nal::Ipv6Address>(AF_INET6, text);
  }
  return 0;
}
