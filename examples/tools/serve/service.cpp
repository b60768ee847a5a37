#include "examples/tools/serve/service.hpp"

#include <cstdio>

#include "nal/hosted/format.hpp"
#include "nal/sleep.hpp"
#include "nal/tcp.hpp"

namespace nal_serve {

namespace {

/// For a client that has been told everything to say that it has heard.
constexpr nal::Duration kFarewell = nal::Duration::seconds(10);
constexpr nal::Duration kShortFarewell = nal::Duration::milliseconds(500);
/// Connections that may wait for a place.
constexpr std::uint16_t kBacklog = 64;

std::string_view name(Kind kind) { return kNames[static_cast<std::size_t>(kind)]; }

nal::Task<> serve_kind(Session& session) {
  switch (session.kind) {
    case Kind::echo: return echo(session);
    case Kind::discard: return discard(session);
    case Kind::daytime: return daytime(session);
    case Kind::chargen: return chargen(session);
    case Kind::http:
    case Kind::https: return http_requests(session);
  }
  return {};
}

/// A connection from its beginning to its end.
nal::Task<> serve(Session& session) {
  session.misbehaved = false;
  nal::Result<> how = co_await serve_kind(session);
  const nal::Duration farewell = session.misbehaved ? kShortFarewell : kFarewell;
  if (how) {
    how = co_await nal::with_timeout(farewell, nal::close(std::move(*session.stream)));
  } else {
    session.stream->abort();
  }
  session.stream.reset();
  session.server.ended(session, how);
  co_return how;
}

}  // namespace

Listening::Listening(Server& server, Kind kind, nal::AnyTcpListener listener)
    : server_(server), kind_(kind), listener_(std::move(listener)) {}

nal::Result<> Listening::start() { return slot_.start(server_.machine().executor, accept_all, *this); }

nal::Task<> Listening::accept_all(Listening& self) {
  for (;;) {
    // Nobody is accepted who could not be served: they wait in the backlog.
    if (!self.server_.free_session(self.kind_)) {
      co_await nal::wait(self.server_.freed(self.kind_));
      continue;
    }
    auto stream = co_await nal::accept(self.listener_);
    if (!stream) {
      if (self.server_.options().verbose) {
        std::fprintf(stderr, "%s: a connection was lost: %s\n", std::string(name(self.kind_)).c_str(),
                     nal::to_string(stream.error()));
      }
      continue;
    }
    // Meanwhile the other family's listener may have taken the place.
    Session* place = self.server_.free_session(self.kind_);
    while (!place) {
      co_await nal::wait(self.server_.freed(self.kind_));
      place = self.server_.free_session(self.kind_);
    }
    place->stream.emplace(*std::move(stream));
    self.server_.run(*place);
  }
}

Session* Server::free_session(Kind kind) {
  auto& idle = idle_[static_cast<std::size_t>(kind)];
  auto& sessions = sessions_[static_cast<std::size_t>(kind)];
  if (idle.empty() && sessions.size() < options_.connections) {
    sessions.push_back(std::make_unique<Session>(*this, kind));
    idle.push_back(sessions.back().get());
  }
  if (idle.empty()) {
    freed(kind).reset();
    return nullptr;
  }
  return idle.back();
}

void Server::run(Session& session) {
  std::erase(idle_[static_cast<std::size_t>(session.kind)], &session);
  Counts& count = counts(session.kind);
  ++count.connections;
  ++count.active;
  if (!session.slot.start(machine_.executor, serve, session)) {
    ended(session, nal::Unexpected(nal::Error::no_memory));
  }
}

void Server::ended(Session& session, const nal::Result<>& how) {
  session.stream.reset();
  Counts& count = counts(session.kind);
  --count.active;
  if (!how) {
    ++count.failed;
    if (how.error() == nal::Error::timed_out) { ++count.timed_out; }
    if (options_.verbose) {
      std::fprintf(stderr, "%s: %s\n", std::string(name(session.kind)).c_str(), nal::to_string(how.error()));
    }
  }
  idle_[static_cast<std::size_t>(session.kind)].push_back(&session);
  freed(session.kind).set();
}

bool Server::start() {
  started_ = machine_.executor.now();
  if (options_.ports[static_cast<std::size_t>(Kind::https)]) {
    secured_ = examples::SecureStack::serve(machine_.executor, machine_.stack, options_.tls);
    if (!secured_) { return false; }
  }
  const bool chosen = !options_.addresses.empty();
  std::vector<nal::IpAddress> addresses = options_.addresses;
  if (!chosen) { addresses = {nal::Ipv4Address::unspecified(), nal::Ipv6Address::unspecified()}; }
  for (std::size_t i = 0; i < kKinds; ++i) {
    // A machine without IPv6 serves IPv4.
    for (const nal::IpAddress& address : addresses) {
      if (options_.ports[i] && !open(static_cast<Kind>(i), address, !chosen && address.is_v6())) { return false; }
    }
  }
  std::puts("ready");
  std::fflush(stdout);
  return true;
}

bool Server::open(Kind kind, const nal::IpAddress& address, bool optional) {
  nal::Endpoint local{address, *options_.ports[static_cast<std::size_t>(kind)]};
  const auto fail = [&](const char* protocol, nal::Error why) {
    const bool missing = why == nal::Error::address_not_available || why == nal::Error::not_supported;
    if (optional && missing) { return true; }
    std::fprintf(stderr, "error: cannot serve %s over %s at %s: %s%s\n", std::string(name(kind)).c_str(), protocol,
                 nal::to_text(local).c_str(), nal::to_string(why),
                 why == nal::Error::permission_denied
                     ? "; low ports are root's on most systems: --port-base 7000 adds so much to each"
                     : "");
    return false;
  };
  nal::AnyStack stack = kind == Kind::https ? secured_->stack() : machine_.stack;
  auto listener = stack.listen(local, {.backlog = kBacklog});
  if (!listener) { return fail("TCP", listener.error()); }
  Listening& listening = listening_.emplace_back(*this, kind, *std::move(listener));
  local = listening.local();
  if (const auto started = listening.start(); !started) { return fail("TCP", started.error()); }
  std::printf("%s tcp %s\n", std::string(name(kind)).c_str(), nal::to_text(local).c_str());
  if (is_http(kind)) { return true; }

  auto socket = machine_.stack.udp_bind_multiple(local, {});
  if (!socket) { return fail("UDP", socket.error()); }
  Datagrams& datagrams = datagrams_.emplace_back(*this, kind, *std::move(socket));
  if (const auto started = datagrams.start(); !started) { return fail("UDP", started.error()); }
  std::printf("%s udp %s\n", std::string(name(kind)).c_str(), nal::to_text(datagrams.local()).c_str());
  return true;
}

}  // namespace nal_serve
