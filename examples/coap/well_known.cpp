// What resources there are (RFC 6690).
#include "examples/coap/link_format.hpp"
#include "examples/coap/server.hpp"

namespace coap {

namespace {

bool picked(const Route& route, const Options& options) noexcept {
  if (route.hidden) { return false; }
  for (const Option& option : options) {
    if (option.number != OptionNumber::uri_query) { continue; }
    const bool observable = route.observable && option.text() == "obs";
    if (!observable && !Link{route.path, LinkAttributes::bare(route.attributes)}.matches(option.text())) {
      return false;
    }
  }
  return true;
}

/// The links, made anew for each block.
class Links {
 public:
  explicit Links(const Call& call, std::span<const Route> routes) noexcept : call_(call), routes_(routes) {}

  nal::Result<std::size_t> read(std::uint32_t offset, std::span<std::byte> out) noexcept {
    LinkWriter writer({reinterpret_cast<char*>(out.data()), out.size()}, offset);
    write(writer);
    return writer.window().size();
  }
  std::optional<std::size_t> size() const noexcept {
    LinkWriter writer({});
    write(writer);
    return writer.size();
  }

 private:
  void write(LinkWriter& writer) const noexcept {
    for (const Route& route : routes_) {
      if (!picked(route, call_.options())) { continue; }
      writer.link(route.path);
      if (!route.attributes.empty()) { writer.attributes(route.attributes); }
      if (route.observable) { writer.attribute("obs"); }
    }
  }
  const Call& call_;
  std::span<const Route> routes_;
};

}  // namespace

Code well_known_core(const Call& call, Reply& reply) noexcept {
  Links links(call, reply.server().routes());
  // RFC 7252 §8.2: nothing to say to a group is not said.
  if (call.multicast() && links.size() == 0u) { return Code::not_found; }
  reply.content_format(40);
  return reply.body(links);
}

}  // namespace coap
