// Values at run time on the target: 64-bit arithmetic that a small core calls helpers for, and text without a C
// library. What they promise in all corners is tested on the host, in tests/nal.
#include <array>
#include <string_view>

#include "nal/cidr.hpp"
#include "nal/endpoint.hpp"
#include "nal/mac_address.hpp"
#include "nal/time.hpp"
#include "tests/support/check.hpp"

using namespace nal;
using namespace nal::literals;

namespace {

/// Keeps the compiler from computing the answers itself.
template <class T>
T at_run_time(T value) {
  volatile T hidden = value;
  return hidden;
}
Duration us(std::int64_t n) { return Duration::microseconds(at_run_time(n)); }

/// Parsed and written again.
template <class T>
bool reads_and_writes(std::string_view text, std::string_view canonical) {
  const Result<T> value = T::parse(text);
  if (!value) { return false; }
  std::array<char, 80> memory{};
  const Result<std::string_view> written = value->format_to(memory);
  return written.has_value() && *written == canonical;
}
template <class T>
bool refuses(std::string_view text) {
  return T::parse(text) == Unexpected(Error::invalid_argument);
}

}  // namespace

TEST_CASE("time is computed alike at run time and when compiled", "[values]") {
  CHECK(us(1'500'000) == 1'500_ms);
  CHECK(us(3'600'000'000) * at_run_time(std::int64_t{24 * 365 * 1000}) == Duration::hours(24 * 365 * 1000));
  CHECK(us(10'000'000'001) / at_run_time(std::int64_t{3}) == 3'333'333'333_us);
  CHECK(us(10'000'000'001) / us(3'000'000'000) == 3);
  CHECK(us(10'000'000'001) % us(3'000'000'000) == 1'000'000'001_us);
  CHECK(us(-7'000'001).milliseconds() == -7'000);
  CHECK(us(7'000'001).milliseconds_rounded_up() == 7'001);
}

TEST_CASE("time saturates at run time", "[values]") {
  const std::int64_t most = at_run_time(std::int64_t{0x7fff'ffff'ffff'fff0});
  CHECK((us(most) + us(most)).is_never());
  CHECK(us(-most) - us(most) == Duration::min());
  CHECK((us(most) * at_run_time(std::int64_t{2})).is_never());
  CHECK(us(most) * at_run_time(std::int64_t{-2}) == Duration::min());
  CHECK((Instant::max() - us(1)).is_never());
  CHECK(Duration::seconds(at_run_time(most)).is_never());
}

TEST_CASE("addresses are read and written at run time", "[values]") {
  CHECK(reads_and_writes<Ipv4Address>("192.0.2.255", "192.0.2.255"));
  CHECK(reads_and_writes<Ipv6Address>("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"));
  CHECK(reads_and_writes<Ipv6Address>("::ffff:192.0.2.1", "::ffff:192.0.2.1"));
  CHECK(reads_and_writes<Ipv6Address>("fe80::1%4294967295", "fe80::1%4294967295"));
  CHECK(reads_and_writes<IpAddress>("::", "::"));
  CHECK(reads_and_writes<Endpoint>("192.0.2.1:65535", "192.0.2.1:65535"));
  CHECK(reads_and_writes<Endpoint>("[2001:db8::1]:80", "[2001:db8::1]:80"));
  CHECK(reads_and_writes<Cidr>("2001:db8::/32", "2001:db8::/32"));
  CHECK(reads_and_writes<MacAddress>("02:00:5e:10:00:FF", "02:00:5e:10:00:ff"));
}

TEST_CASE("what is no address is refused at run time", "[values]") {
  for (const std::string_view text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.4 "}) {
    CHECK(refuses<Ipv4Address>(text));
  }
  for (const std::string_view text :
       {"", ":", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "12345::", "g::"}) {
    CHECK(refuses<Ipv6Address>(text));
  }
  for (const std::string_view text : {"192.0.2.1", "192.0.2.1:65536", "192.0.2.1:", "[::1:80", "::1"}) {
    CHECK(refuses<Endpoint>(text));
  }
}
