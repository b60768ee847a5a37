#pragma once
/// What the echo programs share: their command line, and what they say to a person.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "examples/common/backend.hpp"
#include "examples/common/interrupt.hpp"
#include "nal/endpoint.hpp"
#include "nal/error.hpp"
#include "nal/time.hpp"

namespace examples::echo {

struct Options {
  BackendOptions backend;
  bool server = false;
  nal::Endpoint local;  ///< where the server listens
  std::string host;     ///< whom the client talks to
  std::uint16_t port = 0;
  std::string text = "hello";
  unsigned count = 1;                                 ///< how often the client says it
  nal::Duration timeout = nal::Duration::seconds(5);  ///< for whatever depends on the peer
};

/// Parses the command line. Gives the exit status if the program is over.
std::optional<int> parse(int argc, char** argv, const char* name, const char* about, Options& options);

/// "listening on 127.0.0.1:7777", on standard output at once: with port 0 that is how a script learns it.
void announce(nal::Endpoint local);
/// Prints what came back. False, with a message, if it is not what was sent.
bool check(std::string_view sent, std::span<const std::byte> received);
/// "error: cannot WHAT: WHY" on standard error; gives `kFailed`.
int failed(const std::string& what, nal::Error why);
/// A server's trouble with one client, which is no reason to stop.
void note(nal::Endpoint client, nal::Error why);
/// What the main loop of a program that never waits does beside: this one has nothing to do but sleep a millisecond.
void do_other_work();

inline std::span<const std::byte> bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string peer(const Options& options) { return options.host + " port " + std::to_string(options.port); }

/// The `main` of an echo program: `server(executor, stack, options)` or `client(executor, stack, options)`, each a
/// template on the stack that gives the exit status.
template <class Server, class Client>
int run(int argc, char** argv, const char* name, const char* about, Server server, Client client) {
  Options options;
  if (const auto status = parse(argc, argv, name, about, options)) { return *status; }
  return run_on(options.backend, [&](nal::Executor& executor, auto& stack) {
    return options.server ? server(executor, stack, options) : client(executor, stack, options);
  });
}

}  // namespace examples::echo
