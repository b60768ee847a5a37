#include "adapters/mbedtls/dtls.hpp"

#include <algorithm>

namespace nal::tls {

// The engine

DtlsEngine::DtlsEngine(Executor& executor, std::span<DatagramPort> ports, std::span<Association> associations,
                       std::span<std::byte> buffers, const DtlsEngineConfig& config) noexcept
    : executor_(&executor), ports_(ports), associations_(associations), config_(config) {
  const std::size_t each = buffers.size() / ports.size();
  for (std::size_t i = 0; i < ports.size(); ++i) { ports[i].place(*this, buffers.subspan(i * each, each)); }
  for (std::size_t i = associations.size(); i-- > 0;) { give_back(associations[i]); }
}

DtlsEngine::~DtlsEngine() {
  for (DatagramPort& port : ports_) { port.close(); }
}

Association* DtlsEngine::take() noexcept {
  // There is one for every socket and every peer that is let in.
  NAL_ASSERT(free_);
  Association* association = free_;
  free_ = association->next;
  association->next = nullptr;
  return association;
}

void DtlsEngine::give_back(Association& association) noexcept {
  association.next = free_;
  free_ = &association;
}

std::size_t DtlsEngine::tasks() const noexcept {
  return static_cast<std::size_t>(
      std::count_if(ports_.begin(), ports_.end(), [](const DatagramPort& port) { return port.is_open(); }));
}

DatagramPort* DtlsEngine::free_port(bool server) noexcept {
  if (server ? servers_in_use_ == config_.servers : clients_in_use_ == config_.clients) { return nullptr; }
  const auto found =
      std::find_if(ports_.begin(), ports_.end(), [](const DatagramPort& port) { return !port.is_open(); });
  return found == ports_.end() ? nullptr : &*found;
}

Result<DtlsSocket> DtlsEngine::client(const Config& config, AnyUdpSocket transport, const ServerName& name,
                                      SavedSession* saved, const DtlsOptions& options) noexcept {
  if (config.role() != Role::client || config.transport() != Transport::datagram) {
    return Unexpected(Error::invalid_argument);
  }
  DatagramPort* port = free_port(false);
  if (!port) { return Unexpected(Error::table_full); }
  NAL_TRY(port->connect(config, std::move(transport), name, saved, options));
  return handle<DtlsSocket>(*port);
}

Result<DtlsServerSocket> DtlsEngine::server(const Config& config, AnyUdpSocket transport,
                                            const DtlsOptions& options) noexcept {
  if (config.role() != Role::server || config.transport() != Transport::datagram) {
    return Unexpected(Error::invalid_argument);
  }
  DatagramPort* port = free_port(true);
  if (!port) { return Unexpected(Error::table_full); }
  NAL_TRY(port->serve(config, std::move(transport), options));
  return handle<DtlsServerSocket>(*port);
}

// What both sockets are

namespace detail {

DatagramPort* DtlsHandle::find() const noexcept {
  if (!engine_) { return nullptr; }
  DatagramPort& port = engine_->ports_[index_];
  return port.generation == generation_ ? &port : nullptr;
}

void DtlsHandle::drop() noexcept {
  if (DatagramPort* port = find()) {
    if (port->drop_closes()) { port->say_goodbye(); }
    port->close();
  }
  engine_ = nullptr;
}

void DtlsHandle::close() noexcept {
  if (DatagramPort* port = find()) {
    port->say_goodbye();
    port->close();
  }
  engine_ = nullptr;
}

Poll<Result<Received>> DtlsHandle::poll_receive(Context& context, Waiter& waiter,
                                                std::span<std::byte> buffer) noexcept {
  DatagramPort* port = find();
  if (!port) { return Unexpected(Error::closed); }
  return port->poll_receive(context, waiter, buffer);
}

Result<> DtlsHandle::configure(const UdpOptions& options) noexcept {
  DatagramPort* port = find();
  if (!port) { return Unexpected(Error::closed); }
  return port->transport().configure(options);
}

Endpoint DtlsHandle::local_endpoint() const noexcept {
  DatagramPort* port = find();
  return port ? port->transport().local_endpoint() : Endpoint();
}

}  // namespace detail

// A client's

Poll<Result<>> DtlsSocket::poll_connected(Context& context, Waiter& waiter) noexcept {
  DatagramPort* port = find();
  if (!port) { return Unexpected(Error::closed); }
  return port->poll_connected(context, waiter);
}

Poll<Result<>> DtlsSocket::poll_send(Context& context, Waiter& waiter, std::span<const std::byte> data) noexcept {
  DatagramPort* port = find();
  if (!port) { return Unexpected(Error::closed); }
  return port->poll_send(context, waiter, data);
}

Endpoint DtlsSocket::remote_endpoint() const noexcept {
  DatagramPort* port = find();
  return port ? port->transport().remote_endpoint() : Endpoint();
}

Failure DtlsSocket::failure() const noexcept {
  DatagramPort* port = find();
  return port ? port->association()->failure() : Failure();
}

std::string_view DtlsSocket::cipher_suite() const noexcept {
  DatagramPort* port = find();
  if (!port || port->association()->state() != Association::State::open) { return {}; }
  const char* name = mbedtls_ssl_get_ciphersuite(&port->association()->ssl());
  return name ? name : "";
}

std::size_t DtlsSocket::max_payload() const noexcept {
  DatagramPort* port = find();
  return port ? port->association()->max_payload() : 0;
}

// A server's

Poll<Result<>> DtlsServerSocket::poll_send(Context& context, Waiter& waiter, const Endpoint& local,
                                           const Endpoint& remote, std::span<const std::byte> data) noexcept {
  DatagramPort* port = find();
  if (!port) { return Unexpected(Error::closed); }
  return port->poll_send_to(context, waiter, local, remote, data);
}

Result<> DtlsServerSocket::disconnect(const Endpoint& remote) noexcept {
  DatagramPort* port = find();
  if (!port) { return Unexpected(Error::closed); }
  Association* peer = port->find(remote, {IpAddress::unspecified(remote.address.family()), 0});
  if (!peer) { return Unexpected(Error::not_connected); }
  port->drop(*peer);
  return {};
}

std::size_t DtlsServerSocket::peers() const noexcept {
  DatagramPort* port = find();
  return port ? port->peers() : 0;
}

}  // namespace nal::tls
