#pragma once
#include "examples/coap/code.hpp"
#include "examples/coap/options.hpp"

namespace coap {

/// RFC 7252 §4.2, §4.3.
enum class Type : std::uint8_t { confirmable, non_confirmable, acknowledgement, reset };

/// A message as it was received: views into the bytes it was parsed from. Over TCP, `type` and `id` say nothing.
struct Message {
  Type type = Type::confirmable;
  Code code = Code::empty;
  std::uint16_t id = 0;
  Token token{};
  Options options{};
  std::span<const std::byte> payload{};

  static constexpr std::size_t kHeaderSize = 4;

  /// A datagram (RFC 7252 §3). *Errors*: protocol_error: malformed in any way; not_supported: not version 1, to be
  /// passed over in silence. `out` then has type and id, if the datagram is long enough, for whoever rejects it.
  static nal::Result<> parse(std::span<const std::byte> datagram, Message& out) noexcept;
  /// Options, marker and payload, behind the token. *Errors*: protocol_error.
  static nal::Result<> parse_body(std::span<const std::byte> body, Message& out) noexcept;
};

/// Builds a message in place, in the buffer it is sent from. What does not fit is remembered, so that only the end
/// needs a check.
class MessageWriter {
 public:
  /// Room in front of the token for the header of a datagram or of a message on a stream.
  static constexpr std::size_t kHeaderRoom = 6;

  MessageWriter() noexcept = default;
  /// `buffer` outlives the writer.
  explicit MessageWriter(std::span<std::byte> buffer) noexcept : buffer_(buffer) {}

  /// Another buffer, for the next message.
  void use(std::span<std::byte> buffer) noexcept { buffer_ = buffer; }
  /// Begins a message; what the buffer held is gone.
  void begin(Type type, Code code, std::uint16_t id, std::span<const std::byte> token) noexcept;
  /// Takes back options and payload.
  void clear() noexcept;
  void set_code(Code code) noexcept { code_ = code; }
  void set_type(Type type) noexcept { type_ = type; }
  Code code() const noexcept { return code_; }
  Type type() const noexcept { return type_; }
  std::uint16_t id() const noexcept { return id_; }

  /// Adds an option, behind those of its number and before those of larger ones: any order will do, ascending is
  /// quickest. Before the payload (asserted).
  void add(OptionNumber number, std::span<const std::byte> value) noexcept;
  void add(OptionNumber number, std::string_view text) noexcept { add(number, bytes_of(text)); }
  void add_uint(OptionNumber number, std::uint32_t value) noexcept;

  /// Changes the last byte of an option that has been added and is not empty.
  void patch_last_byte(OptionNumber number, std::byte value) noexcept;

  /// Where a payload may be written in place: behind the options and the marker. No option may be added between this
  /// and `put_payload`.
  std::span<std::byte> payload_room() noexcept;
  /// So many bytes of `payload_room` are the payload.
  void put_payload(std::size_t size) noexcept;
  /// Copies one.
  void add_payload(std::span<const std::byte> payload) noexcept;
  std::size_t payload_size() const noexcept { return payload_size_; }

  bool fits() const noexcept { return fits_; }
  /// The message as a datagram. *Errors*: message_size: something did not fit.
  nal::Result<std::span<const std::byte>> datagram() noexcept;
  /// The message as RFC 8323 §3.2 has it. *Errors*: message_size.
  nal::Result<std::span<const std::byte>> frame() noexcept;

 private:
  /// Those that have been added, as long as all of them fit and there is no payload.
  Options options() const noexcept;
  void put_option(std::size_t at, std::uint32_t delta, std::span<const std::byte> value) noexcept;

  std::span<std::byte> buffer_;
  std::size_t size_ = 0;           ///< bytes of the buffer in use, the header's room among them
  std::size_t options_begin_ = 0;  ///< behind the token
  std::size_t payload_size_ = 0;
  std::uint16_t id_ = 0;
  std::uint16_t last_number_ = 0;
  Type type_ = Type::confirmable;
  Code code_ = Code::empty;
  std::uint8_t token_size_ = 0;
  bool fits_ = true;
};

}  // namespace coap
