// A request that may have to wait in the queue.
#pragma once

#include "conformance/exchange.h"

#include <chrono>
#include <functional>
#include <future>

namespace epp::conformance {

// Sent at once; a thread of its own waits for the answer. Not movable.
class Pending {
 public:
  // `then` runs on that thread once the request has been let through or refused.
  using Then = std::function<void(Pending&)>;

  Pending(const Client& client, const Request& request, const Then& then = {});
  ~Pending();  // The client goes away if the answer is still to come.

  bool decided_within(std::chrono::milliseconds time) const;
  // Waits for the answer. Throws std::runtime_error if none comes.
  const Decision& decision();
  // From sending to the answer; waits for it.
  std::chrono::milliseconds waited();

  // A 200 comes back and ends: the place is free.
  void finish();
  void cancel();
  Exchange& exchange() { return exchange_; }

 private:
  Exchange exchange_;
  const std::chrono::steady_clock::time_point sent_ = std::chrono::steady_clock::now();
  std::shared_future<std::chrono::steady_clock::time_point> decided_;
  std::future<void> thread_;
};

}  // namespace epp::conformance
