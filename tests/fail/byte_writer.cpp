// fails NO_POLL_WRITE: no matching function .*write_all & ByteWriter & poll_write
// fails POLL_WRITE_WANTS_MUTABLE_BYTES: no matching function .*write_all & ByteWriter & poll_write & span<const
// fails NO_POLL_FLUSH: no matching function .*write_all & ByteWriter & poll_flush
// fails NO_POLL_SHUTDOWN: no matching function .*write_all & ByteWriter & poll_shutdown
#include "nal/write.hpp"
#include "tests/fail/models.hpp"

auto operation(model::Stream& stream, std::span<const std::byte> data) { return nal::write_all(stream, data); }
