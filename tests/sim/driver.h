#pragma once

#include "sim/engine.h"

#include <functional>
#include <unordered_map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace epp::sim {

// Runs an Engine on the steady clock and tells each sequence's owner what happens to it. Everything runs on the thread
// of the io_context.
class EngineDriver {
 public:
  // Must not call back into the driver.
  using Listener = std::function<void(const Event&)>;

  EngineDriver(boost::asio::io_context& io, const EngineOptions& options);

  // Gives the sequence an id and queues it; the listener hears of it until it has finished or is aborted.
  std::pair<SubmitResult, SequenceId> submit(Sequence sequence, Listener listener);
  void abort(SequenceId id);
  void set_slowness(double factor) { engine_.set_slowness(factor); }

  // The engine as of now.
  const Engine& engine();

 private:
  Time now() const;
  void run();
  void arm();

  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  Engine engine_;
  SequenceId last_id_ = 0;
  std::unordered_map<SequenceId, Listener> listeners_;
};

}  // namespace epp::sim
