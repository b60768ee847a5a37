#pragma once
#include <vector>

#include "adapters/asio/stream.hpp"
#include "nal/udp.hpp"

namespace nal::with_asio {

namespace detail {

/// A datagram's bytes in one piece: the caller's where they are, else a copy.
class Datagram {
 public:
  template <class Buffers>
  explicit Datagram(const Buffers& buffers) {
    const std::size_t size = ::asio::buffer_size(buffers);
    const Pieces<2> pieces(buffers);
    if (pieces.get().size() <= 1) {
      if (size > 0) { whole_ = pieces.get()[0]; }
      return;
    }
    copy_.resize(size);
    ::asio::buffer_copy(::asio::buffer(copy_), buffers);
    whole_ = copy_;
  }
  Datagram(Datagram&& other) noexcept = default;
  std::span<const std::byte> get() const noexcept { return whole_; }

 private:
  std::vector<std::byte> copy_;
  std::span<const std::byte> whole_;
};

template <class U>
class SendDatagram {
 public:
  SendDatagram(U& socket, Datagram data) noexcept : socket_(&socket), data_(std::move(data)) {}
  SendDatagram(U& socket, Datagram data, const Endpoint& local, const Endpoint& remote) noexcept
      : socket_(&socket), data_(std::move(data)), local_(local), remote_(remote) {}
  Poll<Result<std::size_t>> poll(Context& context) noexcept {
    auto sent = send(context);
    if (!sent.ready()) { return pending; }
    if (!*sent) { return Unexpected(sent->error()); }
    return data_.get().size();
  }

 private:
  Poll<Result<>> send(Context& context) noexcept {
    if constexpr (ConnectedUdp<U>) {
      return socket_->poll_send(context, waiter_, data_.get());
    } else {
      return socket_->poll_send(context, waiter_, local_, remote_, data_.get());
    }
  }
  U* socket_;
  Datagram data_;
  Endpoint local_;
  Endpoint remote_;
  Waiter waiter_;
};

/// Receives into the first buffer that has room.
template <class U>
class ReceiveDatagram {
 public:
  ReceiveDatagram(U& socket, ::asio::mutable_buffer buffer) noexcept : socket_(&socket), buffer_(buffer) {}
  Poll<Result<Received>> poll(Context& context) noexcept {
    return socket_->poll_receive(context, waiter_, {static_cast<std::byte*>(buffer_.data()), buffer_.size()});
  }

 private:
  U* socket_;
  ::asio::mutable_buffer buffer_;
  Waiter waiter_;
};

}  // namespace detail

/// Any nal UDP socket as Asio's datagram sockets are: connected ones have `async_send` and `async_receive`, others
/// `async_send_to` and `async_receive_from`. What holds of `Stream` holds here. A datagram that is larger than the
/// buffer is cut, and only `Received` says so. Receiving takes one buffer.
template <DatagramReceiver U>
class UdpSocket : public detail::AsioObject<U> {
  using Base = detail::AsioObject<U>;
  using Sized = detail::Plain<Result<std::size_t>>;

 public:
  using executor_type = typename Base::executor_type;
  using lowest_layer_type = UdpSocket;
  using protocol_type = ::asio::ip::udp;
  using endpoint_type = ::asio::ip::udp::endpoint;

  UdpSocket(Loop& loop, U socket) : Base(loop, std::move(socket)) {}

  lowest_layer_type& lowest_layer() noexcept { return *this; }
  const lowest_layer_type& lowest_layer() const noexcept { return *this; }

  /// `void(error_code, std::size_t)`.
  template <class Buffers, class Token = ::asio::default_completion_token_t<executor_type>>
    requires ConnectedUdp<U>
  auto async_send(const Buffers& buffers, Token&& token = {}) {
    return this->template start_with<detail::SendDatagram<U>, void(ErrorCode, std::size_t)>(
        Sized(), std::forward<Token>(token), detail::Datagram(buffers));
  }
  /// `void(error_code, std::size_t)`: from wherever the stack chooses; `remote` is one of `asio::ip::udp`, or nal's.
  template <class Buffers, class E, class Token = ::asio::default_completion_token_t<executor_type>>
    requires UnconnectedUdp<U>
  auto async_send_to(const Buffers& buffers, const E& remote, Token&& token = {}) {
    return send_to(buffers, this->is_open() ? this->handle().local_endpoint() : Endpoint(), to_nal(remote),
                   std::forward<Token>(token));
  }
  /// The same from an address of this host: that of the `Received` which is answered.
  template <class Buffers, class Token = ::asio::default_completion_token_t<executor_type>>
    requires UnconnectedUdp<U>
  auto async_send_from(const Buffers& buffers, const Endpoint& local, const Endpoint& remote, Token&& token = {}) {
    return send_to(buffers, local, remote, std::forward<Token>(token));
  }

  /// `void(error_code, std::size_t)`.
  template <class Token = ::asio::default_completion_token_t<executor_type>>
  auto async_receive(const ::asio::mutable_buffer& buffer, Token&& token = {}) {
    return receive(
        buffer, [](const Received&) {}, std::forward<Token>(token));
  }
  /// `void(error_code, std::size_t)`; `sender`, of `asio::ip::udp`, outlives the operation.
  template <class Token = ::asio::default_completion_token_t<executor_type>>
  auto async_receive_from(const ::asio::mutable_buffer& buffer, endpoint_type& sender, Token&& token = {}) {
    return receive(
        buffer, [&sender](const Received& about) { sender = to_asio<protocol_type>(about.remote); },
        std::forward<Token>(token));
  }
  /// The same with all that nal knows of the datagram, which outlives the operation.
  template <class Token = ::asio::default_completion_token_t<executor_type>>
  auto async_receive_from(const ::asio::mutable_buffer& buffer, Received& about, Token&& token = {}) {
    return receive(
        buffer, [&about](const Received& received) { about = received; }, std::forward<Token>(token));
  }

  endpoint_type local_endpoint() const {
    ::asio::detail::throw_error(Base::unusable(this->object(), true), "local_endpoint");
    return to_asio<protocol_type>(this->object()->handle()->local_endpoint());
  }
  endpoint_type remote_endpoint() const
    requires ConnectedUdp<U>
  {
    ::asio::detail::throw_error(Base::unusable(this->object(), true), "remote_endpoint");
    return to_asio<protocol_type>(this->object()->handle()->remote_endpoint());
  }

 private:
  template <class Buffers, class Token>
  auto send_to(const Buffers& buffers, const Endpoint& local, const Endpoint& remote, Token&& token) {
    return this->template start_with<detail::SendDatagram<U>, void(ErrorCode, std::size_t)>(
        Sized(), std::forward<Token>(token), detail::Datagram(buffers), local, remote);
  }
  template <class Note, class Token>
  auto receive(const ::asio::mutable_buffer& buffer, Note note, Token&& token) {
    const auto finish = [note](Result<Received>&& received) -> std::tuple<ErrorCode, std::size_t> {
      if (!received) { return {to_error_code(received.error()), 0}; }
      note(*received);
      return {ErrorCode(), received->size};
    };
    return this->template start_with<detail::ReceiveDatagram<U>, void(ErrorCode, std::size_t)>(
        finish, std::forward<Token>(token), buffer);
  }
};

}  // namespace nal::with_asio
