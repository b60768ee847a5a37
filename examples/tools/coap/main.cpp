// nal-coap: asks CoAP servers, with the habits of libcoap's client, and serves files, over any network stack of nal.
#include <cstdio>

#include "examples/coap/uri.hpp"
#include "examples/common/backend.hpp"
#include "examples/common/exit_status.hpp"
#include "examples/common/tls.hpp"
#include "examples/tools/coap/options.hpp"
#include "examples/tools/coap/request.hpp"
#include "examples/tools/coap/serve.hpp"

namespace {

int run_server(nal::Executor& executor, nal::AnyStack stack, const nal_coap::ServeOptions& options) {
  if (!options.secure()) { return nal_coap::serve(executor, stack, options); }
  const auto secured = examples::SecureStack::serve(executor, stack, options.tls);
  return secured ? nal_coap::serve(executor, secured->stack(), options) : examples::kFailed;
}

int run_client(nal::Executor& executor, nal::AnyStack stack, const nal_coap::RequestOptions& options) {
  if (!coap::is_secure(options.uri.scheme)) { return nal_coap::request(executor, stack, options); }
  const auto secured = examples::SecureStack::make(executor, stack, options.tls, std::string(options.uri.host));
  if (!secured) { return examples::kFailed; }
  const int status = nal_coap::request(executor, secured->stack(), options);
  if (const char* why = secured->failure(); why && status == examples::kFailed) {
    std::fprintf(stderr, "error: TLS: %s\n", why);
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  nal_coap::CommandLine commands;
  if (const auto status = nal_coap::parse(argc, argv, commands)) { return *status; }
  const examples::BackendOptions& backend = commands.serve ? commands.serve->backend : commands.request->backend;
  return examples::run_on(backend, [&commands](nal::Executor& executor, auto& stack) {
    nal::AnyStack any(stack);
    return commands.serve ? run_server(executor, any, *commands.serve) : run_client(executor, any, *commands.request);
  });
}
