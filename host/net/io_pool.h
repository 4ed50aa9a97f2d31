// The threads on which all of the host's asynchronous I/O runs.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace epp::net {

// N threads over one event loop. Everything in net/ takes an IoPool and runs its callbacks on these threads, so a
// callback must not block: it delays whatever shares its thread.
//
// Lifetime: the pool outlives every object made with it, except that such objects may be destroyed after stop().
class IoPool {
 public:
  // Receives the text of an exception that escaped a callback; the pool survives it.
  using FaultHandler = std::function<void(std::string_view what)>;

  // `threads` below 1 counts as 1. `name` is the threads' name (at most 12 bytes are kept).
  explicit IoPool(unsigned threads, std::string_view name = "io", FaultHandler on_fault = nullptr);
  ~IoPool();  // stop()
  IoPool(const IoPool&) = delete;
  IoPool& operator=(const IoPool&) = delete;

  // [any-thread] Runs `work` on a pool thread. Dropped once the pool is stopped.
  void post(std::function<void()> work);

  // [any thread but the pool's own] Waits up to `grace` for outstanding work to run out, then ends the loop and joins
  // the threads. Callbacks still outstanding then never run. Idempotent.
  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds(0));

  [[nodiscard]] unsigned threads() const;
  // [any-thread] True on one of this pool's threads.
  [[nodiscard]] bool on_pool_thread() const;

  struct Impl;
  [[nodiscard]] Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace epp::net
