#pragma once
#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "examples/coap/bytes.hpp"
#include "nal/result.hpp"

namespace coap {

// Offsets have 32 bits: blocks are numbered with 20, and are of 1024 bytes at most (RFC 7959 §2.2).

/// Where the bytes of a body come from, a piece at a time, in place in the message that is sent.
///
/// *Syntax*: `s.read(offset, out)` gives a `nal::Result<std::size_t>`; `s.size()`, where there is one, a
/// `std::optional` of a number.
/// *Semantics*: fills `out` from `offset` on; fewer bytes than `out` has only at the end of the body. The same offset
/// is asked for again when a message is sent again, and then gives the same bytes; none is asked for that lies before
/// the last block that was not yet acknowledged, except 0: from the start again. *Errors* end the transfer. Never
/// waits.
template <class S>
concept BodySource = requires(S& s, std::uint32_t offset, std::span<std::byte> out) {
  { s.read(offset, out) } noexcept -> std::same_as<nal::Result<std::size_t>>;
};

/// Where the bytes of a body go, in the receive buffer.
///
/// *Syntax*: `s.write(offset, data)` gives a `nal::Result<>`.
/// *Semantics*: pieces come in order without gaps; offset 0 a second time means that the body changed at the server and
/// all before is void. *Errors* end the transfer. Never waits.
template <class S>
concept BodySink = requires(S& s, std::uint32_t offset, std::span<const std::byte> data) {
  { s.write(offset, data) } noexcept -> std::same_as<nal::Result<>>;
};

/// Some body source, by reference.
class SourceRef {
 public:
  SourceRef() noexcept = default;
  template <BodySource S>
    requires(!std::same_as<S, SourceRef>)
  SourceRef(S& source) noexcept
      : object_(&source), read_([](void* object, std::uint32_t offset, std::span<std::byte> out) noexcept {
          return static_cast<S*>(object)->read(offset, out);
        }) {
    if constexpr (requires { source.size(); }) {
      if (const auto size = source.size()) {
        size_ = *size < kTooLarge ? static_cast<std::uint32_t>(*size) : kTooLarge;
      }
    }
  }

  /// The size of whatever is larger than CoAP's largest body.
  static constexpr std::uint32_t kTooLarge = 0xFFFF'FFFF;

  bool valid() const noexcept { return read_ != nullptr; }
  nal::Result<std::size_t> read(std::uint32_t offset, std::span<std::byte> out) const noexcept {
    return read_(object_, offset, out);
  }
  std::optional<std::uint32_t> size() const noexcept { return size_; }

 private:
  void* object_ = nullptr;
  nal::Result<std::size_t> (*read_)(void*, std::uint32_t, std::span<std::byte>) noexcept = nullptr;
  std::optional<std::uint32_t> size_{};
};

/// Some body sink, by reference.
class SinkRef {
 public:
  SinkRef() noexcept = default;
  template <BodySink S>
    requires(!std::same_as<S, SinkRef>)
  SinkRef(S& sink) noexcept
      : object_(&sink), write_([](void* object, std::uint32_t offset, std::span<const std::byte> data) noexcept {
          return static_cast<S*>(object)->write(offset, data);
        }) {}

  bool valid() const noexcept { return write_ != nullptr; }
  nal::Result<> write(std::uint32_t offset, std::span<const std::byte> data) const noexcept {
    return write_(object_, offset, data);
  }

 private:
  void* object_ = nullptr;
  nal::Result<> (*write_)(void*, std::uint32_t, std::span<const std::byte>) noexcept = nullptr;
};

/// A body that stands in memory.
class SpanSource {
 public:
  explicit SpanSource(std::span<const std::byte> body) noexcept : body_(body) {}
  explicit SpanSource(std::string_view text) noexcept : body_(bytes_of(text)) {}
  nal::Result<std::size_t> read(std::uint32_t offset, std::span<std::byte> out) noexcept {
    if (offset >= body_.size()) { return std::size_t{0}; }
    const auto rest = body_.subspan(static_cast<std::size_t>(offset));
    const std::size_t n = std::min(rest.size(), out.size());
    std::copy_n(rest.begin(), n, out.begin());
    return n;
  }
  std::optional<std::size_t> size() const noexcept { return body_.size(); }

 private:
  std::span<const std::byte> body_;
};

/// A body that is to stand in memory. *Errors* of writing: buffer_too_small.
class SpanSink {
 public:
  explicit SpanSink(std::span<std::byte> memory) noexcept : memory_(memory) {}
  nal::Result<> write(std::uint32_t offset, std::span<const std::byte> data) noexcept {
    if (offset > memory_.size() || data.size() > memory_.size() - offset) {
      return nal::Unexpected(nal::Error::buffer_too_small);
    }
    size_ = static_cast<std::size_t>(offset);
    std::copy(data.begin(), data.end(), memory_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += data.size();
    return {};
  }
  std::span<const std::byte> body() const noexcept { return memory_.first(size_); }
  std::string_view text() const noexcept { return text_of(body()); }

 private:
  std::span<std::byte> memory_;
  std::size_t size_ = 0;
};

}  // namespace coap
