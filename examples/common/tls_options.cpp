#include "examples/common/tls.hpp"

namespace examples {

void add_tls_options(CLI::App& app, TlsOptions& options, const std::string& about, bool server) {
  auto* group = app.add_option_group("TLS", about);
  group
      ->add_option("--cafile", options.authorities,
                   server ? "certificates that vouch for clients; if left out none is asked for"
                          : "certificates that vouch for the server; the system's if left out")
      ->type_name("FILE");
  auto* certificate =
      group
          ->add_option("--cert", options.certificate,
                       server ? "the server's certificate" : "our certificate, for servers that ask for it")
          ->type_name("FILE");
  auto* key = group->add_option("--key", options.key, "its private key")->type_name("FILE");
  certificate->needs(key);
  key->needs(certificate);
  auto* psk =
      group
          ->add_option("--psk", options.psk,
                       server ? "a key that clients share" : "a key that the server shares, in place of certificates")
          ->type_name("HEX");
  auto* identity = group->add_option("--psk-identity", options.psk_identity, "its name")->type_name("NAME");
  psk->needs(identity);
  identity->needs(psk);
  if (server) { return; }
  group->add_flag("--insecure", options.insecure,
                  "do not look who the server is: whoever is in the middle reads along");
}

}  // namespace examples
