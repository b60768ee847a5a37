// fails NO_POLL_READ: no matching function .*close & TcpStream & ByteReader & poll_read
// fails NO_POLL_FLUSH: no matching function .*close & TcpStream & ByteWriter & poll_flush
// fails NO_POLL_CONNECTED: no matching function .*close & TcpStream & poll_connected
// fails NO_ABORT: no matching function .*close & TcpStream & abort
// fails ABORT_MAY_THROW: no matching function .*close & TcpStream & abort\(\).*('noexcept'|may throw)
// fails NO_STREAM_CONFIGURE: no matching function .*close & TcpStream & configure
// fails NO_STREAM_LOCAL_ENDPOINT: no matching function .*close & TcpStream & local_endpoint
// fails NO_STREAM_REMOTE_ENDPOINT: no matching function .*close & TcpStream & remote_endpoint
// fails REMOTE_ENDPOINT_NOT_CONST: no matching function .*close & TcpStream & remote_endpoint & const
// fails STREAM_CANNOT_MOVE: no matching function .*close & TcpStream & is_nothrow_move_constructible
// fails MOVING_STREAM_MAY_THROW: no matching function .*close & TcpStream & is_nothrow_move_assignable
#include <utility>

#include "nal/tcp.hpp"
#include "tests/fail/models.hpp"

auto operation(model::Stream& stream) { return nal::close(std::move(stream)); }
