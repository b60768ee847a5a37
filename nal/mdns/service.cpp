#include "nal/mdns/service.hpp"

#include <array>
#include <cstring>

namespace nal::mdns {
namespace {

bool same_key(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) { return false; }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (dns::to_lower(static_cast<std::byte>(a[i])) != dns::to_lower(static_cast<std::byte>(b[i]))) { return false; }
  }
  return true;
}

bool is_key(std::string_view key) noexcept {
  for (const char c : key) {
    if (c < ' ' || c > '~' || c == '=') { return false; }
  }
  return !key.empty();
}

}  // namespace

std::optional<TextPair> TextReader::next() noexcept {
  while (const auto string = strings_.next()) {
    const std::size_t equals = detail::find(*string, '=');
    if (equals == 0) { continue; }
    TextPair pair{detail::first(*string, equals), std::nullopt};
    if (equals != string->size()) { pair.value = detail::after(*string, equals); }
    return pair;
  }
  return std::nullopt;
}

std::optional<TextPair> find_text(std::span<const std::byte> data, std::string_view key) noexcept {
  TextReader reader(data);
  while (const auto pair = reader.next()) {
    if (same_key(pair->key, key)) { return pair; }
  }
  return std::nullopt;
}

Result<> TextBuilder::add(std::string_view key, std::optional<std::string_view> value) noexcept {
  const std::size_t size = key.size() + (value ? 1 + value->size() : 0);
  if (!is_key(key) || size > 255 || find_text(data(), key)) { return Unexpected(Error::invalid_argument); }
  const std::size_t before = writer_.size();
  writer_.u8(static_cast<std::uint8_t>(size));
  writer_.put(std::as_bytes(std::span(key)));
  if (value) {
    writer_.u8('=');
    writer_.put(std::as_bytes(std::span(*value)));
  }
  if (!writer_.failed()) { return {}; }
  writer_.cut(before);
  return Unexpected(Error::buffer_too_small);
}

Result<> set_service_name(dns::Name& name, std::string_view instance, std::string_view type,
                          std::string_view domain) noexcept {
  name.clear();
  if (instance.size() > dns::Name::kMaxLabel) { return Unexpected(Error::invalid_argument); }
  if (!instance.empty()) {
    std::array<std::byte, 2 + dns::Name::kMaxLabel> label;
    label[0] = static_cast<std::byte>(instance.size());
    std::memcpy(&label[1], instance.data(), instance.size());
    label[1 + instance.size()] = std::byte{0};
    NAL_TRY(name.append(std::span(label).first(instance.size() + 2)));
  }
  dns::Name part;
  for (const std::string_view text : {type, domain}) {
    NAL_TRY(part.set_text(text));
    NAL_TRY(name.append(part.wire()));
  }
  return {};
}

std::optional<ServiceName> split_service_name(const dns::Name& name) noexcept {
  auto rest = name.wire();
  const auto take = [&rest] {
    const std::size_t size = 1 + std::to_integer<std::size_t>(rest[0]);
    const auto label = rest.first(size);
    if (size > 1) { rest = rest.subspan(size); }
    return label;
  };
  const auto instance = take();
  const auto type = rest;
  const auto first = take();
  const auto second = take();
  if (instance.size() < 2 || first.size() < 2 || first[1] != std::byte{'_'} || second.size() != 5 ||
      second[1] != std::byte{'_'}) {
    return std::nullopt;
  }
  return ServiceName{{reinterpret_cast<const char*>(&instance[1]), instance.size() - 1},
                     type.first(first.size() + second.size()),
                     rest};
}

}  // namespace nal::mdns
