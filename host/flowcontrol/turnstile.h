// One at a time, without waiting for one that takes long: who has the turn calls policies, and these can hang.
//
// Who finds the turn taken either leaves an errand, which is run before anything else in the next turn, or waits and
// may give up meanwhile. Errands are run in the order in which they were left.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

namespace epp::flowcontrol {

// Everything but take() and exit(): [any thread]
template <typename Errand>
class Turnstile {
 public:
  // Takes the turn if it is free; otherwise leaves the errand and returns false.
  bool enter_or_leave(Errand& errand) {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(taken_, true)) return true;
    errands_.push_back(std::move(errand));
    return false;
  }

  bool try_enter() {
    const std::lock_guard lock(mutex_);
    return !std::exchange(taken_, true);
  }

  // Waits for the turn; false when `give_up`, which is asked before and while it waits, says so.
  template <typename GiveUp>
  bool enter(GiveUp&& give_up) {
    std::unique_lock lock(mutex_);
    while (taken_) {
      if (give_up()) return false;
      ++waiters_;
      freed_.wait_for(lock, kAskAgain);
      --waiters_;
    }
    taken_ = true;
    return true;
  }

  // Fills `errands`, which is empty, with those left so far. [who has the turn]
  void take(std::vector<Errand>& errands) {
    const std::lock_guard lock(mutex_);
    errands_.swap(errands);
  }

  // Ends the turn. True when errands are left, which want another one. [who has the turn]
  bool exit() {
    bool wanted = false;
    bool left = false;
    {
      const std::lock_guard lock(mutex_);
      taken_ = false;
      wanted = waiters_ != 0;
      left = !errands_.empty();
    }
    if (wanted) freed_.notify_one();
    return left;
  }

 private:
  static constexpr std::chrono::milliseconds kAskAgain{5};

  std::mutex mutex_;  // guards the rest
  std::condition_variable freed_;
  std::vector<Errand> errands_;
  unsigned waiters_ = 0;
  bool taken_ = false;
};

}  // namespace epp::flowcontrol
