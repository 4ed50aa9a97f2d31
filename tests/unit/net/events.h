// Waiting for what other threads do, with a deadline.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace epp::testing {

inline constexpr std::chrono::seconds kPatience{20};

// A queue that tests read with a deadline.
template <class Event>
class Events {
 public:
  void push(Event event) {
    std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    arrived_.notify_all();
  }

  std::optional<Event> next(std::chrono::milliseconds patience = kPatience) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, patience, [&] { return !events_.empty(); })) return std::nullopt;
    Event event = std::move(events_.front());
    events_.pop_front();
    return event;
  }

  std::size_t size() const {
    std::lock_guard lock(mutex_);
    return events_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Event> events_;
};

// Looks again and again until `condition` holds; false when it never does.
template <class Condition>
bool eventually(Condition condition, std::chrono::milliseconds patience = kPatience) {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    never.wait_for(lock, std::chrono::milliseconds(2));
  }
  return true;
}

}  // namespace epp::testing
