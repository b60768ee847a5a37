#pragma once
#include "adapters/mbedtls/tls.hpp"

namespace nal::tls {

/// A stack whose connections are TLS, to one server by its name: a `nal::TcpConnect` over any other, so that a protocol
/// library gets TLS by changing a type. All it is given outlives it.
template <nal::TcpConnect N>
class TlsConnect {
 public:
  using TcpStream = TlsStream;
  /// `saved` may be null; else sessions with the server are taken up again.
  TlsConnect(N& stack, Engine& engine, const Config& config, const ServerName& name,
             SavedSession* saved = nullptr) noexcept
      : stack_(&stack), engine_(&engine), config_(&config), saved_(saved), name_(name) {}

  Result<TlsStream> start_tcp(const Endpoint& remote, const TcpOptions& options) noexcept {
    auto transport = stack_->start_tcp(remote, options);
    // What lingers here is owned to the stack below, and must give way as what lingers there does.
    if (!transport && transport.error() == Error::table_full && engine_->give_way()) {
      transport = stack_->start_tcp(remote, options);
    }
    if (!transport) { return Unexpected(transport.error()); }
    return engine_->client(*config_, AnyTcpStream(*std::move(transport)), name_, saved_);
  }
  Engine& engine() noexcept { return *engine_; }

 private:
  N* stack_;
  Engine* engine_;
  const Config* config_;
  SavedSession* saved_;
  ServerName name_;
};

/// A stack at which TLS connections arrive: a `nal::TcpAccept` over any other. All it is given outlives it.
template <nal::TcpAccept N>
class TlsAccept {
 public:
  using TcpListener = TlsListener;
  TlsAccept(N& stack, Engine& engine, const Config& config) noexcept
      : stack_(&stack), engine_(&engine), config_(&config) {}

  Result<TlsListener> listen(const Endpoint& local, const ListenOptions& options) noexcept {
    auto listener = stack_->listen(local, options);
    if (!listener) { return Unexpected(listener.error()); }
    return engine_->listen(*config_, AnyTcpListener(*std::move(listener)), options.backlog);
  }
  Engine& engine() noexcept { return *engine_; }

 private:
  N* stack_;
  Engine* engine_;
  const Config* config_;
};

}  // namespace nal::tls
