#include "nal/sntp/client.hpp"

namespace nal::sntp {

Sample make_sample(const Reply& reply, Instant asked, Instant at, const Endpoint& server) noexcept {
  Sample sample;
  sample.at = at;
  sample.round_trip = at - asked;
  // What the server kept it for is no part of the way. A server whose clock jumped meanwhile may say more than that.
  Duration way = sample.round_trip - (reply.sent - reply.received);
  if (way < Duration::zero()) { way = Duration::zero(); }
  sample.time = reply.sent + way / 2;
  sample.error = way / 2 + reply.root_delay / 2 + reply.root_dispersion;
  sample.stratum = reply.stratum;
  sample.leap = reply.leap;
  sample.server = server;
  return sample;
}

}  // namespace nal::sntp
