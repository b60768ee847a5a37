#include "nal/resolver/cache.hpp"

#include <cstring>

namespace nal::dns {

namespace {

/// An alias exists, if nothing that it leads to does: that holds for the type that was asked for.
bool holds_for_all_types(const Answer& answer) noexcept {
  return answer.kind == Answer::Kind::no_name && !answer.aliased;
}

}  // namespace

bool Cache::is(const CacheEntry& entry, const Name& name, Type type) const noexcept {
  if (entry.answer.type != type && !holds_for_all_types(entry.answer)) { return false; }
  if (entry.name_size != name.wire().size()) { return false; }
  // No pointers stand in the cache, so nothing of another entry is looked at.
  return name.is_at(bytes_.subspan(entry.offset, entry.name_size), 0);
}

void Cache::remove(std::size_t index) noexcept {
  const CacheEntry gone = entries_[index];
  const std::size_t size = size_of(gone);
  const std::size_t behind = gone.offset + size;
  std::memmove(bytes_.data() + gone.offset, bytes_.data() + behind, used_ - behind);
  used_ -= size;
  entries_[index] = entries_[--count_];
  for (CacheEntry& entry : entries_.first(count_)) {
    if (entry.offset > gone.offset) { entry.offset -= static_cast<std::uint32_t>(size); }
  }
}

std::optional<Answer> Cache::find(const Name& name, Type type, Instant now, std::span<std::byte> out) noexcept {
  for (std::size_t i = 0; i < count_;) {
    const CacheEntry& entry = entries_[i];
    if (entry.expires <= now) {
      remove(i);
      continue;
    }
    if (is(entry, name, type)) {
      Answer answer = entry.answer;
      if (answer.size > out.size()) { return std::nullopt; }
      if (answer.size != 0) { std::memcpy(out.data(), bytes_.data() + entry.offset + entry.name_size, answer.size); }
      // A part of a second is one.
      answer.ttl = static_cast<std::uint32_t>((entry.expires - now + Duration::microseconds(999'999)).seconds());
      answer.type = type;
      return answer;
    }
    ++i;
  }
  return std::nullopt;
}

void Cache::keep(const Name& name, const Answer& answer, std::span<const std::byte> data, Instant now) noexcept {
  for (std::size_t i = 0; i < count_;) {
    const bool same = is(entries_[i], name, answer.type) ||
                      (holds_for_all_types(answer) && is(entries_[i], name, entries_[i].answer.type));
    if (same || entries_[i].expires <= now) {
      remove(i);
    } else {
      ++i;
    }
  }
  const std::size_t size = name.wire().size() + answer.size;
  if (answer.ttl == 0 || entries_.empty() || size > bytes_.size()) { return; }
  while (count_ == entries_.size() || size > bytes_.size() - used_) {
    std::size_t next = 0;
    for (std::size_t i = 1; i < count_; ++i) {
      if (entries_[i].expires < entries_[next].expires) { next = i; }
    }
    remove(next);
  }
  CacheEntry& entry = entries_[count_++];
  entry = {.expires = now + Duration::seconds(answer.ttl),
           .offset = static_cast<std::uint32_t>(used_),
           .name_size = static_cast<std::uint16_t>(name.wire().size()),
           .answer = answer};
  std::memcpy(bytes_.data() + used_, name.wire().data(), name.wire().size());
  if (answer.size != 0) { std::memcpy(bytes_.data() + used_ + name.wire().size(), data.data(), answer.size); }
  used_ += size;
}

}  // namespace nal::dns
