#include "examples/common/tls.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <vector>

#include "adapters/mbedtls/tcp.hpp"
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
  bool read(const TlsOptions& options) {
    if (!options.psk.empty()) {
      auto parsed = parse_key(options.psk);
      if (!parsed) {
        std::fputs("error: --psk is an even number of hexadecimal digits\n", stderr);
        return false;
      }
      psk = *std::move(parsed);
    } else if (!options.insecure) {
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
  using Lookup = nal::AnyLookup;
  using ReverseLookup = nal::AnyReverseLookup;

  Secured(nal::Executor& executor, nal::AnyStack below, const std::string& server)
      : below_(below), engine_(executor, memory_), connect_(below_, engine_, config_, nal::tls::ServerName(server)) {}

  bool setup(const TlsOptions& options) {
    Credentials credentials;
    if (!credentials.read(options)) { return false; }
    nal::tls::Options tls;
    tls.trusted = credentials.trusted;
    tls.certificate = credentials.certificate;
    tls.key = credentials.key;
    tls.psk = credentials.psk;
    tls.psk_identity = options.psk_identity;
    if (options.insecure) { tls.verify = nal::tls::Verify::none; }
    const auto set = config_.setup(nal::tls::Role::client, tls);
    if (!set) {
      std::fprintf(stderr, "error: TLS cannot be set up with these certificates and keys: %s (Mbed TLS: -0x%04x)\n",
                   nal::to_string(set.error()), static_cast<unsigned>(-config_.code()));
    }
    return set.has_value();
  }

  nal::AnyStack stack() override { return nal::AnyStack(*this); }
  const char* failure() const override {
    const nal::tls::Failure& failure = engine_.last_failure();
    return failure && failure.reason != nal::tls::Reason::transport ? nal::tls::describe(failure) : nullptr;
  }

  nal::Result<TcpStream> start_tcp(const nal::Endpoint& remote, const nal::TcpOptions& options) noexcept {
    return connect_.start_tcp(remote, options);
  }
  nal::Result<Lookup> start_lookup(std::string_view name, nal::Family family) noexcept {
    return below_.start_lookup(name, family);
  }
  nal::Result<ReverseLookup> start_reverse_lookup(const nal::IpAddress& address) noexcept {
    return below_.start_reverse_lookup(address);
  }

 private:
  nal::AnyStack below_;
  nal::tls::Config config_{nal::system_entropy()};
  nal::tls::Resources<nal::tls::EngineConfig{.sessions = 4}> memory_;
  nal::tls::Engine engine_;
  nal::tls::TlsConnect<nal::AnyStack> connect_;
};

}  // namespace

std::unique_ptr<SecureStack> SecureStack::make(nal::Executor& executor, nal::AnyStack stack, const TlsOptions& options,
                                               const std::string& server) {
  auto secured = std::make_unique<Secured>(executor, stack, server);
  if (!secured->setup(options)) { return nullptr; }
  return secured;
}

}  // namespace examples
