#include "sim/driver.h"

#include <utility>

namespace epp::sim {

EngineDriver::EngineDriver(boost::asio::io_context& io, const EngineOptions& options) : timer_(io), engine_(options) {}

std::pair<SubmitResult, SequenceId> EngineDriver::submit(Sequence sequence, Listener listener) {
  const SequenceId id = ++last_id_;
  sequence.id = id;
  const SubmitResult result = engine_.submit(std::move(sequence), now());
  if (result == SubmitResult::kQueued) listeners_.emplace(id, std::move(listener));
  arm();
  return {result, id};
}

void EngineDriver::abort(SequenceId id) {
  listeners_.erase(id);
  engine_.abort(id, now());
  arm();
}

const Engine& EngineDriver::engine() {
  run();
  return engine_;
}

Time EngineDriver::now() const {
  return std::chrono::steady_clock::now() - start_;
}

void EngineDriver::run() {
  for (const Event& event : engine_.advance(now())) {
    const auto listener = listeners_.find(event.id);
    if (listener == listeners_.end()) continue;
    listener->second(event);
    if (event.kind == EventKind::kFinished) listeners_.erase(listener);
  }
  arm();
}

void EngineDriver::arm() {
  const auto next = engine_.next_event();
  if (!next) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(start_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(*next));
  timer_.async_wait([this](boost::system::error_code error) {
    if (!error) run();
  });
}

}  // namespace epp::sim
