#include "conformance/pending.h"

#include "support/wait.h"

#include <exception>

namespace epp::conformance {

using testing::Clock;

namespace {

// A stream's deadline is also a limit of the time in the queue, so it is beyond all that tests configure.
constexpr std::chrono::minutes kStreamLife{15};

}  // namespace

Pending::Pending(const Client& client, const Request& request, const Then& then)
    : exchange_(client.begin(request, kStreamLife)) {
  std::promise<Clock::time_point> promise;
  decided_ = promise.get_future().share();
  thread_ = std::async(std::launch::async, [this, then, promise = std::move(promise)]() mutable {
    try {
      exchange_.await_decision();
      promise.set_value(Clock::now());
    } catch (const std::exception&) {
      promise.set_exception(std::current_exception());
      return;
    }
    if (then) then(*this);
  });
}

Pending::~Pending() {
  if (!decided_within({})) cancel();
  thread_.wait();
}

bool Pending::decided_within(std::chrono::milliseconds time) const {
  return decided_.wait_for(time) == std::future_status::ready;
}

const Decision& Pending::decision() {
  if (!decided_within(testing::kPatience)) throw std::runtime_error("the request still waits");
  decided_.get();
  return exchange_.decision();
}

std::chrono::milliseconds Pending::waited() {
  decision();
  return std::chrono::duration_cast<std::chrono::milliseconds>(decided_.get() - sent_);
}

void Pending::finish() {
  if (decision().status != 200) return;
  exchange_.response_headers({{":status", "200"}, {"content-type", "application/json"}});
  exchange_.finish_response("{}");
  exchange_.finish();
}

void Pending::cancel() {
  exchange_.cancel();
}

}  // namespace epp::conformance
