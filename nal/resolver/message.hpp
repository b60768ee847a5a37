#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "nal/resolver/name.hpp"
#include "nal/resolver/wire.hpp"
#include "nal/result.hpp"

namespace nal::dns {

/// A record's type (RFC 1035 §3.2.2); those without a name here are numbers like any other.
enum class Type : std::uint16_t {
  a = 1,
  ns = 2,
  cname = 5,
  soa = 6,
  ptr = 12,
  mx = 15,
  txt = 16,
  aaaa = 28,
  srv = 33,
  opt = 41,
  nsec = 47,
  any = 255,
};

/// The internet's class. Multicast DNS uses the top bit of a class for other things.
inline constexpr std::uint16_t kInternet = 1;

/// What a server says of a question (RFC 1035 §4.1.1, RFC 6891 §9).
enum class ResponseCode : std::uint16_t {
  no_error = 0,
  format_error = 1,
  server_failure = 2,
  name_error = 3,
  not_implemented = 4,
  refused = 5,
  bad_version = 16,
};

/// The front of every message (RFC 1035 §4.1.1).
struct Header {
  static constexpr std::uint16_t kResponse = 0x8000;
  static constexpr std::uint16_t kOpcode = 0x7800;
  static constexpr std::uint16_t kAuthoritative = 0x0400;
  static constexpr std::uint16_t kTruncated = 0x0200;
  static constexpr std::uint16_t kRecursionDesired = 0x0100;
  static constexpr std::uint16_t kRecursionAvailable = 0x0080;

  std::uint16_t id = 0;
  std::uint16_t flags = 0;
  std::uint16_t questions = 0;
  std::uint16_t answers = 0;
  std::uint16_t authorities = 0;
  std::uint16_t additionals = 0;

  bool is(std::uint16_t flag) const noexcept { return (flags & flag) != 0; }
  unsigned opcode() const noexcept { return (flags & kOpcode) >> 11; }
  /// Without the bits that an OPT record may add.
  ResponseCode code() const noexcept { return static_cast<ResponseCode>(flags & 0xf); }
};

/// What was asked. Its name stands in the message.
struct Question {
  std::size_t name = 0;  ///< offset in the message
  Type type{};
  std::uint16_t record_class = 0;
};

enum class Section : std::uint8_t { answer, authority, additional };

/// A record where it stands in its message.
struct Record {
  Section section{};
  std::size_t name = 0;  ///< offset in the message
  Type type{};
  std::uint16_t record_class = 0;
  std::uint32_t ttl = 0;  ///< seconds; at most 2^31 - 1, more is 0 (RFC 2181 §8)
  std::size_t data = 0;   ///< offset in the message
  std::span<const std::byte> bytes{};
};

/// Where the message goes on behind the name at `offset`. *Errors*: protocol_error.
Result<std::size_t> skip_name(std::span<const std::byte> message, std::size_t offset) noexcept;

/// A message's questions and then its records, in order. Total: whatever does not add up is `Error::protocol_error`,
/// counts that promise more than there is too.
class Message {
 public:
  /// `bytes` outlives it. *Errors*: protocol_error for less than a header.
  static Result<Message> parse(std::span<const std::byte> bytes) noexcept;

  const Header& header() const noexcept { return header_; }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }

  /// The next question; false behind the last one.
  Result<bool> next(Question& question) noexcept;
  /// The next record; false behind the last one. Passes over questions that nobody asked for.
  Result<bool> next(Record& record) noexcept;

 private:
  Message(std::span<const std::byte> bytes, const Header& header) noexcept
      : bytes_(bytes), header_(header), position_(kHeaderSize) {}

  std::span<const std::byte> bytes_;
  Header header_;
  std::size_t position_;
  std::uint16_t questions_ = 0;  ///< taken so far
  std::uint32_t records_ = 0;    ///< taken so far
};

/// Writes a message: the questions, then the records section by section. Names are written as they are, without
/// compression.
class MessageWriter {
 public:
  MessageWriter(std::span<std::byte> out, std::uint16_t id, std::uint16_t flags) noexcept;

  void question(const Name& name, Type type, std::uint16_t record_class = kInternet) noexcept;
  void record(Section section, const Name& name, Type type, std::uint32_t ttl, std::span<const std::byte> data,
              std::uint16_t record_class = kInternet) noexcept;
  /// An OPT record (RFC 6891 §6.1.2): this side takes datagrams of up to `size` bytes.
  void edns(std::uint16_t size) noexcept;

  /// The message; the front of the caller's memory. *Errors*: buffer_too_small.
  Result<std::span<const std::byte>> finish() const noexcept;

 private:
  void count(std::size_t field) noexcept;
  std::span<std::byte> out_;
  WireWriter writer_;
};

}  // namespace nal::dns
