// fails NO_POLL_ACCEPT: no matching function .*accept & TcpListener & poll_accept
// fails NO_LISTENER_LOCAL_ENDPOINT: no matching function .*accept & TcpListener & local_endpoint
// fails LISTENER_NAMES_NO_STREAM: no matching function .*accept & TcpListener & TcpStream
// fails LISTENER_CANNOT_MOVE: no matching function .*accept & TcpListener & is_nothrow_move_constructible
#include "nal/tcp.hpp"
#include "tests/fail/models.hpp"

auto operation(model::Listener& listener) { return nal::accept(listener); }
