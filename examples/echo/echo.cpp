#include "examples/echo/echo.hpp"

#include <chrono>
#include <cstdio>
#include <thread>

#include "examples/common/command_line.hpp"
#include "nal/hosted/format.hpp"

namespace examples::echo {

std::optional<int> parse(int argc, char** argv, const char* name, const char* about, Options& options) {
  CLI::App app(about, name);
  app.require_subcommand(1);
  app.footer("Exit status: 0 all went well, 1 something failed, 2 wrong usage.");

  CLI::App* server = app.add_subcommand("server", "sends back whatever arrives, until Ctrl-C");
  std::string local = "127.0.0.1:7777";
  server->add_option("ADDRESS:PORT", local, "where to listen; port 0 picks a free one")
      ->type_name("")
      ->capture_default_str()
      ->check([&options](const std::string& text) {
        const auto endpoint = nal::Endpoint::parse(text);
        if (endpoint) { options.local = *endpoint; }
        return endpoint ? std::string() : "'" + text + "' is no address and port, such as 127.0.0.1:7777 or [::1]:7777";
      });

  CLI::App* client = app.add_subcommand("client", "sends a text to HOST and expects it back");
  client->add_option("HOST", options.host, "a name or an address")->required()->type_name("");
  client->add_option("PORT", options.port, "where its echo server listens")
      ->required()
      ->type_name("")
      ->check(CLI::Range(1, 65535).description(""));
  client->add_option("TEXT", options.text, "what to say, up to 1024 bytes")
      ->type_name("")
      ->capture_default_str()
      ->check([](const std::string& text) { return text.size() > 1024 ? "it is too long" : std::string(); });
  client->add_option("--count", options.count, "how often")->type_name("N")->capture_default_str();

  for (CLI::App* command : {server, client}) {
    add_timeout_option(*command, options.timeout, "how long to wait for a silent peer");
    add_backend_options(*command, options.backend);
  }
  if (const auto status = examples::parse(app, argc, argv)) { return status; }
  options.server = server->parsed();
  if (options.server && options.local == nal::Endpoint()) { options.local = *nal::Endpoint::parse(local); }
  return std::nullopt;
}

void announce(nal::Endpoint local) {
  std::printf("listening on %s\n", nal::to_text(local).c_str());
  std::fflush(stdout);
}

bool check(std::string_view sent, std::span<const std::byte> received) {
  const std::string_view text(reinterpret_cast<const char*>(received.data()), received.size());
  std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
  if (text != sent) { std::fputs("error: that is not what was sent\n", stderr); }
  return text == sent;
}

int failed(const std::string& what, nal::Error why) {
  std::fprintf(stderr, "error: cannot %s: %s\n", what.c_str(), nal::to_string(why));
  return kFailed;
}

void note(nal::Endpoint client, nal::Error why) {
  std::fprintf(stderr, "%s: %s\n", nal::to_text(client).c_str(), nal::to_string(why));
}

void do_other_work() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }

}  // namespace examples::echo
