#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "examples/coap/code.hpp"
#include "examples/coap/uri.hpp"
#include "examples/common/backend.hpp"
#include "examples/common/tls.hpp"
#include "nal/ip_address.hpp"
#include "nal/time.hpp"

namespace nal_coap {

/// An option that was asked for with -O.
struct ExtraOption {
  coap::OptionNumber number;
  std::string value;
};

/// What every subcommand that asks a server is told on the command line.
struct RequestOptions {
  enum class Kind { request, observe, ping, discover };
  enum class Body { none, text, file };

  examples::BackendOptions backend;
  examples::TlsOptions tls;
  Kind kind = Kind::request;
  coap::Code method = coap::Code::get;
  std::string url;
  coap::Uri uri{};  ///< of `url`; its host stands in `host`
  std::string host;
  bool non_confirmable = false;
  bool no_uri_host = false;
  Body body = Body::none;
  std::string payload;  ///< the text, or the file's name, "-" for standard input
  std::string output;   ///< a file's name; empty or "-": standard output
  std::optional<std::uint16_t> content_format;
  std::optional<std::uint16_t> accept;
  std::optional<std::uint8_t> szx;  ///< the block size to ask for
  std::vector<ExtraOption> extra;
  nal::Duration timeout = nal::Duration::seconds(90);
  std::optional<nal::Duration> observe_for;
  std::uint64_t count = 0;  ///< notifications to end after, pings to send; 0: as many as come
  bool newline = false;
  bool verbose = false;
  bool quiet = false;  ///< no progress

  /// For messages: "coap://host:port".
  std::string server() const;
};

struct ServeOptions {
  examples::BackendOptions backend;
  std::string directory;
  std::vector<nal::IpAddress> addresses;
  std::optional<std::uint16_t> port;  ///< none given: the scheme's
  examples::TlsOptions tls;
  bool read_only = false;
  bool verbose = false;

  bool secure() const { return tls.any(); }
};

struct CommandLine {
  std::optional<RequestOptions> request;
  std::optional<ServeOptions> serve;
};

/// One of the two, or the exit status if the program is over: help was shown, or an error was told on standard error.
std::optional<int> parse(int argc, const char* const* argv, CommandLine& commands);

}  // namespace nal_coap
