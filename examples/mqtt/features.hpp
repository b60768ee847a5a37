#pragma once
#include <type_traits>

namespace mqtt {

/// What a client can do, chosen when it is compiled: what is off takes neither code nor memory.
struct Features {
  bool version_3_1_1 = true;
  bool version_5 = false;    ///< where there are both, `Config::version` chooses
  bool qos_2 = false;        ///< exactly once
  bool streaming = false;    ///< payloads larger than the buffers, both ways
  bool persistence = false;  ///< `Config::persistence`: what is in flight survives a restart
  bool callbacks = false;    ///< `Config::observer` and `Config::handler`
  /// Messages larger than the buffer are thrown away. Without, they end the connection; and one of QoS 1 that the
  /// server has kept for a session comes again with each.
  bool oversized = false;
};

/// 3.1.1 with QoS 0 and 1.
inline constexpr Features kSmall{};
/// All of 5.0, without 3.1.1.
inline constexpr Features kFive{.version_3_1_1 = false,
                                .version_5 = true,
                                .qos_2 = true,
                                .streaming = true,
                                .persistence = true,
                                .callbacks = true,
                                .oversized = true};
/// Everything.
inline constexpr Features kFull{
    .version_5 = true, .qos_2 = true, .streaming = true, .persistence = true, .callbacks = true, .oversized = true};

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
