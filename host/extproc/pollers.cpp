#include "extproc/pollers.h"

#include <chrono>
#include <utility>

#include <unistd.h>

namespace epp::extproc {

namespace {

thread_local constinit bool t_leaving = false;

}  // namespace

/// Makes the thread that takes it leave. Owns itself.
struct Pollers::Leave final : Event {
  void proceed(bool /*ok*/) override {
    t_leaving = true;
    delete this;
  }
  grpc::Alarm alarm;
};

void Pollers::add(grpc::ServerCompletionQueue& queue) {
  const std::lock_guard lock(mutex_);
  start(queue);
}

void Pollers::start(grpc::ServerCompletionQueue& queue) {
  std::thread thread([this, &queue] { run(queue); });
  const std::thread::id id = thread.get_id();
  threads_.emplace(id, std::move(thread));
}

void Pollers::run(grpc::ServerCompletionQueue& queue) {
  const std::int32_t me = ::gettid();
  {
    const std::lock_guard lock(mutex_);
    posts_[me] = {&queue, false};
  }
  void* tag = nullptr;
  bool ok = false;
  while (!t_leaving && queue.Next(&tag, &ok))
    static_cast<Event*>(tag)->proceed(ok);
  const std::lock_guard lock(mutex_);
  // It was back, and took what was meant for another before it was said to be.
  if (const auto post = posts_.extract(me); post.mapped().relieved) send_away_relief(post.mapped());
  gone_.push_back(std::this_thread::get_id());
}

bool Pollers::relieve(std::int32_t thread_id) {
  const std::lock_guard lock(mutex_);
  const auto post = posts_.find(thread_id);
  if (frozen_ || post == posts_.end() || post->second.relieved || reliefs_ == kMostReliefs) return false;
  reap();
  post->second.relieved = true;
  ++reliefs_;
  start(*post->second.queue);
  return true;
}

void Pollers::dismiss(std::int32_t thread_id) {
  const std::lock_guard lock(mutex_);
  const auto post = posts_.find(thread_id);
  if (post != posts_.end() && post->second.relieved) send_away_relief(post->second);
}

// Whichever thread of the queue takes it. Under the mutex.
void Pollers::send_away_relief(Post& post) {
  post.relieved = false;
  --reliefs_;
  if (frozen_) return;
  auto* const leave = new Leave;
  leave->alarm.Set(post.queue, std::chrono::system_clock::now(), static_cast<Event*>(leave));
}

std::size_t Pollers::reliefs() const {
  const std::lock_guard lock(mutex_);
  return reliefs_;
}

void Pollers::freeze() {
  const std::lock_guard lock(mutex_);
  frozen_ = true;
}

// Joins the threads that left, which have nothing left to do but to end. Under the mutex.
void Pollers::reap() {
  for (const std::thread::id id : gone_) {
    const auto thread = threads_.find(id);
    if (thread == threads_.end()) continue;
    thread->second.join();
    threads_.erase(thread);
  }
  gone_.clear();
}

void Pollers::join() {
  std::unordered_map<std::thread::id, std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    frozen_ = true;
    threads.swap(threads_);
  }
  for (auto& [id, thread] : threads)
    thread.join();
}

}  // namespace epp::extproc
