#include "examples/mqtt/routes.hpp"

namespace mqtt {

nal::Result<> Routes::add(const Route& route) noexcept {
  if (!route.take || !is_topic_filter(route.filter) || !is_shared_filter_valid(route.filter)) {
    return nal::Unexpected(nal::Error::invalid_argument);
  }
  if (count_ == table_.size()) { return nal::Unexpected(nal::Error::table_full); }
  table_[count_++] = route;
  return {};
}

bool Routes::remove(std::string_view filter) noexcept {
  for (std::size_t i = 0; i < count_; ++i) {
    if (table_[i].filter != filter) { continue; }
    for (std::size_t next = i + 1; next < count_; ++next) { table_[next - 1] = table_[next]; }
    --count_;
    return true;
  }
  return false;
}

std::size_t Routes::give(const Publish& message) noexcept {
  std::size_t takers = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const Route route = table_[i];
    if (!matches(unshared(route.filter), message.topic)) { continue; }
    ++takers;
    route.take(route.context, message);
  }
  if (takers == 0 && otherwise_.take) { otherwise_.take(otherwise_.context, message); }
  return takers;
}

Handler Routes::handler() noexcept {
  return {[](void* self, const nal::Result<Publish>& message) noexcept {
            if (message) { static_cast<Routes*>(self)->give(*message); }
          },
          this};
}

}  // namespace mqtt
