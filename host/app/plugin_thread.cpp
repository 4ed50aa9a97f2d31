#include "app/plugin_thread.h"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>

#include <pthread.h>

namespace epp::app {

struct PluginThread::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Work> waiting;
  bool stopping = false;
  bool over = false;
};

PluginThread::PluginThread() : state_(std::make_shared<State>()), thread_([state = state_] { work_off(*state); }) {
  ::pthread_setname_np(thread_.native_handle(), "plugins");
}

PluginThread::~PluginThread() {
  stop();
}

void PluginThread::post(Work work) {
  post(state_, std::move(work));
}

void PluginThread::post(const std::shared_ptr<State>& state, Work work) {
  {
    const std::lock_guard lock(state->mutex);
    if (!state->over) {
      state->waiting.push_back(std::move(work));
      state->changed.notify_one();
      return;
    }
  }
  work();
}

void PluginThread::run(const Work& work) {
  std::promise<void> done;
  post([&] {
    work();
    done.set_value();
  });
  done.get_future().wait();
}

void PluginThread::stop() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void PluginThread::work_off(State& state) {
  std::unique_lock lock(state.mutex);
  for (;;) {
    state.changed.wait(lock, [&] { return state.stopping || !state.waiting.empty(); });
    if (state.waiting.empty()) break;
    Work work = std::move(state.waiting.front());
    state.waiting.pop_front();
    lock.unlock();
    work();
    work = nullptr;  // what it holds may post
    lock.lock();
  }
  state.over = true;
}

}  // namespace epp::app
