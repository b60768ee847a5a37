#include "examples/coap/path.hpp"
#include "examples/coap/server.hpp"
#include "nal/text.hpp"

namespace coap {

PathMatch match_path(const Options& options, std::string_view path) noexcept {
  if (path == "/") { path = {}; }
  for (const Option& option : options) {
    if (option.number != OptionNumber::uri_path) { continue; }
    if (path.empty()) { return PathMatch::below; }
    const std::string_view segment = option.text();
    path.remove_prefix(1);  // the slash
    const bool same = path.size() >= segment.size() && std::equal(segment.begin(), segment.end(), path.begin()) &&
                      (path.size() == segment.size() || path[segment.size()] == '/');
    if (!same) { return PathMatch::no; }
    path.remove_prefix(segment.size());
  }
  return path.empty() ? PathMatch::exact : PathMatch::no;
}

nal::Result<std::string_view> Call::path(std::span<char> out) const noexcept {
  nal::TextWriter writer(out);
  bool any = false;
  for (const Option& option : options()) {
    if (option.number != OptionNumber::uri_path) { continue; }
    const std::string_view segment = option.text();
    const bool bad = segment == "." || segment == ".." || nal::detail::contains(segment, '/') ||
                     nal::detail::contains(segment, '\0');
    if (bad) { return nal::Unexpected(nal::Error::invalid_argument); }
    writer.put('/');
    writer.put(segment);
    any = true;
  }
  if (!any) { writer.put('/'); }
  return writer.text();
}

std::optional<std::string_view> Call::query(std::string_view name) const noexcept {
  for (const Option& option : options()) {
    if (option.number != OptionNumber::uri_query) { continue; }
    std::string_view text = option.text();
    if (text.size() < name.size() || !std::equal(name.begin(), name.end(), text.begin())) { continue; }
    text.remove_prefix(name.size());
    if (text.empty()) { return text; }
    if (text.front() == '=') { return nal::detail::after(text, 0); }
  }
  return std::nullopt;
}

bool Call::precondition(bool exists, std::span<const std::byte> etag) const noexcept {
  bool wanted = false;
  bool matched = false;
  for (const Option& option : options()) {
    if (option.number == OptionNumber::if_none_match && exists) { return false; }
    if (option.number != OptionNumber::if_match) { continue; }
    wanted = true;
    if (exists && (option.value.empty() || equal(option.value, etag))) { matched = true; }
  }
  return !wanted || matched;
}

void Reply::etag(std::span<const std::byte> tag) noexcept {
  out_->add(OptionNumber::etag, tag);
  const auto block = Block::find(call_->options(), OptionNumber::block2);
  if (block && block->number != 0) { return; }
  for (const Option& option : call_->options()) {
    if (option.number == OptionNumber::etag && equal(option.value, tag)) { valid_ = true; }
  }
}

void Reply::finish_options(Code code) noexcept {
  if (std::exchange(finished_, true) || !is_success(code)) { return; }
  const bool observed = observer_ ? observer_->kind == Stored::Kind::observer : server_->observe(*this, *call_);
  if (observed) { out_->add_uint(OptionNumber::observe, observer_->sequence); }
}

void Reply::finish(Code code) noexcept {
  finish_options(code);
  if (!out_->fits() || !is_response(code)) {
    out_->clear();
    code = Code::internal_server_error;
  }
  out_->set_code(code);
}

Code Reply::fail(Code code, std::string_view diagnostic) noexcept {
  finish_options(code);
  const auto room = out_->payload_room();
  out_->add_payload(bytes_of(diagnostic).first(std::min(diagnostic.size(), room.size())));
  return code;
}

Code Reply::text(std::string_view text) noexcept {
  content_format(0);
  return payload(bytes_of(text));
}

Code Reply::payload(std::span<const std::byte> payload, Code code) noexcept {
  SpanSource source(payload);
  return body(source, code);
}

Code Reply::body(const SourceRef& source, Code code) noexcept {
  if (valid_ && code == Code::content) { code = Code::valid; }
  finish_options(code);
  if (code == Code::valid) { return code; }

  Block block{0, true, server_->config_.block_szx};
  const auto asked = Block::find(call_->options(), OptionNumber::block2);
  if (asked) {
    block.szx = asked->szx == Block::kBert ? asked->szx : std::min(asked->szx, block.szx);
    block.number = Block::number_at(asked->offset(), block.szx);
  }
  const auto whole = source.size();
  const std::size_t probe = whole ? 0 : 1;  // one byte more tells whether there is more
  std::size_t room = out_->payload_room().size();
  if (asked || !whole || *whole > std::min(block.size(), room)) {
    constexpr std::size_t kBlockOptions = 12;  // Block2 and Size2
    room -= std::min(room, kBlockOptions + probe);
    while (block.size() > room && block.szx > 0) {
      block.szx = static_cast<std::uint8_t>(block.szx == Block::kBert ? 5 : block.szx - 1);
      block.number *= 2;
    }
    if (block.size() > room || block.number > Block::kMaxNumber) { return fail(Code::bad_option, {}); }
    out_->add_uint(OptionNumber::block2, block.value());
    if (whole && block.number == 0) { out_->add_uint(OptionNumber::size2, *whole); }
    room = block.szx == Block::kBert ? room / block.size() * block.size() : block.size();
  }
  const auto into = out_->payload_room();
  const auto got = source.read(block.offset(), into.first(std::min(room + probe, into.size())));
  if (!got || (*got == 0 && block.number != 0)) {
    out_->clear();
    return got ? Code::bad_option : Code::internal_server_error;
  }
  const std::size_t size = std::min(*got, room);
  const bool more = whole ? block.offset() + size < *whole : *got > size;
  if (!more) {
    block.more = false;
    out_->patch_last_byte(OptionNumber::block2, static_cast<std::byte>(block.value()));
  }
  out_->put_payload(size);
  return code;
}

}  // namespace coap
