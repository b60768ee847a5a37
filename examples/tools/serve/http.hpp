#pragma once
/// The requests of HTTP/1.1 (RFC 9112) as a server of a few pages needs them: no I/O, no memory of its own.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace nal_serve::http {

/// What a request may take. More is refused, by 414 or 431.
struct Limits {
  std::size_t target = 1024;  ///< bytes of the request target
  std::size_t head = 8192;    ///< bytes of request line and header fields, ends of lines included
  std::size_t fields = 64;
};

enum class Method : std::uint8_t {
  get,
  head,
  known,  ///< another one that HTTP has: 405
  unknown,
};

/// The head of a request. Views point into the bytes that were parsed.
struct Request {
  Method method = Method::get;
  std::string_view path;   ///< of the target, up to the query; as it came, percent-encoded
  std::string_view query;  ///< behind the question mark
  bool keep_alive = true;  ///< whether the client lets the connection live on (RFC 9112 §9.3)
  bool chunks = true;      ///< whether it understands chunked answers: HTTP/1.1
  bool has_chunked_body = false;
  bool expects_continue = false;  ///< waits for leave to send its body (RFC 9110 §10.1.1)
  std::uint64_t content_length = 0;
};

struct Parsed {
  enum class Kind : std::uint8_t {
    incomplete,  ///< what is there makes sense so far
    request,
    refused,  ///< answer `status`, and close: nobody knows where the next request would begin
  };
  Kind kind = Kind::incomplete;
  std::uint16_t status = 0;  ///< 400, 414, 431, 501 or 505
  std::size_t size = 0;      ///< of a request: bytes of its head
  Request request;
};

/// Looks for one request at the front of `bytes`: all that has come and was not used. Total: any bytes have an answer,
/// and what is incomplete is below the limits, so a buffer of `limits.head` bytes never is full of it.
///
/// Strict where leniency has let requests through between servers that read them differently: white space before a
/// colon, folded lines, bare CR, two lengths, a length beside chunks (RFC 9112 §2.2, §5.1, §5.2, §6.1, §6.3). A line
/// may end in LF alone (§2.2).
Parsed parse(std::string_view bytes, const Limits& limits = {}) noexcept;

/// "Not Found" for 404.
std::string_view reason(unsigned status) noexcept;

/// Unsigned decimal, all of the text; false also when it does not fit.
bool parse_number(std::string_view text, std::uint64_t& number) noexcept;

}  // namespace nal_serve::http
