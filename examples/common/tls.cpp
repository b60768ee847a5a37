#include "examples/common/tls.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <vector>

#include "adapters/mbedtls/tcp.hpp"
#include "adapters/mbedtls/udp.hpp"
#include "nal/hosted/entropy.hpp"

namespace examples {

namespace {

constexpr const char* kSystemAuthorities = "/etc/ssl/certs/ca-certificates.crt";

/// Empty after an error, which was told.
std::vector<std::byte> read_file(const std::string& name, const char* what) {
  std::ifstream in(name, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  if (!in || text.empty()) {
    std::fprintf(stderr, "error: cannot read %s from '%s'\n", what, name.c_str());
    return {};
  }
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::optional<std::vector<std::byte>> parse_key(const std::string& digits) {
  const auto value = [](char digit) {
    if (digit >= '0' && digit <= '9') { return digit - '0'; }
    const char small = static_cast<char>(digit | 0x20);
    return small >= 'a' && small <= 'f' ? small - 'a' + 10 : -1;
  };
  std::vector<std::byte> key;
  if (digits.size() % 2 != 0) { return std::nullopt; }
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    const int high = value(digits[i]);
    const int low = value(digits[i + 1]);
    if (high < 0 || low < 0) { return std::nullopt; }
    key.push_back(static_cast<std::byte>(high * 16 + low));
  }
  return key;
}

/// What the options name, read.
struct Credentials {
  std::vector<std::byte> trusted;
  std::vector<std::byte> certificate;
  std::vector<std::byte> key;
  std::vector<std::byte> psk;

  /// False after an error, which was told.
  bool read(const TlsOptions& options, nal::tls::Role role) {
    if (!options.psk.empty()) {
      auto parsed = parse_key(options.psk);
      if (!parsed) {
        std::fputs("error: --psk is an even number of hexadecimal digits\n", stderr);
        return false;
      }
      psk = *std::move(parsed);
    }
    const bool wants_trusted =
        role == nal::tls::Role::client ? options.psk.empty() && !options.insecure : !options.authorities.empty();
    if (wants_trusted) {
      trusted = read_file(options.authorities.empty() ? kSystemAuthorities : options.authorities,
                          "the certificates to trust");
      if (trusted.empty()) { return false; }
    }
    if (options.certificate.empty()) { return true; }
    certificate = read_file(options.certificate, "the certificate");
    key = read_file(options.key, "its key");
    return !certificate.empty() && !key.empty();
  }
};

class Secured final : public SecureStack {
 public:
  using TcpStream = nal::tls::TlsStream;
  using TcpListener = nal::tls::TlsListener;
  using ConnectedUdp = nal::tls::DtlsSocket;
  using UniquelyBoundUdp = nal::tls::DtlsServerSocket;
  using MultiplyBoundUdp = nal::tls::DtlsServerSocket;
  using Lookup = nal::AnyLookup;
  using ReverseLookup = nal::AnyReverseLookup;

  Secured(nal::Executor& executor, nal::AnyStack below, nal::tls::Role role, const std::string& server)
      : below_(below),
        role_(role),
        streams_(executor, stream_memory_),
        datagrams_(executor, datagram_memory_),
        connect_(below_, streams_, of_streams_, nal::tls::ServerName(server)),
        accept_(below_, streams_, of_streams_),
        // The programs hold sockets of any stack, which have no word for closing.
        udp_(below_, datagrams_, role == nal::tls::Role::client ? &of_datagrams_ : nullptr,
             nal::tls::ServerName(server), role == nal::tls::Role::server ? &of_datagrams_ : nullptr, nullptr,
             {.drop_closes = true}) {}

  bool setup(const TlsOptions& options) {
    Credentials credentials;
    if (!credentials.read(options, role_)) { return false; }
    nal::tls::Options tls;
    tls.trusted = credentials.trusted;
    tls.certificate = credentials.certificate;
    tls.key = credentials.key;
    tls.psk = credentials.psk;
    tls.psk_identity = options.psk_identity;
    if (options.insecure) { tls.verify = nal::tls::Verify::none; }
    if (!set_up(of_streams_, tls)) { return false; }
    tls.transport = nal::tls::Transport::datagram;
    return set_up(of_datagrams_, tls);
  }

  nal::AnyStack stack() override { return nal::AnyStack(*this); }
  const char* failure() const override {
    for (const nal::tls::Failure& failure : {streams_.last_failure(), datagrams_.last_failure()}) {
      if (failure && failure.reason != nal::tls::Reason::transport) { return nal::tls::describe(failure); }
    }
    return nullptr;
  }

  nal::Result<TcpStream> start_tcp(const nal::Endpoint& remote, const nal::TcpOptions& options) noexcept {
    if (role_ != nal::tls::Role::client) { return nal::Unexpected(nal::Error::not_supported); }
    return connect_.start_tcp(remote, options);
  }
  nal::Result<TcpListener> listen(const nal::Endpoint& local, const nal::ListenOptions& options) noexcept {
    if (role_ != nal::tls::Role::server) { return nal::Unexpected(nal::Error::not_supported); }
    return accept_.listen(local, options);
  }
  nal::Result<ConnectedUdp> udp_connect_from(const nal::Endpoint& local, const nal::Endpoint& remote,
                                             const nal::UdpOptions& options) noexcept {
    return udp_.udp_connect_from(local, remote, options);
  }
  nal::Result<UniquelyBoundUdp> udp_bind_single(const nal::Endpoint& local, const nal::UdpOptions& options) noexcept {
    return udp_.udp_bind_single(local, options);
  }
  nal::Result<MultiplyBoundUdp> udp_bind_multiple(const nal::Endpoint& local, const nal::UdpOptions& options) noexcept {
    return udp_.udp_bind_multiple(local, options);
  }
  nal::Result<Lookup> start_lookup(std::string_view name, nal::Family family) noexcept {
    return below_.start_lookup(name, family);
  }
  nal::Result<ReverseLookup> start_reverse_lookup(const nal::IpAddress& address) noexcept {
    return below_.start_reverse_lookup(address);
  }

 private:
  bool set_up(nal::tls::Config& config, const nal::tls::Options& options) {
    const auto set = config.setup(role_, options);
    if (!set) {
      std::fprintf(stderr, "error: TLS cannot be set up with these certificates and keys: %s (Mbed TLS: -0x%04x)\n",
                   nal::to_string(set.error()), static_cast<unsigned>(-config.code()));
    }
    return set.has_value();
  }

  nal::AnyStack below_;
  nal::tls::Role role_;
  nal::tls::Config of_streams_{nal::system_entropy()};
  nal::tls::Config of_datagrams_{nal::system_entropy()};
  nal::tls::Resources<nal::tls::EngineConfig{.sessions = 72, .listeners = 8}> stream_memory_;
  nal::tls::DtlsResources<nal::tls::DtlsEngineConfig{.clients = 8, .servers = 8, .peers = 64}> datagram_memory_;
  nal::tls::Engine streams_;
  nal::tls::DtlsEngine datagrams_;
  nal::tls::TlsConnect<nal::AnyStack> connect_;
  nal::tls::TlsAccept<nal::AnyStack> accept_;
  nal::tls::DtlsStack<nal::AnyStack> udp_;
};

}  // namespace

std::unique_ptr<SecureStack> SecureStack::make(nal::Executor& executor, nal::AnyStack stack, const TlsOptions& options,
                                               const std::string& server) {
  auto secured = std::make_unique<Secured>(executor, stack, nal::tls::Role::client, server);
  if (!secured->setup(options)) { return nullptr; }
  return secured;
}

std::unique_ptr<SecureStack> SecureStack::serve(nal::Executor& executor, nal::AnyStack stack,
                                                const TlsOptions& options) {
  auto secured = std::make_unique<Secured>(executor, stack, nal::tls::Role::server, "");
  if (!secured->setup(options)) { return nullptr; }
  return secured;
}

}  // namespace examples
