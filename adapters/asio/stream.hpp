#pragma once
#include <array>
#include <memory>
#include <optional>

#include "adapters/asio/endpoint.hpp"
#include "adapters/asio/operation.hpp"
#include "nal/tcp.hpp"

namespace nal::with_asio {

namespace detail {

/// A nal handle where its operations find it, whatever becomes of the object that owns it.
template <class Handle>
class HandleObject final : public IoObject {
 public:
  explicit HandleObject(Loop& loop) noexcept : IoObject(loop) {}
  HandleObject(Loop& loop, Handle&& handle) noexcept : IoObject(loop) {
    if (this->loop()) { handle_.emplace(std::move(handle)); }
  }
  ~HandleObject() { close(); }

  std::optional<Handle>& handle() noexcept { return handle_; }
  /// Takes the handle that an operation gave.
  void adopt(Handle&& handle) noexcept { handle_.emplace(std::move(handle)); }

 private:
  void drop_handle() noexcept override { handle_.reset(); }
  std::optional<Handle> handle_;
};

/// What Asio asks of all I/O objects, over a nal handle.
template <class Handle>
class AsioObject {
 public:
  using executor_type = Loop::executor_type;
  /// The nal handle, for what Asio has no words for; there must be one (`is_open`).
  Handle& handle() noexcept { return *object_->handle(); }

  explicit AsioObject(Loop& loop)
      : executor_(loop.get_executor()), object_(std::make_unique<HandleObject<Handle>>(loop)) {}
  AsioObject(Loop& loop, Handle handle)
      : executor_(loop.get_executor()), object_(std::make_unique<HandleObject<Handle>>(loop, std::move(handle))) {}

  executor_type get_executor() const noexcept { return executor_; }
  bool is_open() const noexcept { return object_ && object_->handle().has_value(); }
  /// Whatever is under way completes with operation_aborted.
  void cancel() noexcept {
    if (object_) { object_->cancel(); }
  }
  void cancel(ErrorCode& error) noexcept {
    error = {};
    cancel();
  }
  /// The same, and the nal handle is dropped: see the concept of each what that means.
  void close() noexcept {
    if (object_) { object_->close(); }
  }
  void close(ErrorCode& error) noexcept {
    error = {};
    close();
  }

 protected:
  HandleObject<Handle>* object() const noexcept { return object_.get(); }
  /// Null, or why nothing can be done.
  static ErrorCode unusable(HandleObject<Handle>* object, bool wants_handle) noexcept {
    if (!object || !object->loop() || (wants_handle && !object->handle())) { return ::asio::error::bad_descriptor; }
    return {};
  }

  /// Starts a `Future` made of the handle and `arguments...` by any completion token.
  template <class Future, class Signature, class Finish, class Token, class... Arguments>
  auto start_with(Finish finish, Token&& token, Arguments... arguments) {
    return ::asio::async_initiate<Token, Signature>(
        [](auto&& handler, const executor_type& executor, HandleObject<Handle>* object, Finish how, auto... values) {
          if (const ErrorCode error = unusable(object, true)) {
            fail(executor, std::forward<decltype(handler)>(handler), how, error);
          } else {
            detail::start<Future>(*object, std::forward<decltype(handler)>(handler), std::move(how), *object->handle(),
                                  std::move(values)...);
          }
        },
        token, executor_, object(), std::move(finish), std::move(arguments)...);
  }

  /// Completes a handler with an error that no future told.
  template <class Handler, class Finish>
  static void fail(const executor_type& executor, Handler&& handler, Finish& finish, const ErrorCode& error) {
    auto arguments = finish(Unexpected(Error::closed));
    std::get<0>(arguments) = error;
    std::decay_t<Handler> owned(std::forward<Handler>(handler));
    std::apply([&](auto&&... values) { post_to(executor, std::move(owned), std::move(values)...); },
               std::move(arguments));
  }

 private:
  executor_type executor_;
  std::unique_ptr<HandleObject<Handle>> object_;
};

/// Reads into the buffers of a sequence, as far as one go fills them.
template <class S, class Buffers>
class ReadSome {
 public:
  ReadSome(S& stream, Buffers buffers) noexcept : stream_(&stream), buffers_(std::move(buffers)) {}
  Poll<Result<std::size_t>> poll(Context& context) noexcept {
    std::size_t total = 0;
    bool asked = false;
    const auto end = ::asio::buffer_sequence_end(buffers_);
    for (auto it = ::asio::buffer_sequence_begin(buffers_); it != end; ++it) {
      const ::asio::mutable_buffer buffer(*it);
      if (buffer.size() == 0) { continue; }
      asked = true;
      auto got = stream_->poll_read(context, waiter_, {static_cast<std::byte*>(buffer.data()), buffer.size()});
      const bool more = got.ready() && *got && **got > 0;
      // What ends a read of which some has arrived is told by the next one.
      if (!more && total > 0) { return total; }
      if (!more) { return !got.ready() ? pending : end_of(*got); }
      total += **got;
      if (**got < buffer.size()) { return total; }
    }
    if (!asked) { waiter_.unlink(); }
    return total;
  }

 private:
  static Poll<Result<std::size_t>> end_of(const Result<std::size_t>& got) noexcept {
    return Unexpected(got.error_or(Error::end_of_stream));
  }
  S* stream_;
  Buffers buffers_;
  Waiter waiter_;
};

/// The first pieces of a buffer sequence that hold something, as nal has them.
template <std::size_t Most>
class Pieces {
 public:
  template <class Buffers>
  explicit Pieces(const Buffers& buffers) noexcept {
    const auto end = ::asio::buffer_sequence_end(buffers);
    for (auto it = ::asio::buffer_sequence_begin(buffers); it != end && count_ < Most; ++it) {
      const ::asio::const_buffer buffer(*it);
      if (buffer.size() > 0) { pieces_[count_++] = {static_cast<const std::byte*>(buffer.data()), buffer.size()}; }
    }
  }
  ConstBuffers get() const noexcept { return std::span(pieces_).first(count_); }

 private:
  std::array<std::span<const std::byte>, Most> pieces_{};
  std::size_t count_ = 0;
};

/// Writes some of a sequence: as one, where the stream can.
template <class S, class Buffers>
class WriteSome {
 public:
  WriteSome(S& stream, Buffers buffers) noexcept : stream_(&stream), buffers_(std::move(buffers)) {}
  Poll<Result<std::size_t>> poll(Context& context) noexcept {
    const Pieces<GatherWriter<S> ? 16 : 1> pieces(buffers_);
    if (pieces.get().empty()) { return std::size_t{0}; }
    if constexpr (GatherWriter<S>) {
      if (pieces.get().size() > 1) { return stream_->poll_write_gather(context, waiter_, pieces.get()); }
    }
    return stream_->poll_write(context, waiter_, pieces.get()[0]);
  }

 private:
  S* stream_;
  Buffers buffers_;
  Waiter waiter_;
};

/// `poll_flush` or `poll_shutdown`.
template <class S, Poll<Result<>> (*kPoll)(S&, Context&, Waiter&)>
class PollOnce {
 public:
  explicit PollOnce(S& stream) noexcept : stream_(&stream) {}
  Poll<Result<>> poll(Context& context) noexcept { return kPoll(*stream_, context, waiter_); }

 private:
  S* stream_;
  Waiter waiter_;
};
template <class S>
Poll<Result<>> poll_flush_of(S& stream, Context& context, Waiter& waiter) {
  return stream.poll_flush(context, waiter);
}
template <class S>
Poll<Result<>> poll_shutdown_of(S& stream, Context& context, Waiter& waiter) {
  return stream.poll_shutdown(context, waiter);
}

/// A connect of a stack's whose stream goes where `object` keeps it.
template <class N>
class ConnectInto {
 public:
  ConnectInto(HandleObject<typename N::TcpStream>& object, N& stack, const Endpoint& remote,
              const TcpOptions& options) noexcept
      : object_(&object), connect_(stack, remote, options) {}
  Poll<Result<>> poll(Context& context) noexcept {
    auto connected = connect_.poll(context);
    if (!connected.ready()) { return pending; }
    if (!*connected) { return Unexpected(connected->error()); }
    object_->adopt(**std::move(connected));
    return Result<>();
  }

 private:
  HandleObject<typename N::TcpStream>* object_;
  Connect<N> connect_;
};

}  // namespace detail

/// Any nal stream as Asio's `AsyncReadStream` and `AsyncWriteStream`, and as the next layer of `asio::ssl::stream`:
/// what is written for Asio runs on the stack that the nal stream is of.
///
/// As with Asio's sockets: not for two threads at a time; a buffer lives until its operation's handler is called; reads
/// and writes may be under way together; handlers are called as if posted, never inside what starts an operation; every
/// type of cancellation is honoured, and nothing was read or written then; destroying it gives what is under way up.
/// May be moved at any time. Made without a nal stream it is closed, and waits for `async_connect` or `async_accept`.
///
/// *Errors*: as `to_error_code` has nal's; the peer's end is `asio::error::eof`; one that is closed gives
/// bad_descriptor. Dropping the handle is what `close` does: `async_close` is what makes sure that the peer has
/// everything.
template <ByteStream S>
class Stream : public detail::AsioObject<S> {
  using Base = detail::AsioObject<S>;

 public:
  using executor_type = typename Base::executor_type;
  using lowest_layer_type = Stream;
  using next_layer_type = Stream;
  using protocol_type = ::asio::ip::tcp;
  using endpoint_type = ::asio::ip::tcp::endpoint;
  using shutdown_type = ::asio::socket_base::shutdown_type;
  template <class Executor>
  struct rebind_executor {  // NOLINT(readability-identifier-naming): Asio's name
    using other = Stream;
  };

  using Base::Base;

  lowest_layer_type& lowest_layer() noexcept { return *this; }
  const lowest_layer_type& lowest_layer() const noexcept { return *this; }

  /// `void(error_code, std::size_t)`.
  template <class Buffers, class Token = ::asio::default_completion_token_t<executor_type>>
  auto async_read_some(const Buffers& buffers, Token&& token = {}) {
    return this->template start_with<detail::ReadSome<S, Buffers>, void(ErrorCode, std::size_t)>(
        detail::Plain<Result<std::size_t>>(), std::forward<Token>(token), buffers);
  }
  /// `void(error_code, std::size_t)`.
  template <class Buffers, class Token = ::asio::default_completion_token_t<executor_type>>
  auto async_write_some(const Buffers& buffers, Token&& token = {}) {
    return this->template start_with<detail::WriteSome<S, Buffers>, void(ErrorCode, std::size_t)>(
        detail::Plain<Result<std::size_t>>(), std::forward<Token>(token), buffers);
  }
  /// `void(error_code)`: when what was written has been handed to the transport.
  template <class Token = ::asio::default_completion_token_t<executor_type>>
  auto async_flush(Token&& token = {}) {
    return this->template start_with<detail::PollOnce<S, &detail::poll_flush_of<S>>, void(ErrorCode)>(
        detail::Plain<Result<>>(), std::forward<Token>(token));
  }
  /// `void(error_code)`: ends this direction behind the written data. Named so that nobody takes it for TLS's.
  template <class Token = ::asio::default_completion_token_t<executor_type>>
  auto async_shutdown_send(Token&& token = {}) {
    return this->template start_with<detail::PollOnce<S, &detail::poll_shutdown_of<S>>, void(ErrorCode)>(
        detail::Plain<Result<>>(), std::forward<Token>(token));
  }

  // What only TCP has.

  /// `void(error_code)`: opens a connection by a nal stack, which outlives it; what was open before is dropped.
  /// `endpoint` is one of `asio::ip::tcp`, or nal's.
  template <TcpConnect N, class E, class Token = ::asio::default_completion_token_t<executor_type>>
    requires std::same_as<typename N::TcpStream, S>
  auto async_connect(N& stack, const E& endpoint, Token&& token = {}, const TcpOptions& options = {}) {
    return ::asio::async_initiate<Token, void(ErrorCode)>(
        [](auto&& handler, const executor_type& executor, detail::HandleObject<S>* object, N* by,
           const Endpoint& remote, const TcpOptions& how) {
          detail::Plain<Result<>> finish;
          if (const ErrorCode error = Base::unusable(object, false)) {
            Base::fail(executor, std::forward<decltype(handler)>(handler), finish, error);
            return;
          }
          object->close();
          detail::start<detail::ConnectInto<N>>(*object, std::forward<decltype(handler)>(handler), finish, *object, *by,
                                                remote, how);
        },
        token, this->get_executor(), this->object(), &stack, to_nal(endpoint), options);
  }
  /// `void(error_code)`: ends the connection so that nothing is lost: this direction first, then what the peer still
  /// sends is read and dropped, up to its end. Given up, it is a reset.
  template <class Token = ::asio::default_completion_token_t<executor_type>>
    requires TcpStream<S>
  auto async_close(Token&& token = {}) {
    return ::asio::async_initiate<Token, void(ErrorCode)>(
        [](auto&& handler, const executor_type& executor, detail::HandleObject<S>* object) {
          detail::Plain<Result<>> finish;
          if (const ErrorCode error = Base::unusable(object, true)) {
            Base::fail(executor, std::forward<decltype(handler)>(handler), finish, error);
            return;
          }
          object->cancel();
          S stream(*std::move(object->handle()));
          object->handle().reset();
          detail::start<Close<S>>(*object, std::forward<decltype(handler)>(handler), finish, std::move(stream));
        },
        token, this->get_executor(), this->object());
  }
  /// A reset: everything is freed now.
  void abort() noexcept
    requires TcpStream<S>
  {
    if (!this->is_open()) { return; }
    this->handle().abort();
    this->close();
  }

  /// Ends this direction behind the written data; `would_block` where the stack cannot do so now. Of the other one only
  /// the peer can say when it ends: there it does nothing.
  void shutdown(shutdown_type what, ErrorCode& error) {
    error = Base::unusable(this->object(), true);
    if (error || what == ::asio::socket_base::shutdown_receive) { return; }
    const Loop::Turn turn(*this->object()->loop());
    detail::PollOnce<S, &detail::poll_shutdown_of<S>> once(this->handle());
    const auto done = try_once(this->object()->loop()->executor(), once);
    if (!done) { error = to_error_code(done.error()); }
  }
  void shutdown(shutdown_type what) {
    ErrorCode error;
    shutdown(what, error);
    ::asio::detail::throw_error(error, "shutdown");
  }

  endpoint_type local_endpoint(ErrorCode& error) const
    requires TcpStream<S>
  {
    error = Base::unusable(this->object(), true);
    return error ? endpoint_type() : to_asio<protocol_type>(this->object()->handle()->local_endpoint());
  }
  endpoint_type remote_endpoint(ErrorCode& error) const
    requires TcpStream<S>
  {
    error = Base::unusable(this->object(), true);
    return error ? endpoint_type() : to_asio<protocol_type>(this->object()->handle()->remote_endpoint());
  }
  endpoint_type local_endpoint() const
    requires TcpStream<S>
  {
    ErrorCode error;
    const endpoint_type endpoint = local_endpoint(error);
    ::asio::detail::throw_error(error, "local_endpoint");
    return endpoint;
  }
  endpoint_type remote_endpoint() const
    requires TcpStream<S>
  {
    ErrorCode error;
    const endpoint_type endpoint = remote_endpoint(error);
    ::asio::detail::throw_error(error, "remote_endpoint");
    return endpoint;
  }

  void set_option(const ::asio::ip::tcp::no_delay& option, ErrorCode& error)
    requires TcpStream<S>
  {
    configure({.no_delay = option.value()}, error);
  }
  void set_option(const ::asio::socket_base::keep_alive& option, ErrorCode& error)
    requires TcpStream<S>
  {
    configure({.keep_alive = KeepAlive{.enabled = option.value()}}, error);
  }
  template <class Option>
    requires TcpStream<S>
  void set_option(const Option& option) {
    ErrorCode error;
    set_option(option, error);
    ::asio::detail::throw_error(error, "set_option");
  }

 private:
  void configure(const TcpOptions& options, ErrorCode& error)
    requires TcpStream<S>
  {
    error = Base::unusable(this->object(), true);
    if (error) { return; }
    const Loop::Turn turn(*this->object()->loop());
    const auto done = this->handle().configure(options);
    if (!done) { error = to_error_code(done.error()); }
  }
};

}  // namespace nal::with_asio
