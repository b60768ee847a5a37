#include <cstdio>

#include "examples/common/tls.hpp"

namespace examples {

namespace {
std::unique_ptr<SecureStack> sorry() {
  std::fputs("error: this program was built without TLS; meson setup -Dadapters=mbedtls builds it in\n", stderr);
  return nullptr;
}
}  // namespace

std::unique_ptr<SecureStack> SecureStack::make(nal::Executor&, nal::AnyStack, const TlsOptions&, const std::string&) {
  return sorry();
}
std::unique_ptr<SecureStack> SecureStack::serve(nal::Executor&, nal::AnyStack, const TlsOptions&) { return sorry(); }

}  // namespace examples
