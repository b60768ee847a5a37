#pragma once
#include <type_traits>

namespace mqtt {

/// What a client can do, chosen when it is compiled: what is off takes neither code nor memory.
struct Features {
  bool version_5 = false;    ///< MQTT 5.0 beside 3.1.1; `Config::version` chooses
  bool qos_2 = false;        ///< exactly once
  bool streaming = false;    ///< payloads larger than the buffers, both ways
  bool persistence = false;  ///< `Config::persistence`: what is in flight survives a restart
};

/// 3.1.1 with QoS 0 and 1.
inline constexpr Features kSmall{};
/// Everything.
inline constexpr Features kFull{.version_5 = true, .qos_2 = true, .streaming = true, .persistence = true};

namespace detail {

/// Stands for a member that is off; `Index` makes each a type of its own, so that none takes room.
template <int Index>
struct Off {
  constexpr explicit Off(const auto&...) noexcept {}
};
template <bool On, class T, int Index>
using MemberIf = std::conditional_t<On, T, Off<Index>>;

}  // namespace detail

}  // namespace mqtt
