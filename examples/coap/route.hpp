#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <type_traits>

#include "examples/coap/code.hpp"

namespace coap {

class Call;
class MessageWriter;
class Reply;
class Server;
struct Arrival;

/// A set of methods: `Methods::get | Methods::put`.
enum class Methods : std::uint8_t {
  none = 0,
  get = 1 << 1,
  post = 1 << 2,
  put = 1 << 3,
  delete_ = 1 << 4,
  fetch = 1 << 5,
  patch = 1 << 6,
  ipatch = 1 << 7,
};
constexpr Methods operator|(Methods a, Methods b) noexcept {
  return static_cast<Methods>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
constexpr bool contains(Methods set, Code method) noexcept {
  return static_cast<unsigned>(method) < 8 && (static_cast<unsigned>(set) >> static_cast<unsigned>(method) & 1) != 0;
}

/// What answers requests: a function `coap::Code f(const coap::Call&, coap::Reply&) noexcept`, or an object that can be
/// called like that, by reference (it outlives the server).
///
/// It gives the code of the answer and must not wait; what takes time answers later (`Reply::later`). It is called once
/// for each request, never for one that comes a second time; GET and FETCH, which change nothing, also for
/// notifications and for each block of a large answer.
class Handler {
 public:
  using Function = Code (*)(const Call& call, Reply& reply) noexcept;

  constexpr Handler(Function function) noexcept : function_(function) {}
  template <class F>
    requires(!std::is_same_v<std::remove_const_t<F>, Handler> && std::is_class_v<F> &&
             std::is_nothrow_invocable_r_v<Code, F&, const Call&, Reply&>)
  constexpr Handler(F& object) noexcept
      : object_(&object),
        call_([](void* it, const Call& call, Reply& reply) noexcept { return (*static_cast<F*>(it))(call, reply); }) {}

  [[gnu::noinline]] Code operator()(const Call& call, Reply& reply) const noexcept {
    return function_ ? function_(call, reply) : call_(object_, call, reply);
  }

 private:
  Function function_ = nullptr;
  void* object_ = nullptr;
  Code (*call_)(void*, const Call&, Reply&) noexcept = nullptr;
};

/// Whether a request is known to be new; adds to `challenge`, if there is one, what the client must send to prove it.
using Freshness = bool (*)(const Server& server, const Arrival& arrival, MessageWriter* challenge) noexcept;
/// By an Echo (RFC 9175 §2). It also proves that who asks is where the datagram says.
bool by_echo(const Server& server, const Arrival& arrival, MessageWriter* challenge) noexcept;

/// A resource of a server. A table of them may stand in flash.
struct Route {
  std::string_view path;  ///< "/sensors/temp", its segments not encoded
  Methods methods = Methods::get;
  Handler handler;
  std::string_view attributes{};  ///< for discovery (RFC 6690): `rt="temperature";ct=0`
  bool observable = false;        ///< may be observed: call `Server::changed` when it has changed
  bool subtree = false;           ///< answers for all paths below it too
  bool streams = false;           ///< takes large bodies block by block; else they are put together, if there is memory
  Freshness fresh = nullptr;      ///< `by_echo`: requests that change something must prove that they are new
  bool hidden = false;            ///< not told in discovery
  std::optional<std::uint16_t> consumes{};  ///< the one content format of payloads; others are 4.15
  std::optional<std::uint16_t> produces{};  ///< the one content format of answers; a wish for others is 4.06
};

}  // namespace coap
