#pragma once
#include <string_view>

#include "examples/mqtt/text.hpp"

namespace mqtt {

constexpr bool has_wildcards(std::string_view text) noexcept {
  for (const char c : text) {
    if (c == '+' || c == '#') { return true; }
  }
  return false;
}

/// A name that a message can be published to (§4.7): one byte at least, no wildcards.
constexpr bool is_topic_name(std::string_view name) noexcept {
  return !name.empty() && !has_wildcards(name) && is_mqtt_text(name);
}

/// A filter that can be subscribed to (§4.7.1): `+` stands for one level, `#` for all that follow, each alone in its
/// level and `#` in the last.
[[gnu::noinline]] constexpr bool is_topic_filter(std::string_view filter) noexcept {
  char before = '/';
  for (const char c : filter) {
    const bool wildcard = c == '+' || c == '#';
    if (before == '#' || (before == '+' && c != '/') || (wildcard && before != '/')) { return false; }
    before = c;
  }
  return !filter.empty() && is_mqtt_text(filter);
}

/// Whether a filter is that of a shared subscription, `$share/GROUP/FILTER` (5.0 §4.8.2).
constexpr bool is_shared(std::string_view filter) noexcept { return filter.starts_with("$share/"); }

/// What a filter takes: itself, but for a shared one what stands behind its group.
constexpr std::string_view unshared(std::string_view filter) noexcept {
  if (!is_shared(filter)) { return filter; }
  filter.remove_prefix(7);
  while (!filter.empty() && filter.front() != '/') { filter.remove_prefix(1); }
  if (!filter.empty()) { filter.remove_prefix(1); }
  return filter;
}

/// A filter of a shared subscription must have a group, without wildcards, and a filter behind it.
constexpr bool is_shared_filter_valid(std::string_view filter) noexcept {
  if (!is_shared(filter)) { return true; }
  const std::string_view rest = unshared(filter);
  const std::string_view group(filter.data() + 7, filter.size() - 7 - rest.size());
  return !rest.empty() && group.size() > 1 && !has_wildcards(group);
}

/// Whether a valid filter takes a valid name. A leading wildcard does not take names that begin with `$` (§4.7.2);
/// "a/#" takes "a" too (§4.7.1.2).
constexpr bool matches(std::string_view filter, std::string_view name) noexcept {
  if (filter.empty() || name.empty()) { return false; }
  if (name[0] == '$' && (filter[0] == '+' || filter[0] == '#')) { return false; }
  std::size_t f = 0;
  std::size_t n = 0;
  for (;;) {
    if (f < filter.size() && filter[f] == '#') { return true; }
    if (f < filter.size() && filter[f] == '+') {
      ++f;
      while (n < name.size() && name[n] != '/') { ++n; }
    } else {
      while (f < filter.size() && n < name.size() && filter[f] != '/' && filter[f] == name[n]) {
        ++f;
        ++n;
      }
    }
    // Both stand at the end of a level now, or differ.
    const bool filter_ends = f == filter.size();
    const bool name_ends = n == name.size();
    if (filter_ends || name_ends) {
      if (filter_ends && name_ends) { return true; }
      return name_ends && filter.size() - f == 2 && filter[f] == '/' && filter[f + 1] == '#';
    }
    if (filter[f] != '/' || name[n] != '/') { return false; }
    ++f;
    ++n;
  }
}

}  // namespace mqtt
