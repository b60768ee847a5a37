#include "examples/coap/transfer.hpp"

namespace coap {

namespace {

/// What options take beside a block, as a rule. One that does not fit after all is made smaller.
constexpr std::size_t kOptions = 64;

}  // namespace

Transfer Client::transfer(const Request& request, SinkRef sink) noexcept {
  return transfer(request, SourceRef(), sink);
}
Transfer Client::transfer(const Request& request, const SourceRef& source, SinkRef sink) noexcept {
  return Transfer(*this, request, source, sink);
}

Transfer::Transfer(Client& client, const Request& request, const SourceRef& source, SinkRef sink) noexcept
    : exchange_(client, request), source_(source), sink_(sink) {}

void Transfer::begin() noexcept {
  const Node& node = exchange_.client().node();
  const std::size_t room = node.max_message() - std::min(node.max_message(), kOptions);
  szx_ = std::min(largest_szx_, Block::szx_for(room).value_or(0));
  exchange_.bert = largest_szx_ == Block::kBert;
  if (source_.valid()) {
    begin_upload();
  } else if (szx_ != 6) {
    exchange_.block2 = Block{0, false, szx_};  // §2.4: the server need not try larger ones first
  }
}

void Transfer::begin_upload() noexcept {
  uploading_ = true;
  sent_ = 0;
  exchange_.source = source_;
  exchange_.block1 = Block{0, true, szx_};
  // RFC 9175 §3: blocks of one attempt are not taken for those of another.
  do { exchange_.tag = exchange_.client().node().random().next(); } while (exchange_.tag == 0);
}

bool Transfer::make_smaller() noexcept {
  if (!uploading_ || sent_ != 0 || szx_ == 0) { return false; }
  --szx_;
  begin_upload();
  return true;
}

nal::Poll<nal::Result<Response>> Transfer::poll(nal::Context& context) noexcept {
  if (!std::exchange(begun_, true)) {
    begin();
    exchange_.start();
  }
  for (;;) {
    auto polled = exchange_.poll(context);
    if (!polled.ready()) { return nal::pending; }
    if (!*polled) {
      if (polled->error() != nal::Error::message_size || !make_smaller()) { return polled; }
    } else {
      const auto over = take((**polled).message());
      if (over.ready()) {
        if (!*over) { return nal::Unexpected((*over).error()); }
        return polled;
      }
      // The receive buffer is free again from here on.
      { const Response finished(*std::move(*polled)); }
    }
    exchange_.start();
  }
}

nal::Poll<nal::Result<>> Transfer::take(const Message& response) noexcept {
  return uploading_ ? take_upload(response) : take_download(response);
}

nal::Poll<nal::Result<>> Transfer::take_upload(const Message& response) noexcept {
  const Code code = response.code;
  const bool more = exchange_.block1->more;
  szx_ = exchange_.block1->szx;
  const auto block = Block::find(response.options, OptionNumber::block1);
  const bool too_large = code == Code::request_entity_too_large && block && block->szx < szx_;
  if ((too_large || code == Code::request_entity_incomplete) && restarts_ < kRestarts) {
    ++restarts_;
    if (too_large) { szx_ = block->szx; }
    begin_upload();
    return nal::pending;
  }
  if (!is_success(code) || !more) {
    uploading_ = false;
    if (is_success(code)) { sent_ += static_cast<std::uint32_t>(exchange_.sent_size); }
    if (code == Code::continue_) { return nal::Unexpected(nal::Error::protocol_error); }
    return take_download(response);
  }
  // §2.3: whatever the code, with Block1 it is about this block alone.
  if (!block || block->number != exchange_.block1->number) { return nal::Unexpected(nal::Error::protocol_error); }
  sent_ += static_cast<std::uint32_t>(exchange_.sent_size);
  szx_ = std::min(szx_, block->szx);
  const std::uint32_t number = Block::number_at(sent_, szx_);
  if (number > Block::kMaxNumber) { return nal::Unexpected(nal::Error::message_size); }
  exchange_.block1 = Block{number, true, szx_};
  return nal::pending;
}

nal::Poll<nal::Result<>> Transfer::take_download(const Message& response) noexcept {
  const bool beyond = response.code == Code::bad_option || response.code == Code::bad_request;
  if (beyond && received_ != 0 && is_safe(exchange_.request.method) && restarts_ < kRestarts) {
    // What was there has become shorter: what is there now?
    ++restarts_;
    received_ = 0;
    ask_for_block(szx_);
    return nal::pending;
  }
  if (!is_success(response.code) || !sink_.valid()) { return nal::Result<>(); }
  const auto block = Block::find(response.options, OptionNumber::block2);
  const auto payload = response.payload;
  const Etag etag(response.options.value_of(OptionNumber::etag));
  if (received_ == 0) {
    etag_ = etag;
  } else if (etag_ != etag) {
    if (restarts_ == kRestarts) { return nal::Unexpected(nal::Error::io_error); }
    ++restarts_;
    received_ = 0;
    ask_for_block(block ? block->szx : szx_);
    return nal::pending;
  }
  const std::size_t size = block ? block->size() : 0;
  // A block that more follow is full; several at once (BERT) are so together.
  bool whole = true;
  if (block && block->szx == Block::kBert) {
    whole = !block->more || (!payload.empty() && payload.size() % size == 0);
  } else if (block) {
    whole = block->more ? payload.size() == size : payload.size() <= size;
  }
  if ((block ? block->offset() : 0) != received_ || !whole) { return nal::Unexpected(nal::Error::protocol_error); }
  if (const auto total = response.options.find_uint(OptionNumber::size2)) { to_receive_ = *total; }
  NAL_TRY(sink_.write(received_, payload));
  received_ += static_cast<std::uint32_t>(payload.size());
  if (!block || !block->more) { return nal::Result<>(); }
  if (Block::number_at(received_, block->szx) > Block::kMaxNumber) { return nal::Unexpected(nal::Error::message_size); }
  ask_for_block(block->szx);
  return nal::pending;
}

void Transfer::ask_for_block(std::uint8_t szx) noexcept {
  exchange_.block2 = Block{Block::number_at(received_, szx), false, szx};
  exchange_.block1.reset();
  exchange_.source = {};
  exchange_.tag = 0;
  // What was sent has arrived. Only FETCH says again what it asks for (RFC 8132 §2.3.2).
  if (exchange_.request.method != Code::fetch) {
    exchange_.request.payload = {};
    exchange_.request.content_format.reset();
  }
}

}  // namespace coap
