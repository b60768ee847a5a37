// fails NO_LISTEN: no matching function .*serve & TcpAccept & listen
// fails LISTEN_GIVES_NO_RESULT: no matching function .*serve & TcpAccept & listen.*return-type-requirement|same_as<
// fails STACK_NAMES_NO_LISTENER: no matching function .*serve & TcpAccept & TcpListener
// fails NO_POLL_ACCEPT: no matching function .*serve & TcpAccept & TcpListener
#include "nal/tcp.hpp"
#include "tests/fail/models.hpp"

// What a protocol library asks of a stack.
template <nal::TcpAccept N>
auto serve(N& stack, const nal::Endpoint& local) {
  return stack.listen(local, nal::ListenOptions{});
}
auto operation(model::Stack& stack, const nal::Endpoint& local) { return serve(stack, local); }
