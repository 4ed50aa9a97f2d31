// utilization-detector: how full the endpoints are by their own metrics. As a saturation detector it holds requests
// back while the pool is full; listed in a scheduling profile it drops the full endpoints.
#include "../../common/go_duration.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <atomic>
#include <string>

namespace {

class UtilizationDetector {
 public:
  explicit UtilizationDetector(epp::sdk::Context& context)
      : host_(context.host()),
        waiting_(context.require_f64(EPP_KEY_WAITING_QUEUE_SIZE)),
        kv_usage_(context.require_f64(EPP_KEY_KV_CACHE_USAGE)),
        updated_(context.optional_i64(EPP_KEY_UPDATE_TIME)),
        stale_(host_
                   .gauge("llm_d_epp_flow_control_stale_endpoints",
                          "[ALPHA] Endpoints whose metrics are missing or too old.", {"detector"})
                   .series({context.name()})) {
    read_parameters(context);
  }

  // Mean over the endpoints of max(waiting / threshold, KV usage / threshold); 1 for one without fresh metrics.
  // Requests that no reading shows yet wait, too; those without an endpoint are spread evenly.
  double saturation(const epp::sdk::Candidates& candidates, const epp::sdk::Reservations& reservations,
                    uint64_t& again_ns) const {
    const Metrics metrics(*this, candidates);
    const double undecided = static_cast<double>(reservations.undecided()) / std::max(candidates.size(), 1u);
    uint32_t stale = 0;
    double sum = 0;
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      if (!metrics.fresh(i)) {
        sum += 1;
        ++stale;
        continue;
      }
      const double reserved = undecided + reservations.unseen(candidates.slot(i));
      sum += std::max((metrics.waiting(i, unknown_waiting_) + reserved) / queue_threshold_,
                      metrics.kv_usage(i, unknown_usage_) / kv_threshold_);
      const uint64_t stale_in = metrics.stale_in_ns(i);
      if (again_ns == 0 || stale_in < again_ns) again_ns = stale_in;
    }
    stale_.set(stale);
    if (stale != 0) log_stale(stale, candidates.size());
    return candidates.empty() ? 1.0 : sum / candidates.size();
  }

  uint64_t believed_age_ns() const { return static_cast<uint64_t>(staleness_ns_); }

  // Keeps fresh endpoints below both limits; all of them when there is none.
  void filter(const epp::sdk::Request&, const epp::sdk::Candidates& candidates, epp::sdk::Kept& kept) const {
    const Metrics metrics(*this, candidates);
    const double room = 1 + headroom_;
    kept.keep_if(candidates, [&](uint32_t i) {
      return metrics.fresh(i) && metrics.waiting(i, 0) < queue_threshold_ * room &&
             metrics.kv_usage(i, 0) < kv_threshold_ * room;
    });
    if (kept.count() == 0) kept.keep_all(candidates);
  }

 private:
  // The metrics of one call.
  class Metrics {
   public:
    Metrics(const UtilizationDetector& detector, const epp::sdk::Candidates& candidates)
        : waiting_(detector.waiting_.of(detector.host_, candidates)),
          kv_usage_(detector.kv_usage_.of(detector.host_, candidates)),
          updated_(detector.updated_.of(detector.host_, candidates)),
          oldest_fresh_(static_cast<int64_t>(detector.host_.now_ns()) - detector.staleness_ns_) {}
    bool fresh(uint32_t i) const {
      const int64_t updated = updated_[i];
      return updated != EPP_I64_MISSING && updated >= oldest_fresh_;
    }
    double waiting(uint32_t i, double unknown) const { return finite(waiting_.or_else(i, unknown)); }
    double kv_usage(uint32_t i, double unknown) const { return finite(kv_usage_.or_else(i, unknown)); }
    // How long a fresh reading stays so.
    uint64_t stale_in_ns(uint32_t i) const { return static_cast<uint64_t>(updated_[i] - oldest_fresh_) + 1; }

   private:
    // Infinite readings of two endpoints would make a sum that is no number.
    static double finite(double reading) { return std::clamp(reading, -1e200, 1e200); }

    epp::sdk::F64View waiting_;
    epp::sdk::F64View kv_usage_;
    epp::sdk::I64View updated_;
    int64_t oldest_fresh_;
  };

  void read_parameters(epp::sdk::Context& context) {
    const auto& parameters = context.parameters();
    const int64_t queue = parameters.integer("/queueDepthThreshold", 5);
    queue_threshold_ = static_cast<double>(queue);
    kv_threshold_ = parameters.number("/kvCacheUtilThreshold", 0.8);
    headroom_ = parameters.number("/headroom", 0);
    const std::string staleness = parameters.text("/metricsStalenessThreshold", "200ms");
    staleness_ns_ = epp::builtin::parse_go_duration(staleness).value_or(0);

    std::string wrong;
    const auto check = [&wrong](bool ok, const std::string& complaint) {
      if (ok) return;
      if (!wrong.empty()) wrong += "; ";
      wrong += complaint;
    };
    check(queue > 0, "queueDepthThreshold must be > 0, got " + std::to_string(queue));
    check(kv_threshold_ > 0 && kv_threshold_ <= 1, "kvCacheUtilThreshold must be in (0, 1]");
    check(staleness_ns_ > 0, "metricsStalenessThreshold must be a duration > 0, got \"" + staleness + '"');
    check(headroom_ >= 0, "headroom must be >= 0");
    if (!wrong.empty()) {
      throw epp::sdk::Error("invalid utilization detector configuration: " + wrong, EPP_ERR_BAD_REQUEST);
    }
    if (parameters.boolean("/missingCountsAsFull", false)) {
      unknown_waiting_ = queue_threshold_;
      unknown_usage_ = kv_threshold_;
    }
    if (headroom_ > 1) {
      host_.log(EPP_LEVEL_INFO, "utilization detector: headroom above 1 more than doubles the limits",
                {epp::sdk::field("headroom", headroom_)});
    }
  }

  // At most one line in half a minute.
  void log_stale(uint32_t stale, uint32_t all) const {
    constexpr uint64_t kPeriodNs = 30'000'000'000;
    const uint64_t now = host_.now_ns();
    uint64_t next = next_log_ns_.load(std::memory_order_relaxed);
    if (now < next || !next_log_ns_.compare_exchange_strong(next, now + kPeriodNs)) return;
    host_.log(
        EPP_LEVEL_INFO, "endpoints without fresh metrics count as saturated",
        {epp::sdk::field("stale", static_cast<double>(stale)), epp::sdk::field("endpoints", static_cast<double>(all))});
  }

  epp::sdk::Host host_;
  epp::sdk::F64Column waiting_;
  epp::sdk::F64Column kv_usage_;
  epp::sdk::I64Column updated_;
  epp::sdk::Series stale_;
  double queue_threshold_ = 0;
  double kv_threshold_ = 0;
  double headroom_ = 0;
  // What a figure counts as that a fresh reading lacks, or gives as NaN.
  double unknown_waiting_ = 0;
  double unknown_usage_ = 0;
  int64_t staleness_ns_ = 0;
  mutable std::atomic<uint64_t> next_log_ns_{0};
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<UtilizationDetector>({
    .name = "utilization-detector",
    .description = "Tells saturation from waiting requests and KV cache usage; as a filter drops full endpoints",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "queueDepthThreshold": {
          "type": "integer", "default": 5,
          "description": "Waiting requests at which an endpoint is full; > 0."
        },
        "kvCacheUtilThreshold": {
          "type": "number", "default": 0.8,
          "description": "Share of used KV cache at which an endpoint is full; in (0, 1]."
        },
        "metricsStalenessThreshold": {
          "type": "string", "default": "200ms",
          "description": "Older metrics count as full; a duration > 0."
        },
        "headroom": {
          "type": "number", "default": 0,
          "description": "The filter's limits are the thresholds times 1 + headroom; >= 0."
        },
        "missingCountsAsFull": {
          "type": "boolean", "default": false,
          "description": "A figure that fresh metrics lack, or give as NaN, makes the endpoint full; else it is 0."
        }
      }
    })json",
}))
