// The metrics of flow control: the queue, its gate, and the reclaiming of running requests. Names, labels, buckets and
// deprecated twins are those of llm-d-router.
//
// Series of a fairness id live as long as the id has a request or a flow; so does its place among the names that are
// shown. Upstream gives out each place once, so that after 1000 ids every further one is "other" until a restart.
#pragma once

#include "telemetry/label_limiter.h"
#include "telemetry/metrics.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace epp::telemetry {

/// The queue as gauges show it, read at scrape time.
struct FlowGauges {
  struct Use {
    std::uint64_t requests = 0, bytes = 0, max_requests = 0, max_bytes = 0;  ///< limits: 0 is none
  };
  struct Band {
    std::int32_t priority = 0;
    Use use;
  };
  double saturation = 0;  ///< effective
  std::optional<double> prefill, decode;
  Use total;
  std::vector<Band> bands;
};

class FlowMetrics {
 public:
  using Duration = std::chrono::nanoseconds;

  struct Options {
    std::string pool;                     ///< label inference_pool
    std::size_t max_fairness_ids = 1000;  ///< shown at once by name
  };

  /// A request as metrics label it.
  struct Request {
    std::string_view fairness_id;
    std::int32_t priority = 0;  ///< that it asked for
    std::int32_t band = 0;      ///< where it queues
    std::uint64_t bytes = 0;
    std::string_view model, target_model;
  };

  /// What outlives this. Throws std::logic_error if a name is taken with another shape.
  FlowMetrics(Registry& registry, LabelLimiter& models, Options options);

  // ---- the queue: one call at a time. Outcomes are static strings ("Dispatched", ...) ----
  void asked(const Request& request);
  void enqueued(const Request& request, std::string_view outcome, Duration took);
  /// Exactly once for each asked().
  void ended(const Request& request, std::string_view outcome, Duration waited);
  void cycle(Duration took) { cycle_.observe(std::chrono::duration<double>(took).count()); }
  /// No request of this id is in this band any more. True when its series are gone and its name is free.
  bool flow_removed(std::string_view fairness_id, std::int32_t band);

  // ---- the gate: computed at each scrape ----
  [[nodiscard]] std::vector<CallbackHandle> gauges(Registry& registry, std::function<FlowGauges()> read);

  // ---- reclaiming: one call at a time; reclaim_sized also from inside a callback of gauges() ----
  void revocation_issued(std::int32_t demand_priority);
  void revocation_confirmed(Duration took);
  void revocation_timed_out();
  void reclaim_sized(double target, double pending);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  // The series of one fairness id, priority and model, found once.
  struct SeriesSet {
    std::int32_t priority = 0;
    std::int32_t band = 0;
    std::string model, target_model;
    LabelValues where;  // of size and bytes
    Gauge size, bytes;
    std::vector<std::pair<std::string_view, Histogram>> waits, enqueues;  // by outcome
  };
  struct Client {
    bool named = false;
    std::uint32_t waiting = 0;
    std::vector<std::int32_t> bands;
    std::unordered_map<std::string, SeriesSet, Hash, std::equal_to<>> series;  // by series_key_
  };
  using Clients = std::unordered_map<std::string, Client, Hash, std::equal_to<>>;

  Clients::iterator client(std::string_view fairness_id);
  /// The label of a client: its id or "other"; its series.
  SeriesSet& series(Clients::iterator at, const Request& request);
  LabelValues wait_labels(std::string_view id, const SeriesSet& set, std::string_view outcome) const;
  LabelValues enqueue_labels(std::string_view id, const SeriesSet& set, std::string_view outcome) const;
  bool forget_if_gone(Clients::iterator at);

  LabelLimiter& models_;
  const Options options_;
  Clients clients_;
  std::size_t named_ = 0;
  Client others_;           // series of all that are not named
  std::string series_key_;  // scratch: priority, band, models

  HistogramFamily* queue_duration_;
  HistogramFamily* enqueue_duration_;
  Histogram cycle_;
  GaugeFamily* queue_size_;
  GaugeFamily* queue_bytes_;
  CounterFamily* requests_total_;
  CounterFamily* revocations_issued_;
  CounterFamily* revocations_;
  GaugeFamily* reclaim_targets_;
  GaugeFamily* pending_reclaims_;
  Gauge reclaim_target_, pending_reclaim_;  // from the first decision on
  bool sized_ = false;
  HistogramFamily* confirmation_;
};

}  // namespace epp::telemetry
