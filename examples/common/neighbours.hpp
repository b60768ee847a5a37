#pragma once
/// A node of multicast DNS on a machine's interfaces, for programs.
#include <cstdio>
#include <string>
#include <vector>

#include "examples/common/lan.hpp"
#include "nal/hosted/entropy.hpp"
#include "nal/mdns/node.hpp"
#include "nal/task_slot.hpp"

namespace examples {

using MdnsNode = nal::mdns::Node<nal::AnyStack>;

/// Makes the node and runs it, for as long as this stands.
class Neighbours {
 public:
  static constexpr nal::mdns::Config kConfig{.links = 8,
                                             .addresses = 32,
                                             .questions = 32,
                                             .records = 1024,
                                             .record_bytes = 128 * 1024,
                                             .services = 16,
                                             .subtypes = 32,
                                             .message_bytes = 9000};

  Neighbours(Machine& machine, nal::Duration patience)
      : machine_(machine),
        node_(machine.executor, machine.stack, memory_, nal::system_entropy(), {.patience = patience}) {}

  /// False, and an error message was printed: no such interface, or none that can be used.
  bool start(const std::vector<std::string>& names) {
    std::string unknown;
    interfaces_ = lan_interfaces(machine_, names, unknown);
    if (!unknown.empty()) {
      std::fprintf(stderr, "error: there is no interface '%s'\n", unknown.c_str());
      return false;
    }
    // Where nothing is known the stack may.
    if (interfaces_.empty()) { interfaces_.push_back({}); }
    for (const LanInterface& one : interfaces_) {
      const auto added = node_.add_interface(one.id);
      const auto known = added ? node_.set_addresses(one.id, one.addresses) : added;
      if (!known) { std::fprintf(stderr, "warning: not on %s: %s\n", one.name.c_str(), nal::to_string(known.error())); }
    }
    const auto started = run_.start(machine_.executor, run_node, *this);
    return started.has_value();
  }

  MdnsNode& node() { return node_; }
  const std::vector<LanInterface>& interfaces() const { return interfaces_; }

 private:
  static nal::Task<> run_node(Neighbours& self) {
    const auto done = co_await self.node_.run();
    std::fprintf(stderr, "error: cannot speak with the neighbours: %s\n", nal::to_string(done.error()));
    co_return nal::Unit{};
  }

  Machine& machine_;
  static inline nal::mdns::Resources<kConfig> memory_;
  std::vector<LanInterface> interfaces_;
  MdnsNode node_;
  nal::TaskSlot<1024> run_;
};

}  // namespace examples
