// Metrics of following a cluster. Ours alone, so under epp_.
#pragma once

#include "telemetry/metrics.h"

#include <cstddef>
#include <functional>
#include <string_view>

namespace epp::telemetry {

/// [any thread, concurrent]
class KubeMetrics {
 public:
  /// `registry` must outlive this. Throws std::logic_error if a name is taken with another shape.
  explicit KubeMetrics(Registry& registry);

  /// `resource`: "pods", "inferencepools", ...
  void watch_connected(std::string_view resource, bool connected) { connected_->set({resource}, connected ? 1 : 0); }
  void listed(std::string_view resource, std::size_t objects);
  /// `reason`: "expired" or "failed".
  void relisted(std::string_view resource, std::string_view reason) { relists_->inc({resource, reason}); }
  void invalid_object(std::string_view resource) { invalid_->inc({resource}); }
  /// A request that failed. `resource` also "leases" and "reviews".
  void request_failed(std::string_view resource) { failures_->inc({resource}); }
  void review() { reviews_->inc({}); }
  void leader_changed() { leader_changes_->inc({}); }
  /// epp_leader{name}, read at each scrape.
  [[nodiscard]] CallbackHandle leader(std::string_view pool, std::function<bool()> leads);
  /// epp_suspended_endpoints{name}, read at each scrape.
  [[nodiscard]] CallbackHandle suspended(std::string_view pool, std::function<std::size_t()> count);

 private:
  CallbackHandle gauge(const char* name, const char* help, std::string_view pool, std::function<double()> value);

  Registry& registry_;
  GaugeFamily* connected_;
  GaugeFamily* objects_;
  CounterFamily* lists_;
  CounterFamily* relists_;
  CounterFamily* invalid_;
  CounterFamily* failures_;
  CounterFamily* reviews_;
  CounterFamily* leader_changes_;
};

}  // namespace epp::telemetry
