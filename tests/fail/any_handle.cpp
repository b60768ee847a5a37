// fails STREAM_OF_FOUR_WORDS: an erasable handle is at most three words; keep its state in the stack's slot
// fails NO_STREAM: no matching .*AnyTcpStream & TcpStream
// fails NO_ABORT: no matching .*AnyTcpStream & TcpStream & abort
#include <utility>

#include "nal/any_tcp.hpp"
#include "tests/fail/models.hpp"

struct Large : model::Stream {
#ifdef STREAM_OF_FOUR_WORDS
  void* words[4];
#else
  void* words[3];
#endif
};

#ifdef NO_STREAM
auto erase(int stream) { return nal::AnyTcpStream(stream); }
#else
auto erase(Large&& stream) { return nal::AnyTcpStream(std::move(stream)); }
#endif
