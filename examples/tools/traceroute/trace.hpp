#pragma once
#include <array>
#include <optional>
#include <string>
#include <vector>

#include "examples/tools/probe/target.hpp"
#include "examples/tools/traceroute/options.hpp"

/// Probes with hop limits from the first hop on, several at a time, and a line for each hop as soon as nothing about it
/// is open.
class Trace {
 public:
  Trace(examples::Machine& machine, const Options& options, Target target, nal::AnyProbeSocket socket,
        nal::InterfaceId interface);

  /// The exit status.
  int run();

 private:
  struct ProbeState {
    enum class State : std::uint8_t { waiting, sent, answered, lost };
    State state = State::waiting;
    nal::Instant sent_at;
    nal::Duration time{};
    nal::ProbeAnswer answer;
    std::uint16_t found_mtu = 0;  ///< before it: what the way takes, as was found for this probe
  };

  std::size_t overhead() const { return target_.address.is_v4() ? 28 : 48; }
  unsigned hop_of(std::size_t index) const {
    return options_.first_hop + static_cast<unsigned>(index / options_.queries);
  }
  std::size_t in_flight() const;
  /// False: nothing can be sent.
  bool send_next();
  bool send(std::size_t index);
  nal::Instant next_expiry() const;
  void take(const nal::ProbeAnswer& answer, nal::Instant now);
  void take_too_big(ProbeState& probe, const nal::ProbeAnswer& answer);
  void expire(nal::Instant now);
  bool is_end(const nal::ProbeAnswer& answer) const;
  void find_name(const nal::IpAddress& address);
  void print_ready();
  void print_hop(unsigned hop);
  std::string marks(const nal::ProbeAnswer& answer) const;

  examples::Machine& machine_;
  const Options& options_;
  Target target_;
  nal::AnyProbeSocket socket_;
  nal::InterfaceId interface_;
  Names names_;
  examples::Interrupt interrupt_;
  std::array<std::byte, 64> buffer_{};
  std::vector<ProbeState> probes_;
  std::size_t next_ = 0;
  std::size_t size_;      ///< of the whole packet
  unsigned last_hop_;     ///< that is of interest, as far as is known
  unsigned printed_ = 0;  ///< the last hop that has its line
};
