// Who watches uploads is told when one has timed out, not when the next one comes.
#include "examples/coap/server.hpp"

namespace coap {

constinit const Server::Part Server::kWatch{
    [](Server& server, const Arrival& arrival) noexcept {
      return server.behind_watch_ && server.behind_watch_->receive_empty(server, arrival);
    },
    [](Server& server, nal::Instant now) noexcept {
      for (Upload& upload : server.memory_.uploads) {
        if (upload.used && now >= upload.until) { server.drop(upload); }
      }
      return server.behind_watch_ && server.behind_watch_->fill(server, now);
    },
    [](const Server& server) noexcept {
      nal::Instant first = server.behind_watch_ ? server.behind_watch_->deadline(server) : nal::Instant::max();
      for (const Upload& upload : server.memory_.uploads) {
        if (upload.used) { earlier(first, upload.until); }
      }
      return first;
    },
    [](Server& server, std::uint16_t id, nal::Error error) noexcept {
      if (server.behind_watch_) { server.behind_watch_->undeliverable(server, id, error); }
    },
    [](Server& server) noexcept {
      if (server.behind_watch_) { server.behind_watch_->disconnected(server); }
    }};

void Server::watch_uploads(UploadWatch& watch) noexcept {
  if (!watch_) { behind_watch_ = std::exchange(part_, &kWatch); }
  watch_ = &watch;
}

}  // namespace coap
