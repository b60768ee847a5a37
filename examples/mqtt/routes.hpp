#pragma once
#include <span>
#include <string_view>

#include "examples/mqtt/config.hpp"
#include "examples/mqtt/topic.hpp"

namespace mqtt {

/// A filter, and who takes the messages that it takes. Must not wait. The filter is the caller's.
struct Route {
  std::string_view filter{};
  void (*take)(void* context, const Publish& message) noexcept = nullptr;
  void* context = nullptr;

  /// To a member function: `Route::to<&Pump::set>("pump/7/set", pump)`.
  template <auto kMember, class T>
  static Route to(std::string_view filter, T& object) noexcept {
    return {filter, [](void* taker, const Publish& message) noexcept { (static_cast<T*>(taker)->*kMember)(message); },
            &object};
  }
};

/// Gives each message to whoever asked for its topic: filters with wildcards and of shared subscriptions, in a table of
/// the caller's. What nobody takes goes to `otherwise`. Subscribing is another matter:
///
///     mqtt::Route table[4];
///     mqtt::Routes routes(table);
///     NAL_CO_TRY(routes.add(mqtt::Route::to<&Pump::set>("pump/+/set", pump)));
///     for (const mqtt::Route& route : routes.all()) { NAL_CO_TRY(session.subscribe(route.filter)); }
///     for (;;) {
///       NAL_CO_TRY_SET(const mqtt::Message message, session.receive());
///       routes.give(message.packet());
///     }
///
/// Or `Config::handler = routes.handler()`, and no task is needed.
class Routes {
 public:
  explicit Routes(std::span<Route> table, const Route& otherwise = {}) noexcept
      : table_(table), otherwise_(otherwise) {}

  /// *Errors*: invalid_argument: no topic filter; table_full.
  nal::Result<> add(const Route& route) noexcept;
  /// The first with this filter. False: there is none.
  bool remove(std::string_view filter) noexcept;
  std::span<const Route> all() const noexcept { return table_.first(count_); }

  /// To all that take it, in the order in which they were added. Gives how many; a handler may change the table, and
  /// then those behind it are asked as they stand.
  std::size_t give(const Publish& message) noexcept;
  Handler handler() noexcept;

 private:
  std::span<Route> table_;
  std::size_t count_ = 0;
  Route otherwise_;
};

}  // namespace mqtt
