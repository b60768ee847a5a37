#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "examples/coap/options.hpp"
#include "nal/result.hpp"
#include "nal/text.hpp"

namespace coap {

/// RFC 7252 §6.1, §6.2; RFC 8323 §8.1, §8.2.
enum class Scheme : std::uint8_t { coap, coaps, coap_tcp, coaps_tcp };

constexpr bool is_tcp(Scheme scheme) noexcept { return scheme == Scheme::coap_tcp || scheme == Scheme::coaps_tcp; }
/// Whether messages go through DTLS or TLS.
constexpr bool is_secure(Scheme scheme) noexcept { return scheme == Scheme::coaps || scheme == Scheme::coaps_tcp; }
constexpr std::uint16_t default_port(Scheme scheme) noexcept { return is_secure(scheme) ? 5684 : 5683; }
/// "coap+tcp". Static storage.
std::string_view to_string(Scheme scheme) noexcept;

/// The longest value that an option of a URI can have (RFC 7252 §5.10): a host, a path segment, an argument of a query.
inline constexpr std::size_t kMaxUriPart = 255;

/// The segments of a path, or the arguments of a query, in their order (RFC 7252 §6.4 steps 8 and 9). Takes what
/// `Uri::parse` has found in order.
class UriParts {
 public:
  UriParts() noexcept = default;
  UriParts(std::string_view encoded, char separator) noexcept : rest_(encoded), separator_(separator), more_(true) {}

  /// The next one, percent-decoded into `out`; it may be empty. Nothing: there are no more.
  std::optional<std::string_view> next(std::span<char, kMaxUriPart> out) noexcept;

 private:
  std::string_view rest_;
  char separator_ = 0;
  bool more_ = false;
};

/// `coap://host[:port][/path][?query]`, and the same with `coaps`, `coap+tcp` and `coaps+tcp`.
struct Uri {
  Scheme scheme = Scheme::coap;
  std::string_view host;  ///< decoded, in lower case; an IPv6 address without brackets, with its zone behind a '%'
  bool host_is_address = false;  ///< an address, not a name
  std::uint16_t port = default_port(Scheme::coap);
  std::string_view path;                    ///< percent-encoded, without its first slash
  std::optional<std::string_view> query{};  ///< percent-encoded, without its question mark

  /// Views into `text`, but for the host, which stands in `out`: `kMaxUriPart` bytes suffice. All parts are checked
  /// here. An IPv6 zone is written behind '%25' (RFC 6874) or behind a bare '%', as people write it.
  /// *Errors*: invalid_argument: no such URI, a fragment, user information, a dot segment (a Uri-Path must not be one,
  /// RFC 7252 §5.10.1), or a part that is longer than an option; buffer_too_small.
  static nal::Result<Uri> parse(std::string_view text, std::span<char> out) noexcept;

  UriParts segments() const noexcept { return path.empty() ? UriParts{} : UriParts(path, '/'); }
  UriParts arguments() const noexcept { return query ? UriParts(*query, '&') : UriParts{}; }

  /// Calls `sink(number, value)`, which gives a `Result<>`, for each of Uri-Host, Uri-Path and Uri-Query,
  /// in the order that a message needs (RFC 7252 §6.4). An address is no Uri-Host, and there is no Uri-Port, since the
  /// request goes to that address and port. The first failure ends it. `value` ends with the call.
  template <class Sink>
  nal::Result<> for_each_option(Sink&& sink) const {
    if (!host_is_address) { NAL_TRY(sink(OptionNumber::uri_host, host)); }
    std::array<char, kMaxUriPart> memory;
    UriParts parts = segments();
    while (const auto segment = parts.next(memory)) { NAL_TRY(sink(OptionNumber::uri_path, *segment)); }
    parts = arguments();
    while (const auto argument = parts.next(memory)) { NAL_TRY(sink(OptionNumber::uri_query, *argument)); }
    return nal::Unit{};
  }
};

/// Makes a URI, or without `authority` a reference such as a Location, out of option values (RFC 7252 §6.5): authority
/// first, then path segments, then arguments. What cannot stand there as it is becomes percent-encoded.
class UriWriter {
 public:
  /// `out` outlives the writer and the text that it gives.
  explicit UriWriter(std::span<char> out) noexcept : writer_(out) {}

  /// `host` as `Uri` has it. A port that is the scheme's is left out.
  void authority(Scheme scheme, std::string_view host, std::uint16_t port) noexcept;
  void segment(std::string_view value) noexcept;
  void argument(std::string_view value) noexcept;
  /// *Errors*: buffer_too_small.
  nal::Result<std::string_view> text() noexcept;

 private:
  enum class State : std::uint8_t { path, begun_path, query };

  void put_encoded(std::string_view text, std::string_view allowed) noexcept;

  nal::TextWriter writer_;
  State state_ = State::path;
};

}  // namespace coap
