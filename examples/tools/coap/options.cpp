#include "examples/tools/coap/options.hpp"

#include <algorithm>
#include <array>

#include "examples/common/command_line.hpp"
#include "examples/common/exit_status.hpp"
#include "examples/tools/coap/names.hpp"

namespace nal_coap {

namespace {

constexpr const char* kFooter =
    "Exit status: 0 done, 1 the network or the server did not play along or the answer is an error, 2 wrong usage,\n"
    "130 interrupted.";

std::uint16_t take_content_format(const std::string& name) {
  const auto format = content_format(name);
  if (!format) { throw CLI::ValidationError("'" + name + "' is no content format that is known; give its number"); }
  return *format;
}

nal::Duration take_seconds(double seconds) {
  return nal::Duration::microseconds(static_cast<std::int64_t>(seconds * 1e6));
}

/// "0x" and pairs of digits are bytes, anything else is itself, as libcoap's client has it.
std::string take_value(const std::string& text) {
  if (!text.starts_with("0x")) { return text; }
  std::string value;
  for (std::size_t i = 2; i < text.size(); i += 2) {
    const auto byte = nal::detail::parse_hex(std::string_view(text).substr(i, 2), 2);
    if (!byte || text.size() - i < 2) { throw CLI::ValidationError("-O: '" + text + "' is no string of whole bytes"); }
    value.push_back(static_cast<char>(*byte));
  }
  return value;
}

ExtraOption take_extra(const std::string& text) {
  const auto comma = text.find(',');
  const auto number = option_number(std::string_view(text).substr(0, comma));
  if (!number) { throw CLI::ValidationError("-O: '" + text.substr(0, comma) + "' is no option; give its number"); }
  const std::string value = comma == std::string::npos ? "" : take_value(text.substr(comma + 1));
  return {static_cast<coap::OptionNumber>(*number), value};
}

void take_uri(RequestOptions& options) {
  options.host.resize(coap::kMaxUriPart);
  const auto uri = coap::Uri::parse(options.url, options.host);
  if (!uri) {
    throw CLI::ValidationError(
        "'" + options.url +
        "' is no URL of the form coap://host[:port][/path][?query], or with coaps, coap+tcp or coaps+tcp");
  }
  if (options.tls.any() && !coap::is_secure(uri->scheme)) {
    throw CLI::ValidationError("'" + options.url + "' is not encrypted; certificates and keys are for coaps://");
  }
  options.uri = *uri;
}

void add_common_options(CLI::App& app, RequestOptions& options) {
  app.set_help_flag("-h,--help", "print this and exit");
  app.footer(kFooter);
  app.add_option("URL", options.url, "coap://host[:port][/path][?query], or with coaps, coap+tcp or coaps+tcp")
      ->type_name("")
      ->required();
  app.add_option_function<double>(
         "-B,--timeout", [&options](double seconds) { options.timeout = take_seconds(seconds); },
         "how long to wait for each answer")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, 86400.0).description(""))
      ->default_str("90");
  examples::add_backend_options(app, options.backend);
  examples::add_tls_options(app, options.tls, "For coaps:// (DTLS) and coaps+tcp:// (TLS):");
  app.add_flag("-v,--verbose", options.verbose, "say what is asked and answered, on standard error");
}

void add_request_options(CLI::App& app, RequestOptions& options) {
  app.add_flag("-N", options.non_confirmable, "send the request non-confirmable");
  app.add_flag("-U", options.no_uri_host, "send no Uri-Host");
  app.add_option_function<std::string>(
         "-A,--accept", [&options](const std::string& name) { options.accept = take_content_format(name); },
         "the content format to ask for, by number or name")
      ->type_name("FORMAT");
  app.add_option_function<unsigned>(
         "-b,--block-size",
         [&options](unsigned size) {
           std::uint8_t szx = 0;
           while (16U << szx < size) { ++szx; }
           options.szx = szx;
         },
         "the size of blocks to ask for: 16, 32, 64, 128, 256, 512 or 1024")
      ->type_name("BYTES")
      ->check(CLI::IsMember(std::vector<unsigned>{16, 32, 64, 128, 256, 512, 1024}).description(""));
  app.add_option_function<std::vector<std::string>>(
         "-O,--option",
         [&options](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) { options.extra.push_back(take_extra(text)); }
         },
         "add an option to the request; a value that begins with 0x is bytes; may be repeated")
      ->type_name("NUMBER,VALUE")
      ->allow_extra_args(false);
  app.add_option("-o,--output", options.output, "write what comes to this file, '-' for standard output")
      ->type_name("FILE");
  app.add_flag("-w", options.newline, "print a newline behind what comes");
  app.add_flag("-q,--quiet", options.quiet, "show no progress");
}

void add_body_options(CLI::App& app, RequestOptions& options) {
  using Body = RequestOptions::Body;
  const auto take = [&options](Body body) {
    return [&options, body](const std::string& text) {
      options.body = body;
      options.payload = text;
    };
  };
  auto* text = app.add_option_function<std::string>("-e,--payload", take(Body::text), "send this text");
  text->type_name("TEXT");
  app.add_option_function<std::string>("-f,--file", take(Body::file), "send this file, '-' for standard input")
      ->type_name("FILE")
      ->excludes(text);
  app.add_option_function<std::string>(
         "-t,--type", [&options](const std::string& name) { options.content_format = take_content_format(name); },
         "the content format of what is sent, by number or name")
      ->type_name("FORMAT");
}

void add_observe_options(CLI::App& app, RequestOptions& options) {
  app.add_option_function<double>(
         "-s,--duration", [&options](double seconds) { options.observe_for = take_seconds(seconds); },
         "end after so long")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, 1e9).description(""));
  app.add_option("-C,--count", options.count, "end after so many notifications")
      ->type_name("COUNT")
      ->check(CLI::PositiveNumber.description(""));
}

struct Subcommand {
  const char* name;
  const char* about;
  RequestOptions::Kind kind;
  coap::Code method;
  bool body;
};

using Kind = RequestOptions::Kind;
constexpr auto kSubcommands = std::to_array<Subcommand>({
    {"get", "fetch a resource", Kind::request, coap::Code::get, false},
    {"put", "create or replace a resource", Kind::request, coap::Code::put, true},
    {"post", "have a resource process something", Kind::request, coap::Code::post, true},
    {"delete", "delete a resource", Kind::request, coap::Code::delete_, false},
    {"fetch", "fetch the part of a resource that the payload describes", Kind::request, coap::Code::fetch, true},
    {"patch", "change a part of a resource", Kind::request, coap::Code::patch, true},
    {"ipatch", "change a part of a resource, idempotently", Kind::request, coap::Code::ipatch, true},
    {"observe", "fetch a resource, and again whenever it changes", Kind::observe, coap::Code::get, false},
    {"ping", "see whether the server answers at all", Kind::ping, coap::Code::empty, false},
    {"discover", "list what the server has (.well-known/core)", Kind::discover, coap::Code::get, false},
});

CLI::App* add_subcommand(CLI::App& app, const Subcommand& about, RequestOptions& options) {
  CLI::App* sub = app.add_subcommand(about.name, about.about);
  options.kind = about.kind;
  options.method = about.method;
  add_common_options(*sub, options);
  if (about.kind == Kind::ping) {
    options.count = 1;
    sub->add_option("-C,--count", options.count, "so many times")->type_name("COUNT")->capture_default_str();
  } else {
    add_request_options(*sub, options);
  }
  if (about.body) { add_body_options(*sub, options); }
  if (about.kind == Kind::observe) { add_observe_options(*sub, options); }
  sub->final_callback([&options] { take_uri(options); });
  return sub;
}

CLI::App* add_serve(CLI::App& app, ServeOptions& options) {
  CLI::App* serve = app.add_subcommand(
      "serve", "serve the files of a directory, with /time to observe, over UDP and TCP, until Ctrl-C");
  serve->set_help_flag("-h,--help", "print this and exit");
  serve->footer(kFooter);
  serve->add_option("DIRECTORY", options.directory, "the files; clients can change them")
      ->type_name("")
      ->required()
      ->check(CLI::ExistingDirectory.description(""));
  serve
      ->add_option_function<std::vector<std::string>>(
          "-A,--address",
          [&options](const std::vector<std::string>& texts) {
            for (const std::string& text : texts) {
              const auto address = nal::IpAddress::parse(text);
              if (!address) { throw CLI::ValidationError("-A: '" + text + "' is no address"); }
              options.addresses.push_back(*address);
            }
          },
          "an address to listen at, 0.0.0.0 or :: for all of a kind; may be repeated")
      ->type_name("ADDRESS")
      ->default_str("0.0.0.0")
      ->allow_extra_args(false);
  serve->add_option("-p,--port", options.port, "the port to listen at; 0: the system picks one")
      ->type_name("PORT")
      ->default_str("5683, or 5684 under TLS");
  examples::add_tls_options(*serve, options.tls,
                            "With a certificate or a shared key, all is under DTLS and TLS:", true);
  serve->add_flag("--read-only", options.read_only, "let nobody change anything");
  serve->add_flag("-v,--verbose", options.verbose, "say what is asked and answered, on standard error");
  examples::add_backend_options(*serve, options.backend);
  serve->final_callback([&options] {
    if (options.secure() && options.tls.certificate.empty() && options.tls.psk.empty()) {
      throw CLI::ValidationError("--cafile is of no use without --cert and --key, or --psk");
    }
    if (options.addresses.empty()) { options.addresses.emplace_back(nal::Ipv4Address::unspecified()); }
  });
  return serve;
}

}  // namespace

std::string RequestOptions::server() const {
  const bool brackets = uri.host.find(':') != std::string_view::npos;
  return std::string(coap::to_string(uri.scheme)) + "://" + (brackets ? "[" : "") + std::string(uri.host) +
         (brackets ? "]" : "") + ":" + std::to_string(uri.port);
}

std::optional<int> parse(int argc, const char* const* argv, CommandLine& commands) {
  CLI::App app("A CoAP client and server over any network stack of nal, with the habits of libcoap's client.",
               "nal-coap");
  app.set_help_flag("-h,--help", "print this and exit; also behind each subcommand");
  app.footer(kFooter);
  app.require_subcommand(1);
  std::array<RequestOptions, kSubcommands.size()> requests;
  std::array<CLI::App*, kSubcommands.size()> subcommands{};
  for (std::size_t i = 0; i < requests.size(); ++i) {
    subcommands[i] = add_subcommand(app, kSubcommands[i], requests[i]);
  }
  ServeOptions serve;
  CLI::App* serving = add_serve(app, serve);
  if (const auto status = examples::parse(app, argc, argv)) { return status; }
  if (serving->parsed()) { commands.serve = std::move(serve); }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (!subcommands[i]->parsed()) { continue; }
    commands.request = std::move(requests[i]);
    take_uri(*commands.request);  // its views point to the strings where they now are
  }
  return std::nullopt;
}

}  // namespace nal_coap
