#include "nal/hosted/format.hpp"

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <sstream>
#include <string>

#include "nal/cidr.hpp"
#include "nal/endpoint.hpp"

using namespace nal;
using namespace nal::literals;

namespace {

template <class T>
std::string streamed(const T& value) {
  std::ostringstream out;
  out << value;
  return out.str();
}

}  // namespace

TEST_CASE("values print into streams as their text") {
  CHECK(streamed("[::1]:80"_endpoint) == "[::1]:80");
  CHECK(streamed("10.0.0.0/8"_cidr) == "10.0.0.0/8");
  CHECK(streamed(to_text("10.0.0.1"_ip)) == "10.0.0.1");
  CHECK(streamed(Error::timed_out) == "timed out");
  CHECK(streamed(Family::v6) == "IPv6");
  CHECK(streamed(1500_ms) == "1500ms");
  CHECK(streamed(Instant::max()) == "never");
}

TEST_CASE("a result prints its value or what went wrong") {
  CHECK(streamed(Endpoint::parse("1.2.3.4:5")) == "1.2.3.4:5");
  CHECK(streamed(Endpoint::parse("1.2.3.4")) == "error: invalid argument");
  CHECK(streamed(Result<>()) == "done");
  CHECK(streamed(Result<int>(Unexpected(Error::no_memory))) == "error: out of memory");
}

TEST_CASE("the standard hash is the unkeyed one") {
  CHECK(std::hash<Endpoint>()("1.2.3.4:5"_endpoint) == hash_value("1.2.3.4:5"_endpoint));
}

#ifdef __cpp_lib_format
TEST_CASE("values and errors format with the specification of a string") {
  CHECK(std::format("{}", "[::1]:80"_endpoint) == "[::1]:80");
  CHECK(std::format("{:>10}", "10.0.0.1"_ip) == "  10.0.0.1");
  CHECK(std::format("{}", Error::timed_out) == "timed out");
}
#endif
