// nal-dump's filters, of arbitrary text, and frames of arbitrary bytes: a text is a filter or there are words about
// what is wrong with it; what a filter says of a frame follows the rules of and, or, not.
#include <algorithm>
#include <cstdint>
#include <string>

#include "backends/embedded/wire/ipv6.hpp"  // what dump::look_at reads with: `run` builds what is included
#include "examples/tools/dump/facts.hpp"
#include "examples/tools/dump/filter.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using dump::Filter;
using nal::fuzz::require;

/// Of a text that is a filter, put together of one: whether it matches.
bool matches(const std::string& text, const dump::Facts& facts) {
  const auto filter = Filter::parse(text);
  require(std::holds_alternative<Filter>(filter));
  return std::get<Filter>(filter).matches(facts);
}

}  // namespace

// The text, a zero, the frame.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  std::string text;
  for (const std::byte byte : input) {
    if (byte == std::byte{0}) { break; }
    text.push_back(static_cast<char>(byte));
  }
  const auto frame = input.subspan(std::min(input.size(), text.size() + 1));
  const auto parsed = Filter::parse(text);
  if (const auto* const wrong = std::get_if<std::string>(&parsed)) {
    require(!wrong->empty());
    return 0;
  }
  const Filter& filter = std::get<Filter>(parsed);
  const bool empty = text.find_first_not_of(" \t\r\n\v\f") == std::string::npos;
  for (const auto medium : {nal::driver::Medium::ethernet, nal::driver::Medium::ip}) {
    const dump::Facts facts = dump::look_at(frame, medium, frame.size());
    const bool shown = filter.matches(facts);
    require(filter.matches(facts) == shown);
    if (empty) {
      require(shown);
      continue;
    }
    require(matches("not (" + text + ")", facts) == !shown);
    require(matches("(" + text + ") and ip", facts) == (shown && facts.ip_version == 4));
    require(matches("(" + text + ") or ip6", facts) == (shown || facts.ip_version == 6));
  }
  return 0;
}
