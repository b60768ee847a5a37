#pragma once
#include <vector>

#include "examples/mqtt/persistence.hpp"
#include "tests/examples/mqtt/bytes.hpp"

namespace mqtt::test {

/// A store that outlives the client, with a knob for a disk that is full.
struct MemoryStore {
  struct Entry {
    StoreKey key;
    Bytes data;
  };
  std::vector<Entry> entries;
  bool full = false;

  nal::Result<> put(StoreKey key, nal::ConstBuffers pieces) noexcept {
    if (full) { return nal::Unexpected(nal::Error::io_error); }
    Bytes data;
    for (const auto piece : pieces) { data.insert(data.end(), piece.begin(), piece.end()); }
    for (Entry& entry : entries) {
      if (entry.key != key) { continue; }
      entry.data = data;
      return {};
    }
    entries.push_back({key, data});
    return {};
  }
  void remove(StoreKey key) noexcept {
    std::erase_if(entries, [&](const Entry& entry) { return entry.key == key; });
  }
  void clear() noexcept {
    std::erase_if(entries, [](const Entry& entry) { return entry.key.kind == StoreKey::Kind::received; });
  }
  nal::Result<> load(const StoreVisitor& visitor) noexcept {
    for (const Entry& entry : entries) {
      const auto taken = visitor.take(visitor.context, entry.key, entry.data);
      if (!taken) { return taken; }
    }
    return {};
  }
};

}  // namespace mqtt::test
