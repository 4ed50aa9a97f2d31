// The last scheduling decisions, for GET /debug/decisions: who was considered, how each scorer rated them, who won.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace epp::telemetry {

struct DecisionCandidate {
  std::string endpoint{};
  double total = 0;
  std::vector<std::pair<std::string, double>> scores{};  ///< scorer instance name, its unweighted score
};

struct Decision {
  std::string request_id{};
  std::chrono::system_clock::time_point time{};
  std::string profile{};
  std::string target{};  ///< comma-joined when several; empty when none was found
  std::vector<DecisionCandidate> candidates{};
};

/// A bounded ring. Nobody pays for it unless somebody looks: with kOnDemand, rendering (re)starts recording for
/// `linger`, so the first look shows an old or empty list and the next a fresh one. Thread-safe.
class DecisionLog {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Mode : std::uint8_t { kOff, kOnDemand, kAlways };
  struct Options {
    Mode mode = Mode::kOnDemand;
    std::size_t capacity = 256;
    std::size_t max_candidates = 64;  ///< kept per decision: the best by total
    Clock::duration linger = std::chrono::minutes(5);
  };

  DecisionLog() : DecisionLog(Options{}) {}
  explicit DecisionLog(Options options);

  /// One relaxed load: ask before building a Decision.
  bool recording(Clock::time_point now) const noexcept {
    return now.time_since_epoch().count() < record_until_.load(std::memory_order_relaxed);
  }
  void add(Decision decision);

  /// {"decisions":[{"request_id","time","profile","target","candidates":[{"endpoint","total","scores":{name:score}}]}]},
  /// newest first, candidates by falling total, time as RFC 3339 in UTC with nanoseconds.
  std::string render(Clock::time_point now);

 private:
  const Options options_;
  std::atomic<Clock::rep> record_until_;
  std::mutex mutex_;
  std::vector<Decision> ring_;
  std::size_t next_ = 0;  // where the next decision goes once the ring is full
};

}  // namespace epp::telemetry
