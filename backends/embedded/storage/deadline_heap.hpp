#pragma once
#include <cstdint>
#include <utility>

#include "nal/assert.hpp"

namespace nal::embedded {

/// A deadline and its place in a `DeadlineHeap`; a part of whatever has the deadline.
struct DeadlineLinks {
  static constexpr std::uint16_t kNone = 0xffff;
  static constexpr std::uint16_t kIdle = 0xfffe;  ///< `previous` of what is in no heap

  std::uint32_t at = 0;  ///< low 32 bits of a clock; all in one heap lie within half its range
  std::uint16_t child = kNone;
  std::uint16_t next = kNone;
  std::uint16_t previous = kIdle;  ///< the parent of a first child, else the sibling before; none of the root

  bool linked() const noexcept { return previous != kIdle; }
};

/// The items of an array by deadline, the earliest first: a pairing heap whose links are indices, in the items. `Items`
/// gives the links of the i-th: `DeadlineLinks& links(std::uint16_t i)`. Inserting takes constant time, removing
/// logarithmic, amortised.
template <class Items>
class DeadlineHeap {
  static constexpr std::uint16_t kNone = DeadlineLinks::kNone;

 public:
  explicit DeadlineHeap(Items& items) noexcept : items_(&items) {}

  bool empty() const noexcept { return root_ == kNone; }
  std::uint16_t first() const noexcept { return root_; }

  /// `item` is in no heap (asserted).
  void insert(std::uint16_t item, std::uint32_t at) noexcept {
    DeadlineLinks& it = links(item);
    NAL_ASSERT(!it.linked());
    it = {at, kNone, kNone, kNone};
    root_ = root_ == kNone ? item : meld(root_, item);
  }
  /// `item` is in this heap (asserted).
  void remove(std::uint16_t item) noexcept {
    DeadlineLinks& it = links(item);
    NAL_ASSERT(it.linked());
    const std::uint16_t children = meld_children(it.child);
    if (item == root_) {
      root_ = children;
    } else {
      DeadlineLinks& before = links(it.previous);
      (before.child == item ? before.child : before.next) = it.next;
      if (it.next != kNone) { links(it.next).previous = it.previous; }
      if (children != kNone) { root_ = meld(root_, children); }
    }
    it.child = it.next = kNone;
    it.previous = DeadlineLinks::kIdle;
  }

 private:
  DeadlineLinks& links(std::uint16_t item) const noexcept { return items_->links(item); }

  std::uint16_t meld(std::uint16_t a, std::uint16_t b) noexcept {
    if (static_cast<std::int32_t>(links(b).at - links(a).at) < 0) { std::swap(a, b); }
    DeadlineLinks& parent = links(a);
    DeadlineLinks& child = links(b);
    child.previous = a;
    child.next = parent.child;
    if (parent.child != kNone) { links(parent.child).previous = b; }
    parent.child = b;
    return a;
  }
  // Two passes, without recursion: pair neighbours from the left, then meld the pairs from the right.
  std::uint16_t meld_children(std::uint16_t first) noexcept {
    std::uint16_t pairs = kNone;  // chained by next, last pair first
    while (first != kNone) {
      std::uint16_t a = first;
      const std::uint16_t b = links(a).next;
      first = b == kNone ? kNone : links(b).next;
      links(a).next = links(a).previous = kNone;
      if (b != kNone) {
        links(b).next = links(b).previous = kNone;
        a = meld(a, b);
      }
      links(a).next = pairs;
      pairs = a;
    }
    std::uint16_t root = kNone;
    while (pairs != kNone) {
      const std::uint16_t pair = pairs;
      pairs = links(pair).next;
      links(pair).next = kNone;
      root = root == kNone ? pair : meld(root, pair);
    }
    return root;
  }

  Items* items_;
  std::uint16_t root_ = kNone;
};

/// A deadline in a `DeadlineScan`.
struct ScannedDeadline {
  std::uint32_t at = 0;
  bool is_linked = false;

  bool linked() const noexcept { return is_linked; }
};

/// What a `DeadlineHeap` does, for a few items: the earliest is looked for among all of them, of which `Items` tells
/// how many: `std::uint16_t link_count()`.
template <class Items>
class DeadlineScan {
 public:
  static constexpr std::uint16_t kNone = 0xffff;
  explicit DeadlineScan(Items& items) noexcept : items_(&items) {}

  bool empty() const noexcept { return first() == kNone; }
  std::uint16_t first() const noexcept {
    std::uint16_t best = kNone;
    for (std::uint16_t i = 0; i < items_->link_count(); ++i) {
      const ScannedDeadline& it = items_->links(i);
      if (it.is_linked && (best == kNone || static_cast<std::int32_t>(it.at - items_->links(best).at) < 0)) {
        best = i;
      }
    }
    return best;
  }
  void insert(std::uint16_t item, std::uint32_t at) noexcept { items_->links(item) = {at, true}; }
  void remove(std::uint16_t item) noexcept { items_->links(item).is_linked = false; }

 private:
  Items* items_;
};

}  // namespace nal::embedded
