#pragma once
/// TLS and DTLS for programs: options for the command line, and a stack whose connections and datagrams are encrypted.
#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "nal/any_stack.hpp"
#include "nal/executor.hpp"

namespace examples {

/// As mosquitto_pub names them.
struct TlsOptions {
  std::string authorities;  ///< a file of certificates; empty: the system's
  std::string certificate;
  std::string key;
  std::string psk;  ///< in hexadecimal digits
  std::string psk_identity;
  bool insecure = false;

  bool any() const { return !authorities.empty() || !certificate.empty() || !psk.empty() || insecure; }
};

/// `about` says when they count. A server's have no names to check.
void add_tls_options(CLI::App& app, TlsOptions& options, const std::string& about, bool server = false);

/// A stack whose TCP connections are TLS and whose UDP sockets are DTLS; names go to the stack below.
class SecureStack {
 public:
  /// A client's, to one server by its name. Null after an error, which was told on standard error: a file that cannot
  /// be read, say, or a build without TLS. Executor and stack outlive it.
  static std::unique_ptr<SecureStack> make(nal::Executor& executor, nal::AnyStack stack, const TlsOptions& options,
                                           const std::string& server);
  /// A server's.
  static std::unique_ptr<SecureStack> serve(nal::Executor& executor, nal::AnyStack stack, const TlsOptions& options);
  virtual ~SecureStack() = default;
  SecureStack(const SecureStack&) = delete;
  SecureStack& operator=(const SecureStack&) = delete;

  virtual nal::AnyStack stack() = 0;
  /// Why the last connection that failed did, where TLS is why; null else. Static storage.
  virtual const char* failure() const = 0;

 protected:
  SecureStack() = default;
};

}  // namespace examples
