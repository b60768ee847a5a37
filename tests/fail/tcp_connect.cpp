// fails NO_START_TCP: no matching function .*connect & TcpConnect & start_tcp
// fails STACK_NAMES_NO_STREAM: no matching function .*connect & TcpConnect & TcpStream
// fails NO_ABORT: no matching function .*connect & TcpConnect & TcpStream
#include "nal/tcp.hpp"
#include "tests/fail/models.hpp"

auto operation(model::Stack& stack, const nal::Endpoint& remote) { return nal::connect(stack, remote); }
