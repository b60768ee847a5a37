#include "nal/mdns/packet.hpp"

#include <cstring>

#include "nal/assert.hpp"

namespace nal::mdns {
namespace {

/// How long the uncompressed name at the front of `bytes` is; 0 if there is none.
std::size_t name_size(std::span<const std::byte> bytes) noexcept {
  std::size_t position = 0;
  while (position < bytes.size()) {
    const auto length = std::to_integer<std::size_t>(bytes[position]);
    if (length == 0) { return position + 1; }
    position += 1 + length;
  }
  return 0;
}

/// Whether the name at `offset` of a message is `name` to the letter.
bool stands_at(std::span<const std::byte> message, std::size_t offset, std::span<const std::byte> name) noexcept {
  dns::Labels labels(message, offset);
  for (;;) {
    const auto label = labels.next();
    if (!label || label->size() != std::to_integer<std::size_t>(name[0])) { return false; }
    if (label->empty()) { return true; }
    if (std::memcmp(label->data(), &name[1], label->size()) != 0) { return false; }
    name = name.subspan(1 + label->size());
  }
}

bool same_letters(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  if (a.size() != b.size()) { return false; }
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (dns::to_lower(a[i]) != dns::to_lower(b[i])) { return false; }
  }
  return true;
}

bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) noexcept {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

}  // namespace

Data split(dns::Type type, std::span<const std::byte> data) noexcept {
  std::size_t front = 0;
  switch (type) {
    case dns::Type::ptr:
    case dns::Type::cname:
    case dns::Type::ns:
    case dns::Type::nsec: break;
    case dns::Type::srv: front = 6; break;
    default: return {.front = data};
  }
  if (data.size() <= front) { return {.front = data}; }
  const std::size_t size = name_size(data.subspan(front));
  return {.front = data.first(front), .name = data.subspan(front, size), .back = data.subspan(front + size)};
}

bool same_data(const Data& a, const Data& b) noexcept {
  return same_bytes(a.front, b.front) && same_letters(a.name, b.name) && same_bytes(a.back, b.back);
}

namespace {

bool holds_strings(std::span<const std::byte> data) noexcept {
  dns::WireReader reader(data);
  while (!reader.at_end()) { reader.take(reader.u8()); }
  return !reader.failed();
}

}  // namespace

Result<> RecordData::read(const dns::Message& message, const dns::Record& record) noexcept {
  constexpr std::size_t kAny = SIZE_MAX;
  std::size_t front = 0;
  std::size_t back = 0;
  data_ = {.front = record.bytes};
  switch (record.type) {
    case dns::Type::a:
    case dns::Type::aaaa:
      if (record.bytes.size() != (record.type == dns::Type::a ? 4 : 16)) { return Unexpected(Error::protocol_error); }
      return {};
    case dns::Type::txt:
      if (!holds_strings(record.bytes)) { return Unexpected(Error::protocol_error); }
      return {};
    case dns::Type::ptr:
    case dns::Type::cname:
    case dns::Type::ns: break;
    case dns::Type::srv: front = 6; break;
    case dns::Type::nsec: back = kAny; break;
    case dns::Type::soa:
    case dns::Type::mx: return Unexpected(Error::not_supported);
    default: return {};
  }
  if (record.bytes.size() <= front) { return Unexpected(Error::protocol_error); }
  // The name may lead before the record, but nothing of it lies behind its end.
  const std::size_t end = record.data + record.bytes.size();
  NAL_TRY_SET(const std::size_t behind, name_.set_wire(message.bytes().first(end), record.data + front));
  if (behind > end || (back != kAny && behind != end)) { return Unexpected(Error::protocol_error); }
  data_ = {
      .front = record.bytes.first(front), .name = name_.wire(), .back = message.bytes().subspan(behind, end - behind)};
  return {};
}

PacketWriter::PacketWriter(std::span<std::byte> out, std::uint16_t id, std::uint16_t flags) noexcept
    : out_(out), writer_(out), flags_(flags) {
  writer_.u16(id);
  writer_.u16(flags);
  for (int i = 0; i < 4; ++i) { writer_.u16(0); }
  NAL_ASSERT(!writer_.failed());
}

void PacketWriter::set_truncated() noexcept {
  flags_ |= dns::Header::kTruncated;
  writer_.set_u16(2, flags_);
}

void PacketWriter::put_name(std::span<const std::byte> name) noexcept {
  while (name[0] != std::byte{0}) {
    for (std::size_t i = 0; i < names_size_; ++i) {
      if (stands_at(message(), names_[i], name)) {
        writer_.u16(static_cast<std::uint16_t>(0xc000U | names_[i]));
        return;
      }
    }
    const std::size_t label = 1 + std::to_integer<std::size_t>(name[0]);
    // A pointer has 14 bits.
    if (names_size_ < kMostNames && writer_.size() < 0x4000) {
      names_[names_size_++] = static_cast<std::uint16_t>(writer_.size());
    }
    writer_.put(name.first(label));
    if (writer_.failed()) { return; }
    name = name.subspan(label);
  }
  writer_.u8(0);
}

bool PacketWriter::settle(std::size_t start, std::size_t names, std::size_t section) noexcept {
  for (std::size_t behind = section + 1; behind < counts_.size(); ++behind) { NAL_ASSERT(counts_[behind] == 0); }
  if (writer_.failed()) {
    writer_.cut(start);
    names_size_ = names;
    return false;
  }
  writer_.set_u16(4 + 2 * section, ++counts_[section]);
  return true;
}

bool PacketWriter::question(std::span<const std::byte> name, dns::Type type, std::uint16_t question_class) noexcept {
  const std::size_t start = writer_.size();
  const std::size_t names = names_size_;
  put_name(name);
  writer_.u16(static_cast<std::uint16_t>(type));
  writer_.u16(question_class);
  return settle(start, names, 0);
}

bool PacketWriter::record(dns::Section section, std::span<const std::byte> name, dns::Type type,
                          std::uint16_t record_class, std::uint32_t ttl, const Data& data) noexcept {
  const std::size_t start = writer_.size();
  const std::size_t names = names_size_;
  put_name(name);
  writer_.u16(static_cast<std::uint16_t>(type));
  writer_.u16(record_class);
  writer_.u32(ttl);
  const std::size_t size = writer_.size();
  writer_.u16(0);
  writer_.put(data.front);
  if (!data.name.empty() && !writer_.failed()) { put_name(data.name); }
  writer_.put(data.back);
  if (!writer_.failed()) { writer_.set_u16(size, static_cast<std::uint16_t>(writer_.size() - size - 2)); }
  return settle(start, names, 1 + static_cast<std::size_t>(section));
}

}  // namespace nal::mdns
