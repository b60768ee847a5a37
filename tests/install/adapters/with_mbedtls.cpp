// TLS by a shared key over a nal stack: a program talks to itself over loopback.
#include <array>
#include <cstdio>

#include "adapters/mbedtls/tcp.hpp"
#include "backends/posix/stack.hpp"
#include "nal/combinators.hpp"
#include "nal/hosted/entropy.hpp"
#include "nal/read.hpp"
#include "nal/tcp.hpp"
#include "nal/write.hpp"

namespace {

using namespace nal::literals;

template <nal::TcpListener L>
nal::Task<> answer(L& listener) {
  NAL_CO_TRY_SET(auto stream, nal::accept(listener));
  NAL_CO_TRY(nal::write_all(stream, std::as_bytes(std::span("works", 5))));
  co_return co_await nal::close(std::move(stream));
}

template <nal::TcpConnect S>
nal::Task<> ask(S& stack, nal::Endpoint server) {
  NAL_CO_TRY_SET(auto stream, nal::connect(stack, server));
  std::array<std::byte, 5> word;
  NAL_CO_TRY(nal::read_exact(stream, word));
  std::printf("%.5s by %s\n", reinterpret_cast<const char*>(word.data()), stream.version().data());
  co_return co_await nal::close(std::move(stream));
}

template <nal::TcpAccept A, nal::TcpConnect S>
nal::Task<> talk(A& accepting, S& connecting) {
  auto listener = accepting.listen("127.0.0.1:0"_endpoint, nal::ListenOptions{});
  if (!listener) { co_return nal::Unexpected(listener.error()); }
  const nal::Endpoint server = listener->local_endpoint();
  const auto [answered, asked] = co_await nal::join(answer(*listener), ask(connecting, server));
  co_return answered ? asked : answered;
}

}  // namespace

int main() {
  using Stack = nal::posix::Stack;
  static nal::posix::Resources<> memory;
  nal::posix::Reactor reactor;
  nal::Executor executor(reactor);
  Stack stack(reactor, executor, memory);

  static nal::tls::Resources<nal::tls::EngineConfig{}> sessions;
  nal::tls::Engine engine(executor, sessions);
  nal::tls::Options options;
  options.psk = std::as_bytes(std::span("0123456789abcdef", 16));
  options.psk_identity = "outside";
  nal::tls::Config client(nal::system_entropy());
  nal::tls::Config server(nal::system_entropy());
  if (!client.setup(nal::tls::Role::client, options) || !server.setup(nal::tls::Role::server, options)) { return 1; }
  nal::tls::TlsAccept accepting(stack, engine, server);
  nal::tls::TlsConnect connecting(stack, engine, client, nal::tls::ServerName::unchecked());

  nal::TaskSlot<8192> slot;
  const nal::Result<> done =
      nal::block_on(executor, slot, talk<decltype(accepting), decltype(connecting)>, accepting, connecting);
  if (!done) { std::fprintf(stderr, "%s\n", nal::to_string(done.error())); }
  return done ? 0 : 1;
}
