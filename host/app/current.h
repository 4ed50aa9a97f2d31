// The object that counts now, while others may still hold the ones before it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

namespace epp::app {

// get() is what every request begins with: it reads one counter that changes with set() only, and takes one reference.
// Each thread remembers what it saw last, weakly, so that an idle thread keeps nothing alive; the lock is taken once a
// thread after each set(). (std::atomic<std::shared_ptr> of this library locks a bit of the pointer in every load.)
template <typename T>
class Current {
 public:
  Current() : id_(next_id().fetch_add(1, std::memory_order_relaxed)) {}
  Current(const Current&) = delete;
  Current& operator=(const Current&) = delete;

  // [any thread] The one before is released when the lock is free again.
  void set(std::shared_ptr<T> value) {
    {
      const std::lock_guard lock(mutex_);
      value_.swap(value);
      version_.fetch_add(1, std::memory_order_release);
    }
    value.reset();
  }

  // [any thread] Null before the first set().
  std::shared_ptr<T> get() const {
    thread_local Seen seen;
    if (seen.id == id_ && seen.version == version_.load(std::memory_order_acquire)) {
      if (std::shared_ptr<T> value = seen.value.lock()) return value;
    }
    const std::lock_guard lock(mutex_);
    seen = {id_, version_.load(std::memory_order_relaxed), value_};
    return value_;
  }

 private:
  struct Seen {
    std::uint64_t id = 0;
    std::uint64_t version = 0;
    std::weak_ptr<T> value;
  };
  static std::atomic<std::uint64_t>& next_id() {
    static std::atomic<std::uint64_t> next{1};
    return next;
  }

  const std::uint64_t id_;  // tells this object from others in what threads remember
  std::atomic<std::uint64_t> version_{0};
  mutable std::mutex mutex_;
  std::shared_ptr<T> value_;
};

}  // namespace epp::app
