#pragma once
// What holds of TCP's connections between any two calls.
#include "backends/embedded/tcp/tcp.hpp"
#include "tests/fuzz/harness.hpp"

namespace nal::fuzz {

inline void check_connections(const embedded::Tcp& tcp) {
  using embedded::SeqNumber;
  for (const embedded::Connection& c : tcp.connections()) {
    if (c.state == embedded::TcpState::free || c.state == embedded::TcpState::aborting) { continue; }
    require(c.tx_size <= c.tx.size());
    require(c.rx_unread <= c.rx.size());
    require(c.snd_una <= c.snd_nxt);
    require(c.sent.sacked() + c.sent.lost() <= c.flight());
    if (c.synchronized()) {
      require(c.snd_nxt <= c.data_end() + (c.fin_queued ? 1u : 0u));
      require(c.rcv_adv.ahead_of(c.rcv_nxt + c.receive_room()) <= 1);
      for (std::size_t i = 0; i < c.early.count(); ++i) {
        require(SeqNumber(c.early[i].begin) > c.rcv_nxt);
        require(SeqNumber(c.early[i].end) <= c.rcv_nxt + c.receive_room());
      }
      // What is under way has a timer.
      require(c.flight() == 0 || c.timer != embedded::TcpTimer::none || c.ready);
    }
  }
}

}  // namespace nal::fuzz
