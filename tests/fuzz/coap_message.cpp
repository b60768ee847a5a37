// The CoAP codec on arbitrary bytes: it stays within them, and what it takes is written back byte for byte, in whatever
// order the options are given; in a message on a stream, too.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "examples/coap/message.hpp"
#include "examples/coap/tcp_frame.hpp"
#include "tests/fuzz/harness.hpp"

namespace {

using namespace coap;

using nal::fuzz::require;

using Bytes = std::vector<std::byte>;

void check_option(const Option& option) {
  const auto number = parse_uint(option.value);
  require(number.has_value() == (option.value.size() <= 4));
  if (number) {
    // Leading zeros are gone.
    const UintValue value(*number);
    require(value.operator std::span<const std::byte>().size() <= option.value.size());
    require(parse_uint(value) == *number);
  }
  const auto block = Block::parse(option.value);
  require(block.has_value() == (option.value.size() <= 3));
  if (block) {
    require(block->value() == *number);
    require(block->szx <= 7 && block->number <= Block::kMaxNumber && block->size() >= 16 && block->size() <= 1024);
    require(block->offset() <= std::uint64_t{Block::kMaxNumber} * 1024);
  }
  const OptionRule* rule = find_rule(option.number);
  require(!rule || rule->number == option.number);
}

/// The same message, its options added in the order of the list.
MessageWriter write(const Message& message, const std::vector<Option>& options, Bytes& buffer) {
  MessageWriter writer(buffer);
  writer.begin(message.type, message.code, message.id, message.token);
  for (const Option& option : options) { writer.add(option.number, option.value); }
  if (!message.payload.empty()) { writer.add_payload(message.payload); }
  return writer;
}

void same_body(const Message& a, const Message& b) {
  require(equal(a.options.bytes(), b.options.bytes()) && equal(a.payload, b.payload));
}

void check_frame(const Message& message, const std::vector<Option>& options, std::size_t size) {
  Bytes buffer(size + MessageWriter::kHeaderRoom);
  MessageWriter writer = write(message, options, buffer);
  const auto frame = writer.frame();
  require(frame.has_value());
  const auto header = TcpHeader::parse(*frame);
  require(header.has_value() && header->complete() && header->total() == frame->size());
  require(header->code == static_cast<std::uint8_t>(message.code));
  require(equal(frame->subspan(header->size, header->token_length), message.token));
  Message again;
  require(Message::parse_body(frame->subspan(header->size + std::size_t{header->token_length}), again).has_value());
  same_body(again, message);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto first = reinterpret_cast<const std::byte*>(data);
  const Bytes bytes(first, first + size);
  Message message;
  const auto parsed = Message::parse(bytes, message);
  if (!parsed) {
    require(parsed.error() == nal::Error::protocol_error || parsed.error() == nal::Error::not_supported);
    return 0;
  }
  std::vector<Option> options;
  for (const Option& option : message.options) {
    require(options.empty() || options.back().number <= option.number);
    check_option(option);
    options.push_back(option);
  }
  for (const Option& option : options) { require(message.options.has(option.number)); }
  const auto bad = message.options.first_bad();
  require(!bad || (is_critical(*bad) && message.options.has(*bad)));

  Bytes buffer(size + MessageWriter::kHeaderRoom);
  MessageWriter writer = write(message, options, buffer);
  const auto written = writer.datagram();
  require(written.has_value() && equal(*written, bytes));
  Bytes small(written->size() + MessageWriter::kHeaderRoom - Message::kHeaderSize - 1);
  MessageWriter short_writer = write(message, options, small);
  require(!short_writer.datagram().has_value());

  // Options of one number keep their order.
  std::stable_sort(options.begin(), options.end(),
                   [](const Option& a, const Option& b) { return a.number > b.number; });
  Bytes other(size + MessageWriter::kHeaderRoom);
  MessageWriter backwards = write(message, options, other);
  const auto sorted = backwards.datagram();
  require(sorted.has_value() && equal(*sorted, bytes));
  check_frame(message, options, size);
  return 0;
}
