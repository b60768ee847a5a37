// clang-format off: a pattern is a line
// fails STREAM_OF_WHAT_IS_NONE: constraint & ByteStream
// fails COPIED: deleted|use of & unique_ptr|Stream
// fails BLOCKING_READ: no member named .*read_some
// fails CONNECT_BY_ANOTHER_STACK: no matching (member )?function .*async_connect & same_as
// fails HANDLER_OF_ANOTHER_SIGNATURE: completion_handler_for|completion_token_for|no matching|constraint
// fails READ_INTO_CONSTANTS: cannot convert|no matching|could not convert|no viable
// fails LISTENER_FOR_A_STREAM: constraint & TcpListener
// clang-format on
#include "adapters/asio/stream.hpp"
#include "adapters/asio/acceptor.hpp"
#include "tests/fail/models.hpp"

using nal::with_asio::Loop;
using Stream = nal::with_asio::Stream<model::Stream>;

struct OtherStack : model::Stack {
  struct TcpStream : model::Stream {};
  nal::Result<TcpStream> start_tcp(const nal::Endpoint&, const nal::TcpOptions&) noexcept;
};

void use(Stream& stream, model::Stack& stack, OtherStack& other, const nal::Endpoint& server, char* room) {
  const auto connected = [](const asio::error_code&) {};
  const auto transferred = [](const asio::error_code&, std::size_t) {};
  stream.async_connect(stack, server, connected);
#if defined(STREAM_OF_WHAT_IS_NONE)
  nal::with_asio::Stream<int>* none = nullptr;
#elif defined(COPIED)
  Stream twin(stream);
#elif defined(BLOCKING_READ)
  stream.read_some(asio::buffer(room, 1));
#elif defined(CONNECT_BY_ANOTHER_STACK)
  stream.async_connect(other, server, connected);
#elif defined(HANDLER_OF_ANOTHER_SIGNATURE)
  stream.async_read_some(asio::buffer(room, 1), connected);
#elif defined(READ_INTO_CONSTANTS)
  stream.async_read_some(asio::buffer("text", 4), transferred);
#elif defined(LISTENER_FOR_A_STREAM)
  nal::with_asio::Acceptor<model::Stream>* none = nullptr;
#endif
  stream.async_read_some(asio::buffer(room, 1), transferred);
  static_cast<void>(other);
}
