#include "examples/tools/mqtt/output.hpp"

#include <cinttypes>
#include <cstdio>

#include "examples/tools/mqtt/progress.hpp"

namespace nal_mqtt {

namespace {

using Id = mqtt::PropertyId;

void print_text(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

/// With what stands for bytes that are hard to type.
std::string unescaped(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'n': out += '\n'; break;
      case 't': out += '\t'; break;
      case 'r': out += '\r'; break;
      case '0': out += '\0'; break;
      default: out += text[i];
    }
  }
  return out;
}

}  // namespace

Printer::Printer(const OutputOptions& options) {
  std::string format = options.format;
  if (format.empty()) { format = options.with_topic ? "%t %p" : "%p"; }
  format = unescaped(format);
  std::size_t at = 0;
  while (at + 1 < format.size() && !(format[at] == '%' && (format[at + 1] == 'p' || format[at + 1] == 'x'))) {
    at += format[at] == '%' ? 2 : 1;
  }
  if (at + 1 < format.size()) {
    payload_ = format[at + 1] == 'p' ? Payload::raw : Payload::hexadecimal;
    before_ = format.substr(0, at);
    after_ = format.substr(at + 2);
  } else {
    payload_ = Payload::none;
    before_ = format;
  }
  if (!options.no_newline) { after_ += '\n'; }
}

nal::Task<> Printer::print(mqtt::Message& message, bool show_progress) {
  const std::size_t size = message.size();
  print_text(before_, message);
  if (message.whole()) {
    print_payload(message.payload(), payload_);
  } else {
    Progress progress("received", size, show_progress);
    for (;;) {
      const auto piece = co_await message.read();
      if (!piece) {
        std::fflush(stdout);
        std::fprintf(stderr, "warning: the connection broke in the middle of a message of %zu bytes\n", size);
        co_return nal::Unexpected(piece.error());
      }
      if (piece->empty()) { break; }
      print_payload(*piece, payload_);
      progress.add(piece->size());
    }
  }
  print_text(after_, message);
  // Now, not when a buffer is full: somebody may be watching, and dropping the message acknowledges it.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fprintf(stderr, "error: cannot write to standard output\n");
    co_return nal::Unexpected(nal::Error::io_error);
  }
  co_return nal::Unit{};
}

void Printer::print_payload(std::span<const std::byte> piece, Payload how) const {
  if (how == Payload::raw) { nal_mqtt::print_text(mqtt::text_of(piece)); }
  if (how == Payload::hexadecimal) {
    for (const std::byte byte : piece) { std::printf("%02x", std::to_integer<unsigned>(byte)); }
  }
}

void Printer::print_text(const std::string& format, const mqtt::Message& message) const {
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] == '%' && i + 1 < format.size()) {
      print_field(format[++i], message);
    } else {
      std::putchar(format[i]);
    }
  }
}

void Printer::print_field(char field, const mqtt::Message& message) const {
  const mqtt::Properties& properties = message.properties();
  const auto number = [&properties](Id id) {
    if (const auto found = properties.find(id)) { std::printf("%" PRIu32, found->number); }
  };
  bool first = true;
  switch (field) {
    case 't': nal_mqtt::print_text(message.topic()); break;
    // Once more; of a message that came in pieces it is gone.
    case 'p': print_payload(message.payload(), Payload::raw); break;
    case 'x': print_payload(message.payload(), Payload::hexadecimal); break;
    case 'l': std::printf("%zu", message.size()); break;
    case 'q': std::printf("%d", static_cast<int>(message.qos())); break;
    case 'r': std::putchar(message.retain() ? '1' : '0'); break;
    case 'A': number(Id::topic_alias); break;
    case 'C': nal_mqtt::print_text(properties.text(Id::content_type)); break;
    case 'D': nal_mqtt::print_text(properties.text(Id::correlation_data)); break;
    case 'E': number(Id::message_expiry); break;
    case 'F': number(Id::payload_format); break;
    case 'R': nal_mqtt::print_text(properties.text(Id::response_topic)); break;
    case 'P':
      for (const mqtt::Property& property : properties) {
        if (property.id != Id::user_property) { continue; }
        if (!first) { std::putchar(' '); }
        first = false;
        nal_mqtt::print_text(property.text());
        std::putchar(':');
        nal_mqtt::print_text(property.value_text());
      }
      break;
    case 'S':
      for (const mqtt::Property& property : properties) {
        if (property.id != Id::subscription_id) { continue; }
        std::printf(first ? "%" PRIu32 : " %" PRIu32, property.number);
        first = false;
      }
      break;
    case '%': std::putchar('%'); break;
    default: std::putchar('%'); std::putchar(field);
  }
}

}  // namespace nal_mqtt
