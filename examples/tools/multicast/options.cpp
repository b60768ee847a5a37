#include "examples/tools/multicast/options.hpp"

#include <algorithm>

#include "examples/common/command_line.hpp"

namespace {

std::string read_group(const std::string& text, std::vector<nal::IpAddress>& groups) {
  const auto group = nal::IpAddress::parse(text);
  if (!group || !group->is_multicast()) { return "'" + text + "' is no multicast group, such as 239.1.2.3 or ff15::1"; }
  groups.push_back(*group);
  return "";
}

std::string read_source(const std::string& text, std::vector<nal::IpAddress>& sources) {
  const auto source = nal::IpAddress::parse(text);
  if (!source || source->is_multicast()) { return "'" + text + "' is no address of a host"; }
  sources.push_back(*source);
  return "";
}

}  // namespace

std::optional<int> parse_options(Options& options, int argc, const char* const* argv) {
  std::vector<std::string> groups;
  std::vector<std::string> sources;
  std::string text;
  bool quiet = false;
  bool silent = false;
  CLI::App app("Joins multicast groups, prints what arrives and sends to them, through any network stack of nal.",
               "nal-multicast");
  app.footer("Exit status: 0 all went well, 1 something failed or less arrived than wanted, 2 wrong usage.");
  app.add_option("GROUP", groups, "a group of either family, to join and to send to")
      ->required()
      ->type_name("")
      ->check([&options](const std::string& group) { return read_group(group, options.groups); });
  app.add_option("-s,--source", sources, "hear nobody else in the groups of its family")
      ->type_name("ADDRESS")
      ->allow_extra_args(false)
      ->check([&options](const std::string& source) { return read_source(source, options.sources); });
  app.add_option("-i,--interface", options.interface, "where to join and send; else the stack's choice")
      ->type_name("NAME");
  app.add_option("-p,--port", options.port, "of the groups, here and there")
      ->type_name("N")
      ->check(CLI::Range(1, 65535).description(""))
      ->capture_default_str();
  auto* send = app.add_option("--send", text, "what to send to each group")->type_name("TEXT");
  app.add_option("--count", options.count, "how often to send it")
      ->type_name("N")
      ->check(CLI::Range(1U, 1'000'000U).description(""))
      ->needs(send)
      ->capture_default_str();
  app.add_option_function<double>(
         "--interval",
         [&options](double seconds) {
           options.interval = nal::Duration::microseconds(static_cast<std::int64_t>(seconds * 1e6));
         },
         "between two times")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, 86400.0).description(""))
      ->needs(send)
      ->default_str("1");
  app.add_option("--hops", options.hops, "how far it goes: its hop limit")
      ->type_name("N")
      ->check(CLI::Range(0, 255).description(""))
      ->capture_default_str();
  app.add_flag("--no-loopback", quiet, "programs of this host do not hear what is sent");
  auto* no_listening = app.add_flag("--no-listen", silent, "join nothing; end when all was sent")->needs(send);
  app.add_option("-n,--receive", options.wanted, "end behind so many datagrams")
      ->type_name("N")
      ->check(CLI::Range(1U, 1'000'000U).description(""))
      ->excludes(no_listening);
  app.add_flag("-x,--hex", options.hex, "print bytes as they are, in hexadecimal");
  app.add_option_function<double>(
         "--timeout",
         [&options](double seconds) {
           options.timeout = nal::Duration::microseconds(static_cast<std::int64_t>(seconds * 1e6));
         },
         "end after so long; else at Ctrl-C")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.001, 86400.0).description(""));
  examples::add_backend_options(app, options.backend);
  if (const auto status = examples::parse(app, argc, argv)) { return status; }
  if (send->count() != 0) { options.text = text; }
  options.loopback = !quiet;
  options.listen = !silent;
  for (const nal::IpAddress& source : options.sources) {
    const bool used = std::any_of(options.groups.begin(), options.groups.end(),
                                  [&source](const auto& group) { return group.family() == source.family(); });
    if (!used) {
      std::fprintf(stderr, "error: no group has the family of the source %s\n", nal::to_text(source).c_str());
      return examples::kWrongUsage;
    }
  }
  return std::nullopt;
}
