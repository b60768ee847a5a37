#include <cstdio>

#include "examples/common/tls.hpp"

namespace examples {

std::unique_ptr<SecureStack> SecureStack::make(nal::Executor&, nal::AnyStack, const TlsOptions&, const std::string&) {
  std::fputs("error: this program was built without TLS; meson setup -Dadapters=mbedtls builds it in\n", stderr);
  return nullptr;
}

}  // namespace examples
