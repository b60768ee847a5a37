// Bodies that arrive in blocks (RFC 7959 §2.3, RFC 9175 §3).
#include "examples/coap/server.hpp"

namespace coap {

std::span<std::byte> Server::assembly_of(const Upload& upload) noexcept {
  const std::size_t size = memory_.assembly.size() / memory_.uploads.size();
  return memory_.assembly.subspan(static_cast<std::size_t>(&upload - memory_.uploads.data()) * size, size);
}

std::uint32_t Server::resource_of(const Options& options) const noexcept {
  // Who makes two resources look the same mixes up bodies of its own.
  std::uint32_t hash = 0;
  for (const Option& option : options) {
    if (option.number != OptionNumber::uri_path && option.number != OptionNumber::uri_query) { continue; }
    hash = hash * 31 + static_cast<std::uint32_t>(option.number);
    for (const std::byte byte : option.value) { hash = hash * 31 + std::to_integer<std::uint32_t>(byte); }
  }
  return hash;
}

void Server::drop(Upload& upload) noexcept {
  upload.used = false;
  if (watch_) { watch_->dropped(*upload.route, upload.remote, upload.next); }
}

Code Server::take_block(Call& call, const Block& block, Upload*& upload) noexcept {
  const Arrival& arrival = *call.arrival_;
  const Message& message = arrival.message;
  const std::size_t size = message.payload.size();
  const bool bert = block.szx == Block::kBert;
  const bool whole_blocks = bert ? size != 0 && size % block.size() == 0 : size == block.size();
  if ((bert && !node_.reliable()) || (block.more && !whole_blocks) || (!bert && size > block.size())) {
    return Code::bad_request;
  }
  call.offset_ = block.offset();
  call.more_ = block.more;

  const SmallBytes<8> tag(message.options.value_of(OptionNumber::request_tag));
  const std::uint32_t resource = resource_of(message.options);
  Upload* found = nullptr;
  Upload* free = nullptr;
  for (Upload& other : memory_.uploads) {
    if (other.used && arrival.now >= other.until) { drop(other); }
    if (!other.used) {
      free = &other;
    } else if (same(other.remote, arrival.ends.remote) && other.route == &call.route() && other.resource == resource &&
               other.tag == tag) {
      found = &other;
    }
  }
  if (block.number == 0 && !block.more) {
    if (found) { drop(*found); }
    return Code::empty;
  }
  if (block.number == 0) {
    // A straggler does not throw away what has come since.
    if (found && !node_.reliable() && found->first_id == message.id) { return Code::continue_; }
    if (found) {
      drop(*found);
    } else {
      found = free;
    }
    if (!found) { return Code::service_unavailable; }
    found->remote = arrival.ends.remote;
    found->tag = tag;
    found->route = &call.route();
    found->resource = resource;
    found->next = found->last = 0;
    found->first_id = message.id;
    found->used = true;
  }
  if (!found) { return Code::request_entity_incomplete; }
  if (call.offset_ != found->next) {
    // The last one again, under another message id, has been taken; other overlaps and gaps are told.
    const bool again = block.more && call.offset_ == found->last && call.offset_ + size == found->next;
    return again ? Code::continue_ : Code::request_entity_incomplete;
  }
  found->last = found->next;
  found->next += static_cast<std::uint32_t>(size);
  found->until = later(later(arrival.now, node_.transmit_span()), node_.transmit_span());
  upload = found;
  if (call.route().streams) { return Code::empty; }

  const auto room = assembly_of(*found);
  const auto whole = message.options.find_uint(OptionNumber::size1);
  if (found->next > room.size() || (whole && *whole > room.size())) {
    found->used = false;
    node_.writer().add_uint(OptionNumber::size1, static_cast<std::uint32_t>(room.size()));
    return Code::request_entity_too_large;
  }
  std::copy(message.payload.begin(), message.payload.end(), room.begin() + static_cast<std::ptrdiff_t>(found->last));
  if (block.more) { return Code::continue_; }
  call.payload_ = room.first(found->next);
  call.offset_ = 0;
  return Code::empty;
}

}  // namespace coap
