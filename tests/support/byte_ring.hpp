#pragma once
#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

namespace nal::test {

/// A bounded queue of bytes that can be looked at and filled in place.
class ByteRing {
 public:
  explicit ByteRing(std::size_t capacity = 0) : storage_(capacity) {}

  std::size_t size() const noexcept { return size_; }
  std::size_t room() const noexcept { return storage_.size() - size_; }
  bool empty() const noexcept { return size_ == 0; }
  void clear() noexcept { first_ = size_ = 0; }

  /// The bytes at the front that lie in one piece.
  std::span<const std::byte> front() const noexcept {
    return std::span(storage_).subspan(first_, std::min(size_, storage_.size() - first_));
  }
  void consume(std::size_t n) noexcept {
    first_ = (first_ + n) % storage_.size();
    size_ -= n;
  }
  /// The room at the back that lies in one piece.
  std::span<std::byte> back() noexcept {
    if (storage_.empty()) { return {}; }
    const std::size_t start = (first_ + size_) % storage_.size();
    return std::span(storage_).subspan(start, std::min(room(), storage_.size() - start));
  }
  void commit(std::size_t n) noexcept { size_ += n; }

  std::size_t put(std::span<const std::byte> data) noexcept {
    std::size_t done = 0;
    while (done < data.size() && room() != 0) {
      const std::span<std::byte> piece = back();
      const std::size_t n = std::min(piece.size(), data.size() - done);
      std::copy_n(data.begin() + static_cast<std::ptrdiff_t>(done), n, piece.begin());
      commit(n);
      done += n;
    }
    return done;
  }
  std::size_t get(std::span<std::byte> out) noexcept {
    std::size_t done = 0;
    while (done < out.size() && size_ != 0) {
      const std::span<const std::byte> piece = front();
      const std::size_t n = std::min(piece.size(), out.size() - done);
      std::copy_n(piece.begin(), n, out.begin() + static_cast<std::ptrdiff_t>(done));
      consume(n);
      done += n;
    }
    return done;
  }

 private:
  std::vector<std::byte> storage_;
  std::size_t first_ = 0;
  std::size_t size_ = 0;
};

}  // namespace nal::test
