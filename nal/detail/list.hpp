#pragma once
#include "nal/assert.hpp"

namespace nal::detail {

/// A link of a circular doubly linked list. Unlinks itself when destroyed; never copied or moved while linked.
template <class Tag>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool linked() const noexcept { return next_ != nullptr; }
  void unlink() noexcept {
    if (next_) {
      next_->prev_ = prev_;
      prev_->next_ = next_;
      next_ = prev_ = nullptr;
    }
  }

 private:
  template <class T, class>
  friend class List;
  ListNode* next_ = nullptr;
  ListNode* prev_ = nullptr;
};

/// Intrusive list of `T`s that derive from `ListNode<Tag>`: first in, first out; everything in constant time.
template <class T, class Tag>
class List {
  using Node = ListNode<Tag>;

 public:
  List() noexcept { head_.next_ = head_.prev_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    while (pop_front()) {}
    head_.next_ = nullptr;
  }

  bool empty() const noexcept { return head_.next_ == &head_; }
  T* front() noexcept { return empty() ? nullptr : &static_cast<T&>(*head_.next_); }
  /// The one behind `item`, or null at the end.
  T* after(T& item) noexcept {
    Node* next = static_cast<Node&>(item).next_;
    return next == &head_ ? nullptr : &static_cast<T&>(*next);
  }
  const T* front() const noexcept { return const_cast<List*>(this)->front(); }
  const T* after(const T& item) const noexcept { return const_cast<List*>(this)->after(const_cast<T&>(item)); }

  void push_back(T& item) noexcept {
    Node& node = item;
    NAL_ASSERT(!node.linked());
    node.prev_ = head_.prev_;
    node.next_ = &head_;
    head_.prev_->next_ = &node;
    head_.prev_ = &node;
  }
  T* pop_front() noexcept {
    T* item = front();
    if (item) { static_cast<Node&>(*item).unlink(); }
    return item;
  }
  /// The list must not be empty.
  void remove_front() noexcept {
    Node* first = head_.next_;
    head_.next_ = first->next_;
    first->next_->prev_ = &head_;
    first->next_ = nullptr;
  }

 private:
  Node head_;
};

}  // namespace nal::detail
