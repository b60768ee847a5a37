#pragma once
#include "adapters/asio/stream.hpp"

namespace nal::with_asio {

/// Any nal listener as Asio's acceptors are. What holds of `Stream` holds here.
template <TcpListener L>
class Acceptor : public detail::AsioObject<L> {
  using Base = detail::AsioObject<L>;

 public:
  using executor_type = typename Base::executor_type;
  using protocol_type = ::asio::ip::tcp;
  using endpoint_type = ::asio::ip::tcp::endpoint;
  /// What it accepts.
  using Peer = Stream<typename L::TcpStream>;

  Acceptor(Loop& loop, L listener) : Base(loop, std::move(listener)), loop_(&loop) {}

  /// `void(error_code, Peer)`; after an error the peer is closed. *Errors* leave it usable: no_descriptors, no_memory.
  template <class Token = ::asio::default_completion_token_t<executor_type>>
  auto async_accept(Token&& token = {}) {
    return this->template start_with<Accept<L>, void(ErrorCode, Peer)>(MakePeer{loop_}, std::forward<Token>(token));
  }
  /// `void(error_code)`: into a stream of this loop's, which outlives the operation.
  template <class Token = ::asio::default_completion_token_t<executor_type>>
  auto async_accept(Peer& peer, Token&& token = {}) {
    return this->template start_with<Accept<L>, void(ErrorCode)>(IntoPeer{loop_, &peer}, std::forward<Token>(token));
  }

  endpoint_type local_endpoint() const {
    const auto error = Base::unusable(this->object(), true);
    ::asio::detail::throw_error(error, "local_endpoint");
    return to_asio<protocol_type>(this->object()->handle()->local_endpoint());
  }

 private:
  using Accepted = Result<typename L::TcpStream>;
  struct MakePeer {
    std::tuple<ErrorCode, Peer> operator()(Accepted&& accepted) const {
      if (!accepted) { return {to_error_code(accepted.error()), Peer(*loop)}; }
      return {ErrorCode(), Peer(*loop, *std::move(accepted))};
    }
    Loop* loop;
  };
  struct IntoPeer {
    std::tuple<ErrorCode> operator()(Accepted&& accepted) const {
      if (!accepted) { return {to_error_code(accepted.error())}; }
      *peer = Peer(*loop, *std::move(accepted));
      return {ErrorCode()};
    }
    Loop* loop;
    Peer* peer;
  };
  Loop* loop_;
};

}  // namespace nal::with_asio
