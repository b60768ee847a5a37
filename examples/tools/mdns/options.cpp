#include "examples/tools/mdns/options.hpp"

#include <array>

#include "examples/common/command_line.hpp"
#include "nal/mdns/responder.hpp"

namespace {

bool is_type(const std::string& text) {
  std::array<std::byte, 32> wire;
  return !nal::mdns::service_type(text, wire).empty();
}

std::string check_type(const std::string& text) {
  return is_type(text) ? "" : "'" + text + "' is no type of a service, such as _http._tcp";
}

/// INSTANCE,TYPE,PORT[,KEY[=VALUE]]...; a comma in a part is written "\,".
std::string read_offer(const std::string& text, std::vector<Offer>& offers) {
  std::vector<std::string> parts(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == ',') {
      parts.emplace_back();
      continue;
    }
    if (text[i] == '\\' && i + 1 < text.size()) { ++i; }
    parts.back() += text[i];
  }
  const auto port = parts.size() < 3 ? nal::Result<std::uint32_t>(nal::Unexpected(nal::Error::invalid_argument))
                                     : nal::detail::parse_decimal(parts[2], 65535);
  if (!port || parts[0].empty()) { return "'" + text + "' is not INSTANCE,TYPE,PORT[,KEY=VALUE]..."; }
  if (const std::string wrong = check_type(parts[1]); !wrong.empty()) { return wrong; }
  if (parts[0].size() > nal::dns::Name::kMaxLabel) { return "'" + parts[0] + "' is longer than 63 bytes"; }
  offers.push_back({parts[0], parts[1], static_cast<std::uint16_t>(*port), {parts.begin() + 3, parts.end()}, {}});
  return "";
}

}  // namespace

std::pair<std::string, std::string> split_instance(const std::string& text) {
  std::string name = text;
  if (name.ends_with('.')) { name.pop_back(); }
  if (name.ends_with(".local")) { name.resize(name.size() - 6); }
  const std::size_t protocol = name.rfind("._");
  const std::size_t type = protocol == std::string::npos || protocol == 0 ? protocol : name.rfind("._", protocol - 1);
  if (type == std::string::npos || type == 0) { return {name, ""}; }
  return {name.substr(0, type), name.substr(type + 1)};
}

std::optional<int> parse_options(Options& options, int argc, const char* const* argv) {
  CLI::App app(
      "Announces and finds hosts and services on the local network, by multicast DNS, through any network stack "
      "of nal.",
      "nal-mdns");
  app.require_subcommand(1);
  app.footer("Exit status: 0 all went well, 1 something failed or was not found, 2 wrong usage.");
  CLI::App* announce = app.add_subcommand("announce", "gives this host a name and services, until Ctrl-C");
  announce->add_option("HOST", options.host, "the host's name, without .local")
      ->required()
      ->type_name("")
      ->check([](const std::string& text) {
        return text.empty() || text.size() > 63 ? "'" + text + "' is no name of 1 to 63 bytes" : std::string();
      });
  std::vector<std::string> offers;
  std::vector<std::string> subtypes;
  announce->add_option("--service", offers, "a service: INSTANCE,TYPE,PORT and pairs of its text; '\\,' for a comma")
      ->type_name("INSTANCE,TYPE,PORT[,KEY=VALUE]...")
      ->allow_extra_args(false)
      ->check([&options](const std::string& text) { return read_offer(text, options.offers); });
  announce->add_option("--subtype", subtypes, "of the last service")->type_name("_SUBTYPE")->allow_extra_args(false);

  CLI::App* browse = app.add_subcommand("browse", "tells what services of a type come and go");
  browse->add_option("TYPE", options.type, "_http._tcp")->required()->type_name("")->check(check_type);
  browse->add_option("--subtype", options.subtype, "only those of a subtype")->type_name("_SUBTYPE");
  browse->add_flag("-r,--resolve", options.resolve, "tell where they are, and what they say of themselves");
  CLI::App* types = app.add_subcommand("types", "tells what types of services there are");
  for (CLI::App* command : {browse, types}) {
    command->add_flag("-t,--terminate", options.terminate, "end when nothing new has come for two seconds");
  }
  CLI::App* resolve = app.add_subcommand("resolve", "tells where an instance of a service is");
  resolve->add_option("INSTANCE", options.instances, "'Kitchen light._http._tcp'")
      ->required()
      ->type_name("")
      ->check([](const std::string& text) {
        const auto [instance, type] = split_instance(text);
        return instance.size() > 63 || !is_type(type) ? "'" + text + "' is not INSTANCE._TYPE._tcp" : std::string();
      });
  for (CLI::App* command : {announce, browse, types, resolve}) {
    command->add_option("-i,--interface", options.interfaces, "only there; else everywhere")
        ->type_name("NAME")
        ->allow_extra_args(false);
    examples::add_backend_options(*command, options.backend);
    command
        ->add_option_function<double>(
            "--timeout",
            [&options](double seconds) {
              options.timeout = nal::Duration::microseconds(static_cast<std::int64_t>(seconds * 1e6));
            },
            command == resolve ? "how long to wait for an answer (3)" : "end after so long")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.001, 86400.0).description(""));
  }
  if (const auto status = examples::parse(app, argc, argv)) { return status; }
  options.mode = announce->parsed() ? Mode::announce
                 : browse->parsed() ? Mode::browse
                 : types->parsed()  ? Mode::types
                                    : Mode::resolve;
  if (!subtypes.empty() && options.offers.empty()) {
    std::fputs("error: --subtype is of a --service\n", stderr);
    return examples::kWrongUsage;
  }
  if (!options.offers.empty()) { options.offers.back().subtypes = subtypes; }
  return std::nullopt;
}
