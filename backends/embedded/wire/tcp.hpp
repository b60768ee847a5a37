#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <type_traits>

#include "backends/embedded/absent.hpp"
#include "backends/embedded/features.hpp"
#include "backends/embedded/wire/bytes.hpp"
#include "backends/embedded/wire/checksum.hpp"
#include "nal/assert.hpp"

namespace nal::embedded::wire {

/// TCP (RFC 9293 §3.1, §3.2)

// Offsets of the fields.
inline constexpr std::size_t kTcpSourcePort = 0;
inline constexpr std::size_t kTcpDestinationPort = 2;
inline constexpr std::size_t kTcpSequence = 4;
inline constexpr std::size_t kTcpAcknowledgment = 8;
inline constexpr std::size_t kTcpDataOffset = 12;
inline constexpr std::size_t kTcpFlags = 13;
inline constexpr std::size_t kTcpWindow = 14;
inline constexpr std::size_t kTcpChecksum = 16;
inline constexpr std::size_t kTcpUrgentPointer = 18;
inline constexpr std::size_t kTcpHeaderSize = 20;     ///< without options
inline constexpr std::size_t kTcpMaxHeaderSize = 60;  ///< with as many as fit

namespace tcp_flag {
inline constexpr std::uint8_t fin = 0x01;
inline constexpr std::uint8_t syn = 0x02;
inline constexpr std::uint8_t rst = 0x04;
inline constexpr std::uint8_t psh = 0x08;
inline constexpr std::uint8_t ack = 0x10;
inline constexpr std::uint8_t urg = 0x20;
inline constexpr std::uint8_t ece = 0x40;  ///< RFC 3168
inline constexpr std::uint8_t cwr = 0x80;
}  // namespace tcp_flag

namespace tcp_option {
inline constexpr std::uint8_t end = 0;
inline constexpr std::uint8_t nop = 1;
inline constexpr std::uint8_t mss = 2;
inline constexpr std::uint8_t window_scale = 3;    ///< RFC 7323 §2
inline constexpr std::uint8_t sack_permitted = 4;  ///< RFC 2018 §2
inline constexpr std::uint8_t sack = 5;            ///< RFC 2018 §3
inline constexpr std::uint8_t timestamps = 8;      ///< RFC 7323 §3
}  // namespace tcp_option

/// RFC 7323 §2.3: a larger shift is taken for this one.
inline constexpr std::uint8_t kTcpMaxWindowScale = 14;

// Options of features that are not compiled in are neither read nor written.

struct TcpSackOptions {
  bool sack_permitted = false;
  std::uint8_t block_count = 0;  ///< of `sack`
};
struct NoTcpSackOptions {
  static constexpr Absent<bool> sack_permitted{};
  static constexpr Absent<std::uint8_t> block_count{};
};
struct TcpTimestampOptions {
  bool timestamps = false;
  std::uint32_t tsval = 0;
  std::uint32_t tsecr = 0;
};
struct NoTcpTimestampOptions {
  static constexpr Absent<bool> timestamps{};
  static constexpr Absent<std::uint32_t> tsval{}, tsecr{};
};
struct TcpScaleOption {
  std::uint8_t window_scale = 0xff;
};
struct NoTcpScaleOption {
  static constexpr Absent<std::uint8_t, 0xff> window_scale{};
};

/// What the options of a segment say, or shall say.
struct TcpSegmentOptions : std::conditional_t<features::kTcpSack, TcpSackOptions, NoTcpSackOptions>,
                           std::conditional_t<features::kTcpWindowScale, TcpScaleOption, NoTcpScaleOption>,
                           std::conditional_t<features::kTcpTimestamps, TcpTimestampOptions, NoTcpTimestampOptions> {
  struct Block {
    std::uint32_t begin;
    std::uint32_t end;  ///< behind the last
    friend constexpr bool operator==(const Block&, const Block&) noexcept = default;
  };
  static constexpr std::uint8_t kNoWindowScale = 0xff;
  static constexpr std::size_t kMaxBlocks = 4;

  std::uint16_t mss = 0;  ///< 0: not told
  std::array<Block, features::kTcpSack ? kMaxBlocks : 0> sack;

  constexpr TcpSegmentOptions() noexcept {}

  /// Bytes that they take, padded to whole words.
  constexpr std::size_t size() const noexcept {
    // Window scale has a NOP in front, SACK permitted and timestamps two unless they stand together, SACK two.
    std::size_t size = mss != 0 ? 4 : 0;
    if (window_scale != kNoWindowScale) { size += 4; }
    if (timestamps) { size += 12; }
    if (sack_permitted && !timestamps) { size += 4; }
    if (block_count != 0) { size += 4 + 8u * block_count; }
    return size;
  }
};

/// A TCP segment whose header is whole. Lives as long as the bytes.
class TcpView {
 public:
  /// Of the bytes of a packet from the TCP header to the packet's end; none if the header is not all there. Says
  /// nothing about the checksum.
  static constexpr std::optional<TcpView> parse(std::span<const std::byte> bytes) noexcept {
    if (bytes.size() < kTcpHeaderSize) { return {}; }
    const std::size_t header = std::size_t{load_u8(&bytes[kTcpDataOffset])} >> 4 << 2;
    if (header < kTcpHeaderSize || header > bytes.size()) { return {}; }
    return TcpView(bytes, header);
  }

  constexpr std::uint16_t source_port() const noexcept { return load_be16(&bytes_[kTcpSourcePort]); }
  constexpr std::uint16_t destination_port() const noexcept { return load_be16(&bytes_[kTcpDestinationPort]); }
  constexpr std::uint32_t sequence() const noexcept { return load_be32(&bytes_[kTcpSequence]); }
  constexpr std::uint32_t acknowledgment() const noexcept { return load_be32(&bytes_[kTcpAcknowledgment]); }
  /// A set of `tcp_flag`s.
  constexpr std::uint8_t flags() const noexcept { return load_u8(&bytes_[kTcpFlags]); }
  constexpr bool has(std::uint8_t flag) const noexcept { return (flags() & flag) != 0; }
  /// As it stands there: not scaled.
  constexpr std::uint16_t window() const noexcept { return load_be16(&bytes_[kTcpWindow]); }
  constexpr std::uint16_t checksum() const noexcept { return load_be16(&bytes_[kTcpChecksum]); }
  constexpr std::uint16_t urgent_pointer() const noexcept { return load_be16(&bytes_[kTcpUrgentPointer]); }

  constexpr std::span<const std::byte> header() const noexcept { return bytes_.first(header_); }
  constexpr std::span<const std::byte> options() const noexcept { return header().subspan(kTcpHeaderSize); }
  constexpr std::span<const std::byte> payload() const noexcept { return bytes_.subspan(header_); }

  /// What its options say. Total: an option of a length that it cannot have is passed over, and one that has no length
  /// or is cut off ends the list (RFC 9293 §3.1: MUST-7, an illegal length is no reason to fail).
  constexpr TcpSegmentOptions parse_options() const noexcept {
    TcpSegmentOptions out;
    std::span<const std::byte> rest = options();
    if (features::kTcpTimestamps && rest.size() == 12 &&
        load_be32(rest.data()) == 0x0101080a) {  // most segments (RFC 7323 appendix A)
      take_timestamps(out, rest.subspan(4));
      return out;
    }
    while (!rest.empty()) {
      const std::uint8_t kind = load_u8(rest.data());
      if (kind == tcp_option::end) { break; }
      if (kind == tcp_option::nop) {
        rest = rest.subspan(1);
        continue;
      }
      if (rest.size() < 2) { break; }
      const std::size_t length = load_u8(&rest[1]);
      if (length < 2 || length > rest.size()) { break; }
      take(out, kind, rest.subspan(2, length - 2));
      rest = rest.subspan(length);
    }
    return out;
  }

 private:
  constexpr TcpView(std::span<const std::byte> bytes, std::size_t header) noexcept : bytes_(bytes), header_(header) {}

  static constexpr void take_timestamps(TcpSegmentOptions& out, std::span<const std::byte> value) noexcept {
    out.timestamps = true;
    out.tsval = load_be32(&value[0]);
    out.tsecr = load_be32(&value[4]);
  }
  static constexpr void take(TcpSegmentOptions& out, std::uint8_t kind, std::span<const std::byte> value) noexcept {
    switch (kind) {
      case tcp_option::mss:
        if (value.size() == 2) { out.mss = load_be16(value.data()); }
        break;
      case tcp_option::window_scale:
        if (features::kTcpWindowScale && value.size() == 1) {
          const std::uint8_t shift = load_u8(value.data());
          out.window_scale = shift < kTcpMaxWindowScale ? shift : kTcpMaxWindowScale;
        }
        break;
      case tcp_option::sack_permitted:
        if (value.empty()) { out.sack_permitted = true; }
        break;
      case tcp_option::sack:
        if (!features::kTcpSack || value.empty() || value.size() % 8 != 0) { break; }
        out.block_count = 0;
        for (; !value.empty() && out.block_count < TcpSegmentOptions::kMaxBlocks; value = value.subspan(8)) {
          out.sack[out.block_count++] = {load_be32(&value[0]), load_be32(&value[4])};
        }
        break;
      case tcp_option::timestamps:
        if (features::kTcpTimestamps && value.size() == 8) { take_timestamps(out, value); }
        break;
      default: break;
    }
  }

  std::span<const std::byte> bytes_;
  std::size_t header_;
};

/// What a header says, beside its options.
struct TcpHeader {
  std::uint16_t source_port;
  std::uint16_t destination_port;
  std::uint32_t sequence;
  std::uint32_t acknowledgment;
  std::uint8_t flags;
  std::uint16_t window;
};

/// Writes a header with its options into `out`, which has `kTcpHeaderSize + options.size()` bytes, at most
/// `kTcpMaxHeaderSize` (asserted). The checksum and the urgent pointer are 0.
constexpr void emit_tcp(std::span<std::byte> out, const TcpHeader& header, const TcpSegmentOptions& options) noexcept {
  NAL_ASSERT(out.size() == kTcpHeaderSize + options.size() && out.size() <= kTcpMaxHeaderSize);
  store_be16(&out[kTcpSourcePort], header.source_port);
  store_be16(&out[kTcpDestinationPort], header.destination_port);
  store_be32(&out[kTcpSequence], header.sequence);
  store_be32(&out[kTcpAcknowledgment], header.acknowledgment);
  store_u8(&out[kTcpDataOffset], static_cast<std::uint32_t>(out.size() >> 2 << 4));
  store_u8(&out[kTcpFlags], header.flags);
  store_be16(&out[kTcpWindow], header.window);
  store_be32(&out[kTcpChecksum], 0);
  std::byte* at = out.data() + kTcpHeaderSize;
  if (options.mss != 0) {
    store_be16(at, tcp_option::mss << 8 | 4);
    store_be16(at + 2, options.mss);
    at += 4;
  }
  if (options.timestamps) {
    store_be32(at, options.sack_permitted ? tcp_option::sack_permitted << 24 | 0x02080a : 0x0101080a);
    store_be32(at + 4, options.tsval);
    store_be32(at + 8, options.tsecr);
    at += 12;
  } else if (options.sack_permitted) {
    store_be32(at, 0x01010000 | tcp_option::sack_permitted << 8 | 2);
    at += 4;
  }
  if (options.window_scale != TcpSegmentOptions::kNoWindowScale) {
    store_be32(at, 0x01000000u | tcp_option::window_scale << 16 | 0x0300 | options.window_scale);
    at += 4;
  }
  if (options.block_count != 0) {
    store_be32(at, 0x01010000u | tcp_option::sack << 8 | (2 + 8u * options.block_count));
    at += 4;
    for (std::size_t i = 0; i < options.block_count; ++i, at += 8) {
      store_be32(at, options.sack[i].begin);
      store_be32(at + 4, options.sack[i].end);
    }
  }
}

/// The same with no options but timestamps, which most segments have, or none, to where there is room for it: gives its
/// sum, too.
inline Sum emit_plain_tcp(std::byte* at, const TcpHeader& header, bool timestamps, std::uint32_t tsval,
                          std::uint32_t tsecr) noexcept {
  std::uint64_t total = 0;
  const auto put = [&](std::uint32_t words) {
    const std::uint32_t stored = to_machine32(words);
    __builtin_memcpy(at, &stored, sizeof stored);
    at += sizeof stored;
    total += stored;
  };
  put(std::uint32_t{header.source_port} << 16 | header.destination_port);
  put(header.sequence);
  put(header.acknowledgment);
  put((timestamps ? 0x8000'0000u : 0x5000'0000u) | std::uint32_t{header.flags} << 16 | header.window);
  put(0);
  if (timestamps) {
    put(0x0101080a);
    put(tsval);
    put(tsecr);
  }
  return Sum::from_machine_words(total);
}

}  // namespace nal::embedded::wire
