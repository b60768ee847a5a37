#pragma once
/// What the services share: their counts, their connections, and the line that each keeps to.
#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "examples/tools/serve/options.hpp"
#include "nal/any_tcp.hpp"
#include "nal/any_udp.hpp"
#include "nal/executor.hpp"
#include "nal/signal.hpp"
#include "nal/task_slot.hpp"

namespace nal_serve {

inline bool is_http(Kind kind) noexcept { return kind == Kind::http || kind == Kind::https; }

/// What has happened at one service.
struct Counts {
  std::uint64_t connections = 0;  ///< accepted
  std::uint64_t active = 0;       ///< now
  std::uint64_t failed = 0;       ///< ended by a reset, a time-out, a broken line
  std::uint64_t timed_out = 0;    ///< silent, or too slow
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t datagrams_in = 0;
  std::uint64_t datagrams_out = 0;
  std::uint64_t datagrams_refused = 0;  ///< from ports or addresses that an answer must not go to
  std::uint64_t requests = 0;           ///< of HTTP, refused ones among them
};

class Server;

/// One connection and its task. Memory for both is kept for the next one.
struct Session {
  explicit Session(Server& owner, Kind served) : server(owner), kind(served) {}

  Server& server;
  const Kind kind;
  std::optional<nal::AnyTcpStream> stream;
  bool misbehaved = false;  ///< the client; it is not waited for when the connection ends
  std::array<std::byte, 8192> buffer;
  nal::TaskSlot<4096> slot;
};

/// Sends what the bytes say within the idle limit; counts them. *Errors*: the stream's, timed_out.
nal::Task<> send_all(Session& session, std::span<const std::byte> bytes);

// What a connection of each kind does, to its end (session.cpp, http_session.cpp).
nal::Task<> echo(Session& session);
nal::Task<> discard(Session& session);
nal::Task<> daytime(Session& session);
nal::Task<> chargen(Session& session);
nal::Task<> http_requests(Session& session);

/// Listens at one endpoint, and serves so many at a time.
class Listening {
 public:
  Listening(Server& server, Kind kind, nal::AnyTcpListener listener);

  nal::Result<> start();
  Kind kind() const noexcept { return kind_; }
  nal::Endpoint local() const { return listener_.local_endpoint(); }

 private:
  static nal::Task<> accept_all(Listening& self);

  Server& server_;
  Kind kind_;
  nal::AnyTcpListener listener_;
  nal::TaskSlot<2048> slot_;
};

/// One UDP port.
class Datagrams {
 public:
  Datagrams(Server& server, Kind kind, nal::AnyUdpSocket socket)
      : server_(server), kind_(kind), socket_(std::move(socket)) {}

  nal::Result<> start();
  nal::Endpoint local() const { return socket_.local_endpoint(); }

 private:
  static nal::Task<> serve(Datagrams& self);

  Server& server_;
  Kind kind_;
  nal::AnyUdpSocket socket_;
  std::array<std::byte, 2048> buffer_;
  nal::TaskSlot<2048> slot_;
};

/// All services.
class Server {
 public:
  Server(examples::Machine& machine, const Options& options) : machine_(machine), options_(options) {}

  /// Opens everything that the options ask for, and says what on standard output; false: an error was told.
  bool start();

  const Options& options() const noexcept { return options_; }
  examples::Machine& machine() noexcept { return machine_; }
  Counts& counts(Kind kind) noexcept { return counts_[static_cast<std::size_t>(kind)]; }
  nal::Instant started() const noexcept { return started_; }

  /// A free place for a connection of this kind; null when there is none: `freed` tells.
  Session* free_session(Kind kind);
  nal::Signal& freed(Kind kind) noexcept { return freed_[static_cast<std::size_t>(kind)]; }
  void run(Session& session);
  void ended(Session& session, const nal::Result<>& how);

 private:
  bool open(Kind kind, const nal::IpAddress& address, bool optional);

  examples::Machine& machine_;
  const Options& options_;
  nal::Instant started_;
  std::array<Counts, kKinds> counts_{};
  std::unique_ptr<examples::SecureStack> secured_;  ///< of https; outlives what is served
  std::array<nal::Signal, kKinds> freed_;
  std::array<std::vector<std::unique_ptr<Session>>, kKinds> sessions_;
  std::array<std::vector<Session*>, kKinds> idle_;
  std::list<Listening> listening_;
  std::list<Datagrams> datagrams_;
};

/// As RFC 867 has an example: "Saturday, November 21, 2026 22:10:05-UTC\r\n".
std::string daytime_text();
/// RFC 864's pattern, from one line to the same again.
std::span<const std::byte> chargen_pattern();

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace nal_serve
