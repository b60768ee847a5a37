#include "nal/timer.hpp"

namespace nal {

// Two passes, without recursion: pair neighbours from the left, then meld the pairs from the right.
Timer* TimerQueue::meld_children(Timer* first) noexcept {
  Timer* pairs = nullptr;  // chained by next_, last pair first
  while (first) {
    Timer* a = first;
    Timer* b = a->next_;
    first = b ? b->next_ : nullptr;
    a->next_ = a->previous_ = nullptr;
    if (b) {
      b->next_ = b->previous_ = nullptr;
      a = meld(a, b);
    }
    a->next_ = pairs;
    pairs = a;
  }
  Timer* root = nullptr;
  while (pairs) {
    Timer* pair = pairs;
    pairs = pair->next_;
    pair->next_ = nullptr;
    root = root ? meld(root, pair) : pair;
  }
  return root;
}

void TimerQueue::remove(Timer& timer) noexcept {
  Timer* children = meld_children(timer.child_);
  if (&timer == root_) {
    root_ = children;
  } else {
    (timer.previous_->child_ == &timer ? timer.previous_->child_ : timer.previous_->next_) = timer.next_;
    if (timer.next_) { timer.next_->previous_ = timer.previous_; }
    if (children) { root_ = meld(root_, children); }
  }
  timer.queue_ = nullptr;
  timer.child_ = timer.next_ = timer.previous_ = nullptr;
}

}  // namespace nal
