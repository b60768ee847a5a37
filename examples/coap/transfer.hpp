#pragma once
#include "examples/coap/client.hpp"

namespace coap {

/// A request whose body, or whose answer's, is as large as it likes: block by block (RFC 7959), each way, with blocks
/// as large as both sides can take.
///
/// *Completes* with the last answer. Its body has gone to the sink, if it is a success; of a failure the payload stands
/// in the answer. *Errors*: as `Client::request`; those of source and sink; protocol_error: blocks that do not fit
/// together. A body that changes at the server meanwhile (ETag) is asked for again from the start, and one that the
/// server lost track of (4.08) sent again, three times at most; then the one is io_error, the other the answer.
/// *Cancellation*: the server forgets what it has of a body in time. *Buffer lifetime*: what the request names, source
/// and sink outlive it; they are used only while it is polled, or its node's `run` is.
class [[nodiscard("await it")]] Transfer {
 public:
  Transfer(Client& client, const Request& request, const SourceRef& source, SinkRef sink) noexcept;

  nal::Poll<nal::Result<Response>> poll(nal::Context& context) noexcept;

  /// Asks for blocks no larger than 16 << szx bytes. Before the first poll.
  void limit_blocks(std::uint8_t szx) noexcept { largest_szx_ = szx; }

  /// Bytes of the bodies that the other side has, or that have come.
  std::uint32_t sent() const noexcept { return sent_; }
  std::uint32_t received() const noexcept { return received_; }
  /// How many there will be, once that is known.
  std::optional<std::uint32_t> to_receive() const noexcept { return to_receive_; }

 private:
  void begin() noexcept;
  void begin_upload() noexcept;
  bool make_smaller() noexcept;
  /// Not ready: there is more to ask for.
  nal::Poll<nal::Result<>> take(const Message& response) noexcept;
  nal::Poll<nal::Result<>> take_upload(const Message& response) noexcept;
  nal::Poll<nal::Result<>> take_download(const Message& response) noexcept;
  void ask_for_block(std::uint8_t szx) noexcept;

  static constexpr std::uint8_t kRestarts = 3;

  Exchange exchange_;
  SourceRef source_;
  SinkRef sink_;
  std::uint32_t sent_ = 0;
  std::uint32_t received_ = 0;
  std::optional<std::uint32_t> to_receive_{};
  Etag etag_{};
  std::uint8_t szx_ = 6;
  std::uint8_t largest_szx_ = Block::kBert;
  std::uint8_t restarts_ = 0;
  bool begun_ = false;
  bool uploading_ = false;
};

}  // namespace coap
