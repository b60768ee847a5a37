#include "nal/resolver/message.hpp"

namespace nal::dns {

Result<Message> Message::parse(std::span<const std::byte> bytes) noexcept {
  WireReader reader(bytes);
  Header header;
  header.id = reader.u16();
  header.flags = reader.u16();
  header.questions = reader.u16();
  header.answers = reader.u16();
  header.authorities = reader.u16();
  header.additionals = reader.u16();
  if (reader.failed()) { return Unexpected(Error::protocol_error); }
  return Message(bytes, header);
}

Result<std::size_t> skip_name(std::span<const std::byte> message, std::size_t offset) noexcept {
  Labels labels(message, offset);
  for (;;) {
    NAL_TRY_SET(const std::span<const std::byte> label, labels.next());
    if (label.empty()) { return labels.end(); }
  }
}

Result<bool> Message::next(Question& question) noexcept {
  if (questions_ == header_.questions) { return false; }
  question.name = position_;
  NAL_TRY_SET(const std::size_t behind, skip_name(bytes_, position_));
  WireReader reader(bytes_, behind);
  question.type = static_cast<Type>(reader.u16());
  question.record_class = reader.u16();
  if (reader.failed()) { return Unexpected(Error::protocol_error); }
  position_ = reader.position();
  ++questions_;
  return true;
}

Result<bool> Message::next(Record& record) noexcept {
  Question passed;
  while (questions_ != header_.questions) { NAL_TRY(next(passed)); }
  const std::uint32_t answers = header_.answers;
  const std::uint32_t authorities = answers + header_.authorities;
  if (records_ == authorities + header_.additionals) { return false; }
  record.section = records_ < answers       ? Section::answer
                   : records_ < authorities ? Section::authority
                                            : Section::additional;
  record.name = position_;
  NAL_TRY_SET(const std::size_t behind, skip_name(bytes_, position_));
  WireReader reader(bytes_, behind);
  record.type = static_cast<Type>(reader.u16());
  record.record_class = reader.u16();
  record.ttl = reader.u32();
  if (record.type != Type::opt && record.ttl > 0x7fff'ffff) { record.ttl = 0; }
  const std::size_t size = reader.u16();
  record.data = reader.position();
  record.bytes = reader.take(size);
  if (reader.failed()) { return Unexpected(Error::protocol_error); }
  position_ = reader.position();
  ++records_;
  return true;
}

MessageWriter::MessageWriter(std::span<std::byte> out, std::uint16_t id, std::uint16_t flags) noexcept
    : out_(out), writer_(out) {
  writer_.u16(id);
  writer_.u16(flags);
  for (int i = 0; i < 4; ++i) { writer_.u16(0); }
}

void MessageWriter::count(std::size_t field) noexcept {
  if (writer_.failed()) { return; }
  const std::size_t position = 4 + 2 * field;
  const std::uint16_t before = WireReader(out_, position).u16();
  writer_.set_u16(position, static_cast<std::uint16_t>(before + 1));
}

void MessageWriter::question(const Name& name, Type type, std::uint16_t record_class) noexcept {
  writer_.put(name.wire());
  writer_.u16(static_cast<std::uint16_t>(type));
  writer_.u16(record_class);
  count(0);
}

void MessageWriter::record(Section section, const Name& name, Type type, std::uint32_t ttl,
                           std::span<const std::byte> data, std::uint16_t record_class) noexcept {
  writer_.put(name.wire());
  writer_.u16(static_cast<std::uint16_t>(type));
  writer_.u16(record_class);
  writer_.u32(ttl);
  writer_.u16(static_cast<std::uint16_t>(data.size()));
  writer_.put(data);
  count(1 + static_cast<std::size_t>(section));
}

void MessageWriter::edns(std::uint16_t size) noexcept {
  // Its class is the size, and its time to live further flags, of which none is set.
  record(Section::additional, Name(), Type::opt, 0, {}, size);
}

Result<std::span<const std::byte>> MessageWriter::finish() const noexcept {
  if (writer_.failed()) { return Unexpected(Error::buffer_too_small); }
  return std::span<const std::byte>(out_.first(writer_.size()));
}

}  // namespace nal::dns
