// nal-coap: asks CoAP servers, with the habits of libcoap's client, and serves files, over any network stack of nal.
#include "examples/common/backend.hpp"
#include "examples/tools/coap/options.hpp"
#include "examples/tools/coap/request.hpp"
#include "examples/tools/coap/serve.hpp"

int main(int argc, char** argv) {
  nal_coap::CommandLine commands;
  if (const auto status = nal_coap::parse(argc, argv, commands)) { return *status; }
  const examples::BackendOptions& backend = commands.serve ? commands.serve->backend : commands.request->backend;
  return examples::run_on(backend, [&commands](nal::Executor& executor, auto& stack) {
    nal::AnyStack any(stack);
    if (commands.serve) { return nal_coap::serve(executor, any, *commands.serve); }
    return nal_coap::request(executor, any, *commands.request);
  });
}
