// Keeps up with one collection of the API server: pages of a list, then a watch from where the list ended, for as long
// as it lives.
//
//   end of a watch      taken up again at the last resourceVersion, at once
//   410 (or Expired)    a new list; what is no longer in it is told as removed by the Store
//   404                 the kind is not served (yet): told once, asked again about every `absent_retry`; what is known
//                       stays
//   any other failure   waits with exponential backoff and jitter; what is known stays. A watch that ends within 1 s
//                       without an event is a failure. After three watches that came to nothing: a new list.
//   unreadable events   (larger than `max_object_bytes`, no JSON) are reported and passed over. One may have been a
//                       deletion: there will be a new list, at once when the last one is not younger than 10 s, else
//                       when the watch ends.
//   silence             a watch that says nothing for `idle_timeout` is dead: it is dropped and taken up again. The
//                       server is asked to end each watch well before that, so a living one is never silent so long.
#pragma once

#include "kube/client.h"
#include "kube/objects.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace epp::kube {

// What a reflector feeds. Calls are serialised, on pool threads; they must not block.
class ObjectSink {
 public:
  virtual ~ObjectSink() = default;
  // A list from scratch: list_begin, item..., list_end, flush. A list that fails on its way is begun again. Nothing is
  // gone before list_end. Every object has a name.
  virtual void list_begin() = 0;
  virtual void item(const Json& object) = 0;
  virtual void list_end() = 0;
  // Of a watch.
  virtual void upsert(const Json& object) = 0;
  virtual void erase(const Json& object) = 0;  // the last state
  // No more is at hand right now: time to act on what came.
  virtual void flush() = 0;
};

// For logs and metrics. On pool threads.
class ReflectorObserver {
 public:
  virtual ~ReflectorObserver() = default;
  virtual void on_listed(std::string_view /*resource*/, std::size_t /*items*/) {}
  virtual void on_watch_connected(std::string_view /*resource*/) {}  // each time; the first after a failure matters
  // However it ended; what came of it is told next. Not when the reflector is stopped.
  virtual void on_watch_ended(std::string_view /*resource*/) {}
  virtual void on_failed(std::string_view /*resource*/, std::string_view /*text*/, std::chrono::milliseconds /*wait*/) {
  }
  virtual void on_relist(std::string_view /*resource*/, std::string_view /*why*/) {}
  virtual void on_absent(std::string_view /*resource*/) {}
  // An object that is no JSON, has no name, or fails its view.
  virtual void on_invalid(std::string_view /*resource*/, std::string_view /*object*/, const Invalid& /*why*/) {}
};

struct ReflectorOptions {
  std::string resource;        // for people: "pods"
  std::string path;            // of the collection
  std::string field_selector;  // as text, unescaped; may be empty
  std::string label_selector;
  std::chrono::milliseconds idle_timeout{60'000};
  std::chrono::milliseconds page_timeout{30'000};
  unsigned page_size = 500;
  // Backoff of a server that does not answer or is not well (5xx), and of one that refuses (4xx).
  std::chrono::milliseconds first_wait{200};
  std::chrono::milliseconds longest_wait{2'000};
  std::chrono::milliseconds longest_refused_wait{30'000};
  std::chrono::milliseconds absent_retry{10'000};
  std::size_t max_object_bytes = 4u << 20;  // a larger one is reported and skipped
};

class Reflector {
 public:
  // All outlive this; `observer` may be null.
  Reflector(Client& client, net::IoPool& pool, ReflectorOptions options, ObjectSink& sink,
            ReflectorObserver* observer = nullptr);
  ~Reflector();  // stop()
  Reflector(const Reflector&) = delete;
  Reflector& operator=(const Reflector&) = delete;

  void start();
  // No call of the sink runs or will run after the return, unless it came from inside one. Idempotent. [any-thread]
  void stop();

  // True after the first complete list. [any-thread]
  [[nodiscard]] bool synced() const;
  // A watch is connected right now. [any-thread]
  [[nodiscard]] bool watching() const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace epp::kube
