// The thread on which plugins are loaded, made and destroyed: the [main] of their ABI. A reload builds the next
// generation on it, so that neither requests nor scraping wait for that.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <utility>

namespace epp::app {

class PluginThread {
 public:
  // Must not throw.
  using Work = std::function<void()>;

  PluginThread();
  ~PluginThread();  // stop()
  PluginThread(const PluginThread&) = delete;
  PluginThread& operator=(const PluginThread&) = delete;

  // In order of posting. After stop() on the caller's thread, at once. [any thread]
  void post(Work work);
  // Posts and waits. [any thread but this one]
  void run(const Work& work);
  // Does what was posted and what that posts, then ends the thread. Idempotent. [any thread but this one]
  void stop();

  // Whoever drops the last reference, the object is destroyed on this thread. May outlive it.
  template <typename T>
  std::shared_ptr<T> own(std::unique_ptr<T> object) {
    return std::shared_ptr<T>(object.release(), [state = state_](T* last) { post(state, [last] { delete last; }); });
  }

 private:
  struct State;
  static void post(const std::shared_ptr<State>& state, Work work);
  static void work_off(State& state);

  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace epp::app
