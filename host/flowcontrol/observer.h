// What flow control tells: to metrics and logs. Called in the dispatcher's turn; must be quick and must not call
// back.
#pragma once

#include "flowcontrol/outcome.h"

#include <cstdint>
#include <string_view>

struct epp_request;

namespace epp::flowcontrol {

// A request as metrics label it: by the priority that it asked for.
struct Subject {
  std::string_view fairness_id;
  std::int32_t priority = 0;
  bool fell_back = false;  // queued at priority 0 because its own has no band
  std::uint64_t bytes = 0;
  const epp_request* request = nullptr;  // models
};

class Observer {
 public:
  virtual ~Observer() = default;
  // The request asked; ended() follows exactly once.
  virtual void asked(const Subject& subject) = 0;
  // It was put in the queue, or refused there and then (`verdict`).
  virtual void enqueued(const Subject& subject, const Verdict& verdict, Nanos took) = 0;
  virtual void ended(const Subject& subject, const Verdict& verdict, Nanos waited) = 0;
  virtual void cycle(Nanos took) = 0;
  virtual void band_added(std::int32_t priority) = 0;
  virtual void band_removed(std::int32_t priority) = 0;
  // The flow was forgotten: so may be its series.
  virtual void flow_removed(std::string_view fairness_id, std::int32_t priority) = 0;
};

}  // namespace epp::flowcontrol
