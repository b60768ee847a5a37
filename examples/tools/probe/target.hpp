#pragma once
/// What nal-ping and nal-traceroute share: whom to probe, from where, and what to call who answers.
#include <map>
#include <optional>
#include <string>
#include <variant>

#include "examples/common/backend.hpp"
#include "examples/common/interrupt.hpp"
#include "nal/probe.hpp"

/// Whom to probe.
struct Target {
  std::string name;  ///< as the user wrote it
  nal::IpAddress address;
  bool is_name = false;  ///< no literal address
};

/// The addresses of a name, or an address as it is written; of a name the first that there is a way to. An error was
/// told.
std::optional<Target> find_target(examples::Machine& machine, const std::string& name, nal::Family family);

/// A probe socket, or an error that was told, with what to do about it.
std::optional<nal::AnyProbeSocket> open_socket(examples::Machine& machine, const nal::ProbeOptions& options);

/// Where probes leave from: an address of this host, or an interface by its number or (of the system's) its name.
struct Origin {
  std::optional<nal::IpAddress> address{};
  nal::InterfaceId interface {};

  static std::optional<Origin> parse(const std::string& text);
};

/// Names of addresses, each asked for once.
class Names {
 public:
  Names(examples::Machine& machine, bool wanted) : machine_(machine), wanted_(wanted) {}

  /// "router.example (192.0.2.1)", or the address alone where it has no name or names are not wanted.
  std::string both(const nal::IpAddress& address);
  /// The same, but the address twice where it has no name, as traceroute writes it.
  std::string both_always(const nal::IpAddress& address);
  /// For who asks for names in a way of their own.
  bool is_unknown(const nal::IpAddress& address) const;
  void learn(const nal::IpAddress& address, const std::string& name);

 private:
  const std::string& name_of(const nal::IpAddress& address);

  examples::Machine& machine_;
  bool wanted_;
  std::map<std::string, std::string> known_;
};

/// Waits for what comes of a probe, until `until`, or until the user interrupts. *Errors*: timed_out, cancelled, and
/// those of the socket.
nal::Result<nal::ProbeAnswer> wait_for_answer(nal::Executor& executor, nal::AnyProbeSocket& socket,
                                              std::span<std::byte> buffer, nal::Instant until,
                                              examples::Interrupt& interrupt);

/// In milliseconds, as ping and traceroute write it: about three digits.
std::string milliseconds(nal::Duration duration);
