// nal-resolve: the addresses of names, and the names of addresses.
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "examples/common/backend.hpp"
#include "examples/common/command_line.hpp"
#include "nal/dns.hpp"
#include "nal/sleep.hpp"

namespace {

using namespace nal::literals;

struct Options {
  std::string backend;
  std::vector<std::string> names;
  nal::Family family = nal::Family::any;
  nal::Duration timeout = 10_s;
  bool brief = false;
};

void print(const Options& options, const std::string& asked, std::string_view answer) {
  if (!options.brief) { std::printf("%s ", asked.c_str()); }
  std::printf("%.*s\n", static_cast<int>(answer.size()), answer.data());
}

std::string what_failed(const Options& options, bool is_name, nal::Error error) {
  switch (error) {
    case nal::Error::invalid_argument: return "this cannot be a name";
    case nal::Error::name_not_found:
      if (!is_name) { return "no name is known for it"; }
      return options.family == nal::Family::any
                 ? "name not found"
                 : std::string("no such name, or none with ") + nal::to_string(options.family) + " addresses";
    case nal::Error::name_service_failed: return "the name servers failed or cannot be reached; try again later";
    default: return nal::to_string(error);
  }
}

template <nal::Dns N>
nal::Task<> resolve_name(N& dns, const Options& options, const std::string& name) {
  std::array<nal::IpAddress, 16> addresses;
  NAL_CO_TRY_SET(const std::size_t count,
                 nal::with_timeout(options.timeout, nal::lookup(dns, name, options.family, addresses)));
  for (std::size_t i = 0; i < count; ++i) { print(options, name, nal::to_text(addresses[i])); }
  co_return nal::Unit{};
}

template <nal::Dns N>
nal::Task<> resolve_address(N& dns, const Options& options, const std::string& text, nal::IpAddress address) {
  std::array<char, 256> name;
  NAL_CO_TRY_SET(const std::size_t size, nal::with_timeout(options.timeout, nal::reverse_lookup(dns, address, name)));
  print(options, text, {name.data(), size});
  co_return nal::Unit{};
}

template <nal::Dns N>
int resolve_all(nal::Executor& executor, N& dns, const Options& options) {
  int status = examples::kDone;
  for (const std::string& name : options.names) {
    nal::TaskSlot<4096> slot;
    const auto address = nal::IpAddress::parse(name);
    const auto done = address ? nal::block_on(executor, slot, resolve_address<N>, dns, options, name, *address)
                              : nal::block_on(executor, slot, resolve_name<N>, dns, options, name);
    if (!done) {
      const std::string what = what_failed(options, !address, done.error());
      std::fprintf(stderr, "error: '%s': %s\n", name.c_str(), what.c_str());
      status = examples::kFailed;
    }
  }
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  bool v4 = false;
  bool v6 = false;
  CLI::App app("Finds the addresses of names, and the names of addresses, through any network stack of nal.",
               "nal-resolve");
  app.footer("Exit status: 0 everything was found, 1 something was not, 2 wrong usage.");
  app.add_option("NAME|ADDRESS", options.names, "a name, or an address to find the name of")->required()->type_name("");
  auto* only_v4 = app.add_flag("-4", v4, "IPv4 addresses only");
  app.add_flag("-6", v6, "IPv6 addresses only")->excludes(only_v4);
  app.add_flag("-s,--short", options.brief, "print the answers without what was asked");
  examples::add_timeout_option(app, options.timeout, "how long to wait for each answer");
  examples::add_backend_option(app, options.backend);
  if (const auto status = examples::parse(app, argc, argv)) { return *status; }
  options.family = v4 ? nal::Family::v4 : v6 ? nal::Family::v6 : nal::Family::any;

  return examples::run_on(options.backend, [&options](nal::Executor& executor, auto& stack) {
    return resolve_all(executor, stack, options);
  });
}
