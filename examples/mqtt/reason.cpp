#include "examples/mqtt/reason.hpp"

#include <array>

#include "examples/mqtt/packet.hpp"

namespace mqtt {

namespace {

constexpr std::uint16_t types(std::initializer_list<PacketType> list) noexcept {
  unsigned mask = 0;
  for (const PacketType type : list) { mask |= 1U << static_cast<unsigned>(type); }
  return static_cast<std::uint16_t>(mask);
}

using enum PacketType;
constexpr std::uint16_t kConnack = types({connack});
constexpr std::uint16_t kDisconnect = types({disconnect});
constexpr std::uint16_t kEither = kConnack | kDisconnect;
constexpr std::uint16_t kPublished = types({puback, pubrec});
constexpr std::uint16_t kSubscribed = types({suback, unsuback});
constexpr std::uint16_t kSuback = types({suback});

/// From 0x80 on.
constexpr std::array<std::uint16_t, 0x23> kFailures{{
    kEither | kPublished | kSubscribed,  // unspecified
    kEither,                             // malformed
    kEither,                             // protocol error
    kEither | kPublished | kSubscribed,  // implementation specific
    kConnack,                            // protocol version
    kConnack,                            // client identifier
    kConnack,                            // user or password
    kEither | kPublished | kSubscribed,  // not authorized
    kConnack,                            // server unavailable
    kEither,                             // server busy
    kConnack,                            // banned
    kDisconnect,                         // shutting down
    kEither,                             // authentication method
    kDisconnect,                         // keep alive
    kDisconnect,                         // taken over
    kDisconnect | kSubscribed,           // topic filter
    kEither | kPublished,                // topic name
    kPublished | kSubscribed,            // identifier in use
    types({pubrel, pubcomp}),            // identifier not found
    kDisconnect,                         // receive maximum
    kDisconnect,                         // topic alias
    kEither,                             // packet too large
    kDisconnect,                         // message rate
    kEither | kPublished | kSuback,      // quota
    kDisconnect,                         // administrative action
    kEither | kPublished,                // payload format
    kEither,                             // retain
    kEither,                             // QoS
    kEither,                             // another server
    kEither,                             // moved
    kDisconnect | kSuback,               // shared subscriptions
    kEither,                             // connection rate
    kDisconnect,                         // connect time
    kDisconnect | kSuback,               // subscription identifiers
    kDisconnect | kSuback,               // wildcards
}};

constexpr std::uint16_t allowed(Reason reason) noexcept {
  if (is_failure(reason)) {
    const std::size_t at = static_cast<std::size_t>(reason) - static_cast<std::size_t>(Reason::unspecified_error);
    return at < kFailures.size() ? kFailures[at] : std::uint16_t{0};
  }
  switch (reason) {
    case Reason::success: return kEither | kPublished | kSubscribed | types({pubrel, pubcomp, auth});
    case Reason::granted_qos_1:
    case Reason::granted_qos_2: return kSuback;
    case Reason::disconnect_with_will: return kDisconnect;
    case Reason::no_matching_subscribers: return kPublished;
    case Reason::no_subscription_existed: return types({unsuback});
    case Reason::continue_authentication:
    case Reason::re_authenticate: return types({auth});
    default: return 0;
  }
}

}  // namespace

bool is_allowed(Reason reason, PacketType type) noexcept {
  return (allowed(reason) >> static_cast<unsigned>(type) & 1U) != 0;
}

}  // namespace mqtt
