// The services that are older than HTTP: RFC 862 to 864, RFC 867.
#include <algorithm>
#include <ctime>
#include <string>

#include "examples/tools/serve/service.hpp"
#include "nal/read.hpp"
#include "nal/sleep.hpp"
#include "nal/tcp.hpp"
#include "nal/udp.hpp"
#include "nal/write.hpp"

namespace nal_serve {

namespace {

constexpr std::size_t kLine = 72;
constexpr std::size_t kPrintable = 95;  // from space to tilde
constexpr std::size_t kPattern = kPrintable * (kLine + 2);
/// RFC 864 has datagrams of up to this many characters.
constexpr std::size_t kLongestDatagram = 512;

constexpr auto make_pattern() {
  std::array<std::byte, kPattern + kLongestDatagram> pattern{};
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const std::size_t line = i / (kLine + 2);
    const std::size_t column = i % (kLine + 2);
    const std::size_t c = column == kLine ? '\r' : column == kLine + 1 ? '\n' : ' ' + (line + column) % kPrintable;
    pattern[i] = static_cast<std::byte>(c);
  }
  return pattern;
}
constexpr auto kCharacters = make_pattern();

/// Whether an answer may go there. Ports below 1024 are of servers, which might answer the answer, and so on for ever
/// (CERT CA-1996-01); nobody has port 0, and what was sent to many is no question to us.
bool may_answer(const nal::Received& datagram) {
  constexpr std::uint16_t kFirstOfClients = 1024;
  return datagram.remote.port >= kFirstOfClients && !datagram.local.address.is_multicast() &&
         !datagram.local.address.is_broadcast() && !datagram.remote.address.is_multicast();
}

}  // namespace

std::string daytime_text() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[64];
  return {text, std::strftime(text, sizeof text, "%A, %B %d, %Y %H:%M:%S-UTC\r\n", &utc)};
}

std::span<const std::byte> chargen_pattern() { return std::span(kCharacters).first(kPattern); }

nal::Task<> send_all(Session& session, std::span<const std::byte> bytes) {
  // In pieces, so that who reads slowly, but reads, has time for more than one of them.
  constexpr std::size_t kPiece = 16384;
  while (!bytes.empty()) {
    const std::size_t size = std::min(bytes.size(), kPiece);
    NAL_CO_TRY(nal::with_timeout(session.server.options().idle, nal::write_all(*session.stream, bytes.first(size))));
    session.server.counts(session.kind).bytes_out += size;
    bytes = bytes.subspan(size);
  }
  co_return nal::Result<>();
}

nal::Task<nal::Result<std::size_t>> receive_some(Session& session) {
  NAL_CO_TRY_SET(const std::size_t size,
                 nal::with_timeout(session.server.options().idle, nal::read(*session.stream, session.buffer)));
  session.server.counts(session.kind).bytes_in += size;
  co_return size;
}

nal::Task<> echo(Session& session) {
  for (;;) {
    NAL_CO_TRY_SET(const std::size_t size, receive_some(session));
    if (size == 0) { co_return nal::Result<>(); }
    NAL_CO_TRY(send_all(session, std::span(session.buffer).first(size)));
  }
}

nal::Task<> discard(Session& session) {
  for (;;) {
    NAL_CO_TRY_SET(const std::size_t size, receive_some(session));
    if (size == 0) { co_return nal::Result<>(); }
  }
}

nal::Task<> daytime(Session& session) {
  const std::string text = daytime_text();
  co_return co_await send_all(session, as_bytes(text));
}

nal::Task<> chargen(Session& session) {
  nal::Executor& executor = session.server.machine().executor;
  for (;;) {
    // Whatever the client says is thrown away (RFC 864); its end is that of the connection.
    const auto said = nal::try_read(executor, *session.stream, session.buffer);
    if (said) {
      session.server.counts(session.kind).bytes_in += *said;
      if (*said == 0) { co_return nal::Result<>(); }
    } else if (said.error() != nal::Error::would_block) {
      co_return nal::Unexpected(said.error());
    }
    NAL_CO_TRY(send_all(session, chargen_pattern()));
  }
}

nal::Result<> Datagrams::start() { return slot_.start(server_.machine().executor, serve, *this); }

nal::Task<> Datagrams::serve(Datagrams& self) {
  Counts& counts = self.server_.counts(self.kind_);
  std::size_t line = 0;
  std::string now;
  for (;;) {
    const auto received = co_await nal::receive(self.socket_, self.buffer_);
    if (!received) { continue; }  // what the network told of an answer
    ++counts.datagrams_in;
    counts.bytes_in += received->size;
    if (self.kind_ == Kind::discard) { continue; }
    if (!may_answer(*received)) {
      ++counts.datagrams_refused;
      continue;
    }
    std::span<const std::byte> answer = std::span(self.buffer_).first(received->size);
    if (self.kind_ == Kind::daytime) {
      now = daytime_text();
      answer = as_bytes(now);
    } else if (self.kind_ == Kind::chargen) {
      // No longer than the question, or whoever forges a source has this send more than he does.
      line = (line + 1) % kPrintable;
      answer = std::span(kCharacters).subspan(line * (kLine + 2), std::min(received->size, kLongestDatagram));
    }
    const auto sent = co_await nal::send_to(self.socket_, received->local, received->remote, answer);
    if (!sent) { continue; }
    ++counts.datagrams_out;
    counts.bytes_out += answer.size();
  }
}

}  // namespace nal_serve
