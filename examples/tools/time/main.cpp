// nal-time: asks NTP servers what the time is.
#include <array>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "examples/common/backend.hpp"
#include "examples/common/command_line.hpp"
#include "nal/hosted/entropy.hpp"
#include "nal/hosted/format.hpp"
#include "nal/sleep.hpp"
#include "nal/sntp/client.hpp"
#include "nal/task_slot.hpp"

namespace {

namespace sntp = nal::sntp;

struct Options {
  examples::BackendOptions backend;
  std::vector<std::string> servers;
  std::uint16_t port = sntp::kPort;
  nal::Family family = nal::Family::any;
  nal::Duration timeout = nal::Duration::seconds(3);
  unsigned count = 1;
  nal::Duration interval = nal::Duration::seconds(16);
  bool brief = false;
};

/// What one of the servers' names came to.
struct Server {
  std::string name;
  nal::Endpoint endpoint;
};

std::string what_failed(nal::Error error) {
  switch (error) {
    case nal::Error::permission_denied: return "the server refuses to be asked";
    case nal::Error::would_block: return "the server wants to be asked more seldom";
    case nal::Error::io_error: return "the server does not know the time itself";
    case nal::Error::timed_out: return "no answer; is an NTP server there, and does the network let UDP through?";
    default: return nal::to_string(error);
  }
}

sntp::UnixTime system_time() {
  const auto since_1970 = std::chrono::system_clock::now().time_since_epoch();
  return sntp::UnixTime::from_microseconds(std::chrono::duration_cast<std::chrono::microseconds>(since_1970).count());
}

double seconds(nal::Duration duration) { return static_cast<double>(duration.microseconds()) / 1e6; }

void print(nal::Executor& executor, const Options& options, const Server& server, const sntp::Sample& sample) {
  std::array<char, 40> text;
  const auto written = sample.time.format_to(text);
  if (!written) { return; }
  std::printf("%.*s", static_cast<int>(written->size()), written->data());
  if (!options.brief) {
    std::printf(" %s: stratum %u, this host's clock %+.6f s, round trip %.6f s, wrong by at most %.6f s",
                server.name.c_str(), static_cast<unsigned>(sample.stratum),
                seconds(system_time() - sample.time_at(executor.now())), seconds(sample.round_trip),
                seconds(sample.error));
    if (sample.leap == sntp::Leap::second_more) { std::printf(", a leap second ends this month"); }
    if (sample.leap == sntp::Leap::second_less) { std::printf(", this month ends a second early"); }
  }
  std::printf("\n");
  std::fflush(stdout);
}

nal::Task<nal::Result<nal::Endpoint>> find(nal::AnyStack& stack, const Options& options, const std::string& name) {
  std::array<nal::IpAddress, 1> addresses;
  NAL_CO_TRY_SET(const std::size_t count,
                 nal::with_timeout(options.timeout, nal::lookup(stack, name, options.family, addresses)));
  if (count == 0) { co_return nal::Unexpected(nal::Error::name_not_found); }
  co_return nal::Endpoint(addresses[0], options.port);
}

nal::Task<> ask(nal::Executor& executor, nal::AnyStack& stack, const Options& options, const Server& server,
                nal::Random& random) {
  NAL_CO_TRY_SET(const sntp::Sample sample,
                 nal::with_timeout(options.timeout, sntp::ask(stack, server.endpoint, random)));
  print(executor, options, server, sample);
  co_return nal::Unit{};
}

nal::Task<> pause(nal::Duration duration) {
  co_await nal::sleep(duration);
  co_return nal::Unit{};
}

int run(nal::Executor& executor, nal::AnyStack& stack, const Options& options) {
  nal::Random random(nal::system_entropy());
  std::vector<Server> servers;
  int status = examples::kDone;
  const auto failed = [&status](const std::string& name, const std::string& why) {
    std::fprintf(stderr, "error: '%s': %s\n", name.c_str(), why.c_str());
    status = examples::kFailed;
  };
  for (const std::string& name : options.servers) {
    nal::TaskSlot<4096, nal::Result<nal::Endpoint>> slot;
    const auto found = nal::block_on(executor, slot, find, stack, options, name);
    if (found) {
      servers.push_back({name, *found});
    } else {
      failed(name, std::string("looking it up: ") + nal::to_string(found.error()));
    }
  }
  nal::TaskSlot<4096> slot;
  for (unsigned i = 0; i < options.count; ++i) {
    if (i != 0) { static_cast<void>(nal::block_on(executor, slot, pause, options.interval)); }
    for (const Server& server : servers) {
      const auto asked = nal::block_on(executor, slot, ask, executor, stack, options, server, random);
      if (!asked) { failed(server.name, what_failed(asked.error())); }
    }
  }
  return status;
}

std::optional<int> parse_options(Options& options, int argc, const char* const* argv) {
  CLI::App app("Asks NTP servers what the time is (SNTP, RFC 4330), through any network stack of nal.", "nal-time");
  app.footer("Exit status: 0 all answered, 1 one did not, 2 wrong usage.");
  app.add_option("SERVER", options.servers, "its name or address")->required()->type_name("");
  app.add_option("-p,--port", options.port, "where it listens")
      ->type_name("N")
      ->check(CLI::Range(1, 65535).description(""))
      ->capture_default_str();
  auto* v4 = app.add_flag_callback(
      "-4", [&options] { options.family = nal::Family::v4; }, "only IPv4");
  app.add_flag_callback(
         "-6", [&options] { options.family = nal::Family::v6; }, "only IPv6")
      ->excludes(v4);
  app.add_option("-c,--count", options.count, "ask each so often")
      ->type_name("N")
      ->check(CLI::Range(1U, 1'000'000U).description(""))
      ->capture_default_str();
  app.add_option_function<unsigned>(
         "-i,--interval", [&options](unsigned wanted) { options.interval = nal::Duration::seconds(wanted); },
         "seconds between two times; servers want 15 or more")
      ->type_name("SECONDS")
      ->check(CLI::Range(1U, 86'400U).description(""))
      ->default_str("16");
  app.add_flag("-b,--brief", options.brief, "print the time alone");
  examples::add_timeout_option(app, options.timeout, "for each answer");
  examples::add_backend_options(app, options.backend);
  return examples::parse(app, argc, argv);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const auto status = parse_options(options, argc, argv)) { return *status; }
  return examples::run_on(options.backend, [&options](nal::Executor& executor, nal::AnyStack& stack) {
    return run(executor, stack, options);
  });
}
