#pragma once
#include <array>
#include <list>
#include <string>
#include <vector>

#include "examples/coap/server.hpp"
#include "examples/tools/coap/directory.hpp"

namespace nal_coap {

/// The resources of `nal-coap serve`: a directory's files, the time, and the list of both. One for all sockets and
/// connections, each of which has a server of its own with the routes that stand here.
class FileServer {
 public:
  FileServer(Directory directory, bool read_only, bool verbose);
  FileServer(const FileServer&) = delete;
  FileServer& operator=(const FileServer&) = delete;

  std::span<const coap::Route> routes() const { return routes_; }
  /// From now on this server's observers are told of changes, until `remove`.
  void add(coap::Server& server) { servers_.push_back(&server); }
  void remove(coap::Server& server);
  /// A second has passed.
  void tick();

 private:
  struct Handle {
    FileServer* self;
    coap::Code (FileServer::*member)(const coap::Call&, coap::Reply&);
    coap::Code operator()(const coap::Call& call, coap::Reply& reply) noexcept;
  };
  /// A file that is on its way here.
  struct Incoming {
    std::string key;
    Directory::Upload upload;
    std::uint64_t base;  ///< what stood in the file before, which stays
    bool existed;
  };

  coap::Code list(const coap::Call& call, coap::Reply& reply);
  coap::Code time(const coap::Call& call, coap::Reply& reply);
  coap::Code file(const coap::Call& call, coap::Reply& reply);
  coap::Code get(const coap::Call& call, coap::Reply& reply, const Path& path);
  coap::Code put(const coap::Call& call, coap::Reply& reply, const Path& path);
  coap::Code remove(const coap::Call& call, coap::Reply& reply, const Path& path);

  coap::Code begin(const coap::Call& call, coap::Reply& reply, const Path& path, const std::string& key);
  coap::Code finish(coap::Reply& reply, const coap::Call& call, const Path& path, Incoming& incoming);
  void note(const coap::Call& call, const std::string& path, coap::Code answer) const;
  void changed(std::string_view path);

  Directory directory_;
  bool read_only_;
  bool verbose_;
  unsigned posted_ = 0;
  std::vector<coap::Server*> servers_;
  std::list<Incoming> incoming_;
  Handle list_{this, &FileServer::list};
  Handle time_{this, &FileServer::time};
  Handle file_{this, &FileServer::file};
  std::array<coap::Route, 3> routes_;
};

}  // namespace nal_coap
