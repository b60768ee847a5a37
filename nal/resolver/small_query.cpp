#include "nal/resolver/small_query.hpp"

#include <algorithm>

#include "nal/resolver/record.hpp"

namespace nal::dns {
namespace {

/// Of a record, from its type to the length of its data.
constexpr std::size_t kFixed = 10;
/// Of aliases, one behind the other.
constexpr unsigned kMaxAliases = 8;

unsigned u16(const std::byte* at) noexcept {
  return std::to_integer<unsigned>(at[0]) << 8 | std::to_integer<unsigned>(at[1]);
}

bool same_letters(const std::byte* a, const std::byte* b, std::size_t size) noexcept {
  for (; size > 0; --size) {
    if (to_lower(*a++) != to_lower(*b++)) { return false; }
  }
  return true;
}

/// Whether two names of a message are the same; `end` is behind the first, or 0 where that is malformed.
bool same_names(std::span<const std::byte> message, std::size_t a, std::size_t b, std::size_t& end) noexcept {
  Labels first(message, a);
  Labels second(message, b);
  bool same = true;
  for (;;) {
    const auto one = first.next();
    if (!one) {
      end = 0;
      return false;
    }
    if (same) {
      const auto other = second.next();
      same = other && one->size() == other->size() && same_letters(one->data(), other->data(), one->size());
    }
    if (one->empty()) {
      end = first.end();
      return same;
    }
  }
}

}  // namespace

Result<> SmallQuery::start(std::string_view name, Type type, std::uint16_t id) noexcept {
  constexpr std::array<std::uint8_t, kHeaderSize> kHeader{0, 0, Header::kRecursionDesired >> 8, 0, 0, 1};
  std::copy_n(std::as_bytes(std::span(kHeader)).begin(), kHeaderSize, bytes_.begin());
  if (!name.empty() && name.back() == '.') { name.remove_suffix(1); }
  if (name.empty() || name.size() > Name::kMaxSize - 2) { return Unexpected(Error::invalid_argument); }
  std::size_t length_at = kHeaderSize;
  std::size_t at = kHeaderSize + 1;
  for (std::size_t i = 0; i <= name.size(); ++i) {
    if (i < name.size() && name[i] != '.') {
      if (name[i] <= ' ' || name[i] >= 0x7f || name[i] == '\\') { return Unexpected(Error::invalid_argument); }
      bytes_[at++] = static_cast<std::byte>(name[i]);
      continue;
    }
    const std::size_t length = at - length_at - 1;
    if (length == 0 || length > Name::kMaxLabel) { return Unexpected(Error::invalid_argument); }
    bytes_[length_at] = static_cast<std::byte>(length);
    length_at = at++;
  }
  bytes_[length_at] = std::byte{0};
  size_ = static_cast<std::uint16_t>(at + 4);
  bytes_[at] = std::byte{0};
  bytes_[at + 2] = std::byte{0};
  bytes_[at + 3] = static_cast<std::byte>(kInternet);
  ask_for(type, id);
  return {};
}

void SmallQuery::ask_for(Type type, std::uint16_t id) noexcept {
  bytes_[size_ - 3u] = static_cast<std::byte>(type);
  bytes_[0] = static_cast<std::byte>(id >> 8);
  bytes_[1] = static_cast<std::byte>(id);
}

Type SmallQuery::type() const noexcept { return static_cast<Type>(bytes_[size_ - 3u]); }

SmallQuery::Says SmallQuery::read(std::span<const std::byte> message, std::span<IpAddress> out,
                                  std::size_t& count) const noexcept {
  if (message.size() < size_) { return Says::nothing; }
  const std::byte* const header = message.data();
  const unsigned flags = u16(header + 2);
  const bool one_question = u16(header + 4) == 1;
  const unsigned answers = u16(header + 6);
  // Type and class have no letters in them, nor have the lengths of labels.
  if (u16(header) != u16(bytes_.data()) || !one_question ||
      (flags & (Header::kResponse | Header::kOpcode)) != Header::kResponse ||
      !same_letters(header + kHeaderSize, &bytes_[kHeaderSize], size_ - kHeaderSize)) {
    return Says::nothing;
  }
  const auto code = static_cast<ResponseCode>(flags & 0xf);
  if (code != ResponseCode::no_error && code != ResponseCode::name_error) { return Says::failed; }
  const std::size_t wanted = type() == Type::a ? 4 : 16;
  const std::size_t before = count;
  std::size_t target = kHeaderSize;  // the question's name, then what it is an alias of
  unsigned aliases = 0;
  std::size_t at = size_;
  for (unsigned i = 0; i < answers;) {
    std::size_t end = 0;
    const bool ours = same_names(message, at, target, end);
    // Cut off (by TC, or by a lie): what stands before is as good as it is.
    if (end == 0 || message.size() - end < kFixed) { break; }
    const std::byte* const record = message.data() + end;
    const auto type_of = static_cast<Type>(u16(record));
    const unsigned record_class = u16(record + 2);
    const std::size_t data = end + kFixed;
    const std::size_t length = u16(record + 8);
    if (length > message.size() - data) { break; }
    at = data + length;
    ++i;
    if (!ours || record_class != kInternet) { continue; }
    if (type_of == Type::cname && ++aliases <= kMaxAliases && count == before) {
      target = data;
      at = size_;  // in whatever order they stand
      i = 0;
    } else if (type_of == type() && length == wanted && count < out.size()) {
      if (const auto address = read_address(message.subspan(data, length))) { out[count++] = *address; }
    }
  }
  if (count != before) { return Says::addresses; }
  // An alias alone is what a server says that does not ask others; without an answer, and with no authority for that,
  // it does not know either.
  const bool knows = (flags & (Header::kRecursionAvailable | Header::kAuthoritative)) != 0;
  return (flags & Header::kTruncated) == 0 && knows ? Says::no_such : Says::failed;
}

}  // namespace nal::dns
