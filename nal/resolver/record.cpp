#include "nal/resolver/record.hpp"

namespace nal::dns {
namespace {

/// How a type's data is made up: bytes, then names that may be compressed, then bytes.
struct Layout {
  std::size_t front = 0;
  std::size_t names = 0;
  std::size_t back = 0;
};
std::optional<Layout> layout(Type type) noexcept {
  switch (type) {
    case Type::a: return Layout{.front = 4};
    case Type::aaaa: return Layout{.front = 16};
    case Type::ns:
    case Type::cname:
    case Type::ptr: return Layout{.names = 1};
    case Type::mx: return Layout{.front = 2, .names = 1};
    case Type::srv: return Layout{.front = 6, .names = 1};
    case Type::soa: return Layout{.names = 2, .back = 20};
    default: return std::nullopt;
  }
}

bool holds_strings(std::span<const std::byte> data) noexcept {
  WireReader reader(data);
  do { reader.take(reader.u8()); } while (!reader.at_end());
  return !reader.failed();
}

}  // namespace

Result<> copy_data(const Message& message, const Record& record, WireWriter& out) noexcept {
  const auto parts = layout(record.type);
  if (!parts) {
    if (record.type == Type::txt && !holds_strings(record.bytes)) { return Unexpected(Error::protocol_error); }
    out.put(record.bytes);
  } else {
    // Names may lead before the record, but nothing of it lies behind its end.
    const std::size_t end = record.data + record.bytes.size();
    const auto whole = message.bytes().first(end);
    WireReader reader(whole, record.data);
    out.put(reader.take(parts->front));
    if (reader.failed()) { return Unexpected(Error::protocol_error); }
    std::size_t position = reader.position();
    for (std::size_t i = 0; i < parts->names; ++i) {
      Name name;
      NAL_TRY_SET(position, name.set_wire(whole, position));
      out.put(name.wire());
    }
    WireReader back(whole, position);
    out.put(back.take(parts->back));
    if (back.failed() || !back.at_end()) { return Unexpected(Error::protocol_error); }
  }
  if (out.failed()) { return Unexpected(Error::buffer_too_small); }
  return {};
}

std::optional<IpAddress> read_address(std::span<const std::byte> data) noexcept {
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(data.data());
  if (data.size() == 4) { return Ipv4Address::from_bytes(std::span<const std::uint8_t, 4>(bytes, 4)); }
  if (data.size() != 16) { return std::nullopt; }
  return IpAddress(Ipv6Address::from_bytes(std::span<const std::uint8_t, 16>(bytes, 16)));
}

namespace {

Result<> read_last_name(std::span<const std::byte> data, std::size_t position, Name& name) noexcept {
  NAL_TRY_SET(const std::size_t end, name.set_wire(data, position));
  if (end != data.size()) { return Unexpected(Error::protocol_error); }
  return {};
}

}  // namespace

Result<> read_name(std::span<const std::byte> data, Name& name) noexcept { return read_last_name(data, 0, name); }

Result<> read_service(std::span<const std::byte> data, Service& service) noexcept {
  WireReader reader(data);
  service.priority = reader.u16();
  service.weight = reader.u16();
  service.port = reader.u16();
  if (reader.failed()) { return Unexpected(Error::protocol_error); }
  return read_last_name(data, reader.position(), service.target);
}

Result<std::uint32_t> read_minimum(const Message& message, const Record& soa) noexcept {
  const auto whole = message.bytes().first(soa.data + soa.bytes.size());
  NAL_TRY_SET(const std::size_t mailbox, skip_name(whole, soa.data));
  NAL_TRY_SET(const std::size_t numbers, skip_name(whole, mailbox));
  WireReader reader(whole, numbers);
  reader.take(16);
  const std::uint32_t minimum = reader.u32();
  if (reader.failed() || !reader.at_end()) { return Unexpected(Error::protocol_error); }
  return minimum;
}

std::optional<std::string_view> Strings::next() noexcept {
  if (reader_.at_end()) { return std::nullopt; }
  const auto string = reader_.take(reader_.u8());
  if (reader_.failed()) { return std::nullopt; }
  return std::string_view(reinterpret_cast<const char*>(string.data()), string.size());
}

}  // namespace nal::dns
