// One-shot and periodic timers on an IoPool.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace epp::net {

class IoPool;

// At most one schedule at a time: starting again replaces it. All members are [any-thread].
//
// Once cancel() or the destructor returns, the callback neither runs nor will run, unless the call came from inside the
// callback itself.
class Timer {
 public:
  using Callback = std::function<void()>;

  explicit Timer(IoPool& pool);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Runs `callback` once, `delay` from now.
  void once(std::chrono::nanoseconds delay, Callback callback);

  // Runs `callback` at now + first, then every `period` on a fixed grid: a late callback does not shift later ones, and
  // ticks missed meanwhile are dropped, not queued. Callbacks never overlap. `period` is at least 1 us.
  void every(std::chrono::nanoseconds period, Callback callback, std::chrono::nanoseconds first);
  void every(std::chrono::nanoseconds period, Callback callback) { every(period, std::move(callback), period); }

  void cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace epp::net
