// The threads that poll a server's completion queues. Internal to the room.
//
// An event is handled on the thread that took it, plugin calls included. A thread that such a call keeps for long
// leaves its queue to others: it is given a relief, one more thread on the same queue, until it is back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include <grpcpp/alarm.h>
#include <grpcpp/completion_queue.h>

namespace epp::extproc {

/// What stands behind a completion queue's void*.
class Event {
 public:
  virtual ~Event() = default;
  virtual void proceed(bool ok) = 0;
};

class Pollers {
 public:
  /// Reliefs at the same time. Beyond that, calls that hang take their queues with them.
  static constexpr std::size_t kMostReliefs = 128;

  Pollers() = default;
  ~Pollers() { join(); }
  Pollers(const Pollers&) = delete;
  Pollers& operator=(const Pollers&) = delete;

  /// One thread more that polls `queue`, which is shut down before join().
  void add(grpc::ServerCompletionQueue& queue);

  /// The thread of this kernel id is kept by a long call. True when it is one of these and has got a relief. Waits for
  /// threads that are about to end.
  bool relieve(std::int32_t thread_id);
  /// It is back. A thread of its queue leaves, if it had a relief.
  void dismiss(std::int32_t thread_id);
  std::size_t reliefs() const;

  /// No reliefs come or go from here on. [before the queues are shut down]
  void freeze();
  /// Waits for all threads.
  void join();

 private:
  struct Leave;
  struct Post {
    grpc::ServerCompletionQueue* queue = nullptr;
    bool relieved = false;
  };
  void run(grpc::ServerCompletionQueue& queue);
  void start(grpc::ServerCompletionQueue& queue);
  void send_away_relief(Post& post);
  void reap();

  mutable std::mutex mutex_;
  bool frozen_ = false;
  std::size_t reliefs_ = 0;
  std::unordered_map<std::int32_t, Post> posts_;  // by kernel id
  std::unordered_map<std::thread::id, std::thread> threads_;
  std::vector<std::thread::id> gone_;  // those that left, to be joined
};

}  // namespace epp::extproc
