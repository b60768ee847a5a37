// The requests that nal-serve takes, of arbitrary bytes: it stays within them and its limits, and how they were cut on
// their way changes nothing.
#include <cstdint>
#include <string_view>

#include "examples/tools/serve/http.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using nal::fuzz::require;
using namespace nal_serve::http;
using Kind = Parsed::Kind;

bool within(std::string_view part, std::string_view whole) {
  // A path that nobody wrote is "/".
  return part.empty() || part == "/" ||
         (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check(const Parsed& parsed, std::string_view text, const Limits& limits) {
  switch (parsed.kind) {
    case Kind::incomplete: require(text.size() < limits.head); return;
    case Kind::refused:
      require(parsed.status == 400 || parsed.status == 414 || parsed.status == 431 || parsed.status == 501 ||
              parsed.status == 505);
      return;
    case Kind::request:
      require(parsed.size > 0 && parsed.size <= text.size() && parsed.size <= limits.head);
      require(parsed.request.path.size() + parsed.request.query.size() <= limits.target);
      require(within(parsed.request.path, text) && within(parsed.request.query, text));
      require(!(parsed.request.has_chunked_body && parsed.request.content_length > 0));
      return;
  }
}

bool same(const Parsed& a, const Parsed& b) {
  return a.kind == b.kind && a.status == b.status && a.size == b.size && a.request.path == b.request.path &&
         a.request.query == b.request.query && a.request.method == b.request.method &&
         a.request.keep_alive == b.request.keep_alive && a.request.content_length == b.request.content_length;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Limits limits{.target = 64, .head = 256, .fields = 8};
  const Parsed whole = parse(text, limits);
  check(whole, text, limits);
  // Piece by piece: once something is decided, more bytes change nothing.
  for (std::size_t i = 0; i <= size; ++i) {
    const Parsed part = parse(text.substr(0, i), limits);
    check(part, text.substr(0, i), limits);
    if (part.kind == Kind::incomplete) { continue; }
    require(part.kind == Kind::refused ? whole.kind == Kind::refused : same(part, whole));
    break;
  }
  return 0;
}
