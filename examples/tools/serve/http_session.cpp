// A connection of HTTP/1.1 (RFC 9112): requests one after the other, pipelined or not, each within its bounds.
#include <algorithm>
#include <ctime>
#include <string>

#include "examples/tools/serve/http.hpp"
#include "examples/tools/serve/service.hpp"
#include "examples/tools/serve/status.hpp"
#include "nal/read.hpp"
#include "nal/sleep.hpp"

namespace nal_serve {

namespace {

/// Of a body that comes with a request for a page: read and dropped.
constexpr std::uint64_t kLongestBody = 1U << 20;
/// Of /chargen without a number.
constexpr std::uint64_t kSomeBytes = 1'000'000;
constexpr std::uint64_t kMostBytes = 1'000'000'000'000;

/// What is answered.
struct Answer {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::uint64_t characters = 0;  ///< of RFC 864's, in place of the body
  bool sized = true;             ///< else in chunks, or up to the end of the connection
};

Answer refuse(unsigned status) {
  Answer answer;
  answer.status = status;
  answer.body = std::to_string(status) + " " + std::string(http::reason(status)) + "\n";
  return answer;
}

Answer find_page(Server& server, const http::Request& request) {
  constexpr std::string_view kCharacters = "/chargen";
  if (request.method == http::Method::known) { return refuse(405); }
  if (request.method == http::Method::unknown) { return refuse(501); }
  if (request.has_chunked_body) { return refuse(411); }
  if (request.content_length > kLongestBody) { return refuse(413); }
  Answer answer;
  if (request.path == "/") {
    answer.type = "text/html; charset=utf-8";
    answer.body = to_html("nal-serve", make_report(server));
  } else if (request.path == "/status.json") {
    answer.type = "application/json";
    answer.body = to_json(make_report(server));
  } else if (request.path == kCharacters) {
    answer.characters = kSomeBytes;
    answer.sized = false;
  } else if (!request.path.starts_with("/chargen/") ||
             !http::parse_number(request.path.substr(kCharacters.size() + 1), answer.characters) ||
             answer.characters > kMostBytes) {
    return refuse(404);
  }
  return answer;
}

std::string head_of(const Answer& answer, bool chunked, bool closes) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char date[64];
  const std::size_t size = std::strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " " + std::string(http::reason(answer.status)) +
                     "\r\nDate: " + std::string(date, size) +
                     "\r\nServer: nal-serve\r\nCache-Control: no-store\r\nContent-Type: " + answer.type + "\r\n";
  if (answer.status == 405) { head += "Allow: GET, HEAD\r\n"; }
  if (chunked) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (answer.sized) {
    head += "Content-Length: " + std::to_string(answer.body.size() + answer.characters) + "\r\n";
  }
  return head + (closes ? "Connection: close\r\n\r\n" : "Connection: keep-alive\r\n\r\n");
}

nal::Task<> send_characters(Session& session, std::uint64_t count, bool chunked) {
  const std::span<const std::byte> pattern = chargen_pattern();
  std::string frame;
  while (count > 0) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(count, pattern.size()));
    if (chunked) {
      char hex[20];
      frame.assign(hex, static_cast<std::size_t>(std::snprintf(hex, sizeof hex, "%zx\r\n", size)));
      NAL_CO_TRY(send_all(session, as_bytes(frame)));
    }
    NAL_CO_TRY(send_all(session, pattern.first(size)));
    if (chunked) { NAL_CO_TRY(send_all(session, as_bytes("\r\n"))); }
    count -= size;
  }
  if (chunked) { NAL_CO_TRY(send_all(session, as_bytes("0\r\n\r\n"))); }
  co_return nal::Result<>();
}

nal::Task<> send_answer(Session& session, const Answer& answer, const http::Request& request, bool closes) {
  const bool chunked = !answer.sized && request.chunks;
  // One write where it is short: one segment.
  std::string text = head_of(answer, chunked, closes);
  if (request.method != http::Method::head) { text += answer.body; }
  NAL_CO_TRY(send_all(session, as_bytes(text)));
  if (request.method != http::Method::head && (answer.characters > 0 || chunked)) {
    NAL_CO_TRY(send_characters(session, answer.characters, chunked));
  }
  co_return nal::Result<>();
}

/// What has come and was not used: at the front of the session's buffer.
struct Inbox {
  std::size_t size = 0;

  std::string_view text(const Session& session) const {
    return {reinterpret_cast<const char*>(session.buffer.data()), size};
  }
  void drop(Session& session, std::size_t count) {
    std::copy(session.buffer.begin() + static_cast<std::ptrdiff_t>(count),
              session.buffer.begin() + static_cast<std::ptrdiff_t>(size), session.buffer.begin());
    size -= count;
  }
};

/// The next request, or what to refuse; incomplete when the client has said all that it had to say. *Errors*: the
/// stream's; timed_out before the first byte of a request.
nal::Task<nal::Result<http::Parsed>> next_request(Session& session, Inbox& inbox) {
  const Options& options = session.server.options();
  nal::Executor& executor = session.server.machine().executor;
  const http::Limits limits{.target = 1024, .head = session.buffer.size(), .fields = 64};
  bool begun = inbox.size > 0;
  nal::Instant deadline = executor.now() + (begun ? options.head_time : options.idle);
  for (;;) {
    http::Parsed parsed = http::parse(inbox.text(session), limits);
    if (parsed.kind != http::Parsed::Kind::incomplete) { co_return parsed; }
    if (!begun && inbox.size > 0) {
      begun = true;
      deadline = executor.now() + options.head_time;
    }
    const auto room = std::span(session.buffer).subspan(inbox.size);
    const auto got = co_await nal::with_deadline(deadline, nal::read(*session.stream, room));
    if (!got && got.error() == nal::Error::timed_out && begun) {
      parsed.kind = http::Parsed::Kind::refused;
      parsed.status = 408;
      co_return parsed;
    }
    // Without TLS's word for the end, which many leave out: between requests nothing can be missing (RFC 9112 §9.8).
    if (!got && got.error() == nal::Error::end_of_stream && !begun) { co_return parsed; }
    if (!got) { co_return nal::Unexpected(got.error()); }
    if (*got == 0) { co_return parsed; }
    session.server.counts(session.kind).bytes_in += *got;
    inbox.size += *got;
  }
}

nal::Task<> drop_body(Session& session, Inbox& inbox, std::uint64_t length) {
  for (;;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(length, inbox.size));
    inbox.drop(session, size);
    length -= size;
    if (length == 0) { co_return nal::Result<>(); }
    NAL_CO_TRY_SET(inbox.size,
                   nal::with_timeout(session.server.options().idle, nal::read(*session.stream, session.buffer)));
    if (inbox.size == 0) { co_return nal::Unexpected(nal::Error::end_of_stream); }
    session.server.counts(session.kind).bytes_in += inbox.size;
  }
}

void say(const Session& session, const http::Request& request, unsigned status) {
  const std::string path(request.path.substr(0, 200));
  std::fprintf(stderr, "%s: %s %s %u\n", session.kind == Kind::https ? "https" : "http",
               nal::to_text(session.stream->remote_endpoint()).c_str(), path.c_str(), status);
}

}  // namespace

nal::Task<> http_requests(Session& session) {
  Server& server = session.server;
  Inbox inbox;
  for (;;) {
    const auto next = co_await next_request(session, inbox);
    if (!next) {
      // A client that keeps its connection and has nothing more to ask is no failure.
      if (next.error() == nal::Error::timed_out) { co_return nal::Result<>(); }
      co_return nal::Unexpected(next.error());
    }
    const http::Parsed parsed = *next;
    if (parsed.kind == http::Parsed::Kind::incomplete) { co_return nal::Result<>(); }
    ++server.counts(session.kind).requests;
    const http::Request& request = parsed.request;
    const bool refused = parsed.kind == http::Parsed::Kind::refused;
    const Answer answer = refused ? refuse(parsed.status) : find_page(server, request);
    if (server.options().verbose) { say(session, request, answer.status); }
    const bool has_body = request.content_length > 0 || request.has_chunked_body;
    // Where the next request begins is not known behind a body that nobody reads, or that may not be sent at all.
    const bool closes = refused || !request.keep_alive || request.has_chunked_body ||
                        (has_body && (answer.status != 200 || request.expects_continue)) ||
                        (!answer.sized && !request.chunks);
    NAL_CO_TRY(send_answer(session, answer, request, closes));
    if (closes) {
      session.misbehaved = refused;
      if (parsed.status == 408) { ++server.counts(session.kind).timed_out; }
      co_return nal::Result<>();
    }
    inbox.drop(session, parsed.size);
    NAL_CO_TRY(drop_body(session, inbox, request.content_length));
  }
}

}  // namespace nal_serve
