#include "net/timer.h"

#include "net/asio.h"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <utility>

#include <boost/asio/steady_timer.hpp>

namespace epp::net {

using Clock = std::chrono::steady_clock;

struct Timer::State : std::enable_shared_from_this<State> {
  explicit State(IoPool& pool) : timer(pool.impl().context) {}

  void start(std::chrono::nanoseconds first, std::chrono::nanoseconds period, Callback fn) {
    std::lock_guard lock(mutex);
    ++generation;
    callback = std::make_shared<Callback>(std::move(fn));
    interval = period;
    due = Clock::now() + std::max(first, std::chrono::nanoseconds(0));
    arm();
  }

  // Under the mutex.
  void arm() {
    timer.expires_at(due);
    timer.async_wait([self = shared_from_this(), mine = generation](ErrorCode) { self->fire(mine); });
  }

  // A wait that was replaced or cancelled is told by its generation; its error code can come too late to tell.
  void fire(std::uint64_t mine) {
    std::shared_ptr<Callback> run;
    {
      std::unique_lock lock(mutex);
      // A schedule replaced from another thread must not overlap the old callback.
      idle.wait(lock, [&] { return running == std::thread::id() || mine != generation; });
      if (mine != generation) return;
      running = std::this_thread::get_id();
      run = callback;
    }
    struct Finish {
      State& state;
      std::uint64_t mine;
      ~Finish() { state.finished(mine); }
    } finish{*this, mine};
    (*run)();
  }

  void finished(std::uint64_t mine) {
    std::lock_guard lock(mutex);
    running = {};
    idle.notify_all();
    if (mine != generation) return;
    if (interval.count() == 0) {
      callback.reset();
      return;
    }
    due += interval;
    if (const auto now = Clock::now(); due <= now) due += ((now - due) / interval + 1) * interval;
    arm();
  }

  void cancel() {
    std::unique_lock lock(mutex);
    ++generation;
    callback.reset();
    timer.cancel();
    idle.notify_all();
    if (running != std::this_thread::get_id()) idle.wait(lock, [&] { return running == std::thread::id(); });
  }

  std::mutex mutex;
  std::condition_variable idle;
  asio::steady_timer timer;
  std::shared_ptr<Callback> callback;
  std::chrono::nanoseconds interval{0};
  Clock::time_point due;
  std::uint64_t generation = 0;
  std::thread::id running;
};

Timer::Timer(IoPool& pool) : state_(std::make_shared<State>(pool)) {}

Timer::~Timer() {
  state_->cancel();
}

void Timer::once(std::chrono::nanoseconds delay, Callback callback) {
  state_->start(delay, std::chrono::nanoseconds(0), std::move(callback));
}

void Timer::every(std::chrono::nanoseconds period, Callback callback, std::chrono::nanoseconds first) {
  state_->start(first, std::max(period, std::chrono::nanoseconds(1000)), std::move(callback));
}

void Timer::cancel() {
  state_->cancel();
}

}  // namespace epp::net
