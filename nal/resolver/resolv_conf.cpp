#include "nal/resolver/resolv_conf.hpp"

#include <algorithm>

namespace nal::dns {
namespace {

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r'; }

/// Takes the next word off a line; empty at its end.
std::string_view take_word(std::string_view& line) noexcept {
  while (!line.empty() && is_blank(line.front())) { line.remove_prefix(1); }
  std::size_t size = 0;
  while (size < line.size() && !is_blank(line[size])) { ++size; }
  const std::string_view word(line.data(), size);
  line.remove_prefix(size);
  return word;
}

}  // namespace

ResolvConf::ResolvConf(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t end = nal::detail::find(text, '\n');
    line(nal::detail::first(text, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (server_count_ == 0) { add_server(IpAddress::loopback(Family::v4)); }
}

void ResolvConf::line(std::string_view text) noexcept {
  if (!text.empty() && (text.front() == '#' || text.front() == ';')) { return; }
  const std::string_view keyword = take_word(text);
  if (keyword == "nameserver") {
    if (const auto address = IpAddress::parse(take_word(text))) { add_server(*address); }
  } else if (keyword == "search" || keyword == "domain") {
    // The last such line counts.
    name_count_ = 0;
    for (auto word = take_word(text); !word.empty(); word = take_word(text)) {
      Name name;
      if (name_count_ == (keyword == "domain" ? 1 : kMostNames)) { break; }
      if (name.set_text(word)) { names_[name_count_++] = word; }
    }
  } else if (keyword == "options") {
    for (auto word = take_word(text); !word.empty(); word = take_word(text)) { option(word); }
  }
}

void ResolvConf::option(std::string_view text) noexcept {
  if (text == "use-vc") { options_.tcp_only = true; }
  const std::size_t colon = nal::detail::find(text, ':');
  if (colon == text.size()) { return; }
  const auto value = nal::detail::parse_decimal(nal::detail::after(text, colon), 1'000'000);
  if (!value) { return; }
  const std::string_view name = nal::detail::first(text, colon);
  // Beyond these bounds the values are cut as elsewhere (resolv.conf(5)).
  if (name == "ndots") { options_.ndots = static_cast<std::uint8_t>(std::min<std::uint32_t>(*value, 15)); }
  if (name == "timeout") { options_.timeout = Duration::seconds(std::clamp<std::uint32_t>(*value, 1, 30)); }
  if (name == "attempts") { options_.rounds = static_cast<std::uint8_t>(std::clamp<std::uint32_t>(*value, 1, 5)); }
}

void ResolvConf::add_server(const IpAddress& address) noexcept {
  if (server_count_ == servers_.size() || address.is_multicast()) { return; }
  // As the system's resolver has it, the unspecified address is this host.
  servers_[server_count_++] = {address.is_unspecified() ? IpAddress::loopback(address.family()) : address, kPort};
}

}  // namespace nal::dns
