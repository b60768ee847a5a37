#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "nal/result.hpp"

namespace coap {

/// The value of an attribute of a link: what stands between quotes, with its backslashes, or a bare token.
class LinkValue {
 public:
  constexpr LinkValue() noexcept = default;
  constexpr LinkValue(std::string_view raw, bool quoted) noexcept : raw_(raw), quoted_(quoted) {}

  /// As it stands in the text, without the quotes.
  constexpr std::string_view raw() const noexcept { return raw_; }
  constexpr bool quoted() const noexcept { return quoted_; }
  /// Without the backslashes. *Errors*: buffer_too_small; as many bytes as `raw` has suffice.
  nal::Result<std::string_view> unescape(std::span<char> out) const noexcept;

 private:
  std::string_view raw_;
  bool quoted_ = false;
};

/// `;rt="light"`: a name and perhaps a value.
struct LinkAttribute {
  std::string_view name;
  std::optional<LinkValue> value{};
};

/// The attributes of a link that `LinkParser` has found in order, one behind the other.
class LinkAttributes {
 public:
  constexpr LinkAttributes() noexcept = default;
  constexpr explicit LinkAttributes(std::string_view text) noexcept : rest_(text) {}
  /// Of a text without the first semicolon, as `LinkWriter::attributes` takes it.
  static constexpr LinkAttributes bare(std::string_view text) noexcept {
    LinkAttributes made(text);
    made.bare_ = !text.empty();
    return made;
  }

  /// The next one. Nothing: there are no more.
  std::optional<LinkAttribute> next() noexcept;

 private:
  std::string_view rest_;
  bool bare_ = false;
};

/// `<target>;attribute;attribute=value`.
struct Link {
  std::string_view target;  ///< a URI reference, as it stands in the text
  LinkAttributes attributes;

  /// The first attribute of that name.
  std::optional<LinkAttribute> find(std::string_view name) const noexcept;
  /// Whether a query picks this link (RFC 6690 §4.1): `href=/sensors/*`, `rt=light`, `obs`. A `*` at the end stands for
  /// any end; `rt`, `if`, `rel`, `rev`, `ct` and `sz` are lists of words one of which must match; without a '=' the
  /// attribute must be there. An empty query picks every link.
  bool matches(std::string_view query) const noexcept;
};

/// Reads a list of links (RFC 6690 §2) front to back, without copying. Total: whatever the text is, it ends.
class LinkParser {
 public:
  /// `text` outlives the parser and what it gives.
  explicit LinkParser(std::string_view text) noexcept : rest_(text) {}

  /// The next link; nothing at the end. *Errors*: protocol_error: the text is no list of links from here on; told again
  /// if asked again.
  nal::Result<std::optional<Link>> next() noexcept;

 private:
  std::string_view rest_;
  bool first_ = true;
};

/// Writes a list of links, all of it or the part of it that one block of an answer shows: of what is written only the
/// bytes from `offset` on are put into `out`, as far as they go, and all are counted. So any block can be made of the
/// links alone, without a place where the whole would stand.
class LinkWriter {
 public:
  /// `out` outlives the writer.
  explicit LinkWriter(std::span<char> out, std::size_t offset = 0) noexcept : out_(out), offset_(offset) {}

  /// Begins the next link. `target` is a URI reference without '<' and '>'.
  void link(std::string_view target) noexcept;
  void attribute(std::string_view name) noexcept;
  /// Quoted; backslashes are added where they are needed.
  void attribute(std::string_view name, std::string_view value) noexcept;
  void attribute(std::string_view name, std::uint32_t value) noexcept;
  /// Attributes as they stand in a text: `rt="light";obs`.
  void attributes(std::string_view text) noexcept;

  /// How many bytes all links take so far.
  std::size_t size() const noexcept { return size_; }
  /// What stands in `out` of them.
  std::string_view window() const noexcept;
  /// All links. *Errors*: buffer_too_small: not all of them are in the window.
  nal::Result<std::string_view> text() const noexcept;

 private:
  void put(char c) noexcept;
  void put(std::string_view text) noexcept;

  std::span<char> out_;
  std::size_t offset_;
  std::size_t size_ = 0;
};

}  // namespace coap
