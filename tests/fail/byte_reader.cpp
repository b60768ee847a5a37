// fails NO_POLL_READ: no matching function .*read & ByteReader & poll_read
// fails POLL_READ_GIVES_NO_RESULT: no matching .*read & ByteReader & poll_read.*return-type-requirement|same_as<
#include "nal/read.hpp"
#include "tests/fail/models.hpp"

auto operation(model::Stream& stream, std::span<std::byte> buffer) { return nal::read(stream, buffer); }
