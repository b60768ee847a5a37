#pragma once
#include "adapters/mbedtls/dtls.hpp"

namespace nal::tls {

/// A stack whose datagrams are under DTLS: a `nal::UdpStack` over any other, so that a protocol library gets DTLS by
/// changing a type. Sockets that it connects go to one server, by its name; sockets that it binds serve whoever shakes
/// hands. A null config leaves out that side (`Error::not_supported`). All it is given outlives it and its sockets.
template <nal::UdpStack N>
class DtlsStack {
 public:
  using ConnectedUdp = DtlsSocket;
  using UniquelyBoundUdp = DtlsServerSocket;
  using MultiplyBoundUdp = DtlsServerSocket;

  /// `saved` may be null; else sessions with the server are taken up again.
  DtlsStack(N& stack, DtlsEngine& engine, const Config* client, const ServerName& name, const Config* server = nullptr,
            SavedSession* saved = nullptr, const DtlsOptions& options = {}) noexcept
      : stack_(&stack),
        engine_(&engine),
        client_(client),
        server_(server),
        saved_(saved),
        name_(name),
        options_(options) {}
  /// Only a server's.
  DtlsStack(N& stack, DtlsEngine& engine, const Config& server, const DtlsOptions& options = {}) noexcept
      : DtlsStack(stack, engine, nullptr, ServerName::unchecked(), &server, nullptr, options) {}

  Result<DtlsSocket> udp_connect_from(const Endpoint& local, const Endpoint& remote,
                                      const UdpOptions& options) noexcept {
    if (!client_) { return Unexpected(Error::not_supported); }
    auto transport = stack_->udp_connect_from(local, remote, options);
    if (!transport) { return Unexpected(transport.error()); }
    return engine_->client(*client_, AnyUdpSocket(*std::move(transport)), name_, saved_, options_);
  }
  Result<DtlsServerSocket> udp_bind_single(const Endpoint& local, const UdpOptions& options) noexcept {
    if (!server_) { return Unexpected(Error::not_supported); }
    auto transport = stack_->udp_bind_single(local, options);
    if (!transport) { return Unexpected(transport.error()); }
    return engine_->server(*server_, AnyUdpSocket(*std::move(transport)), options_);
  }
  Result<DtlsServerSocket> udp_bind_multiple(const Endpoint& local, const UdpOptions& options) noexcept {
    if (!server_) { return Unexpected(Error::not_supported); }
    auto transport = stack_->udp_bind_multiple(local, options);
    if (!transport) { return Unexpected(transport.error()); }
    return engine_->server(*server_, AnyUdpSocket(*std::move(transport)), options_);
  }
  DtlsEngine& engine() noexcept { return *engine_; }

 private:
  N* stack_;
  DtlsEngine* engine_;
  const Config* client_;
  const Config* server_;
  SavedSession* saved_;
  ServerName name_;
  DtlsOptions options_;
};

}  // namespace nal::tls
