// What a request holds while flow control knows it.
#pragma once

#include <cstdint>

namespace epp::flowcontrol {

// Its place in the queue, then, once dispatched, its share of the pool's capacity. Destroying it gives that back, wakes
// whoever can use it, and withdraws a request that waits: `done` then runs only if it was on its way already.
// [any thread]
class Ticket {
 public:
  virtual ~Ticket() = default;
  // Pre-request hooks ran: live counters show the dispatched request at this endpoint.
  virtual void scheduled(std::uint32_t /*slot*/, std::uint64_t /*uid*/) {}
  // It used so many tokens, by the model server's account; the first time counts.
  virtual void settle(std::int64_t /*tokens*/) {}
};

}  // namespace epp::flowcontrol
