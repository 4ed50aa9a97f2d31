// probabilistic-admitter: rejects sheddable requests (priority below 0) more often the fuller the endpoints are.
#include "../../common/random.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>

namespace {

class ProbabilisticAdmitter {
 public:
  explicit ProbabilisticAdmitter(epp::sdk::Context& context)
      : waiting_(context.require_f64(EPP_KEY_WAITING_QUEUE_SIZE)),
        kv_usage_(context.require_f64(EPP_KEY_KV_CACHE_USAGE)),
        queue_threshold_(positive(context, "queueDepthThreshold", 5)),
        kv_threshold_(positive(context, "kvCacheUtilThreshold", 0.8)),
        power_(positive(context, "power", 5)),
        k_(positive(context, "k", 300)),
        unknown_(context.parameters().boolean("/missingCountsAsFull", false) ? 1 : 0) {}

  void admit(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates) const {
    if (request.priority() >= 0 || candidates.empty()) return;
    const double full = saturation(request, candidates);
    const double rejected = std::min(std::pow(full, power_) * k_, 1.0);
    if (epp::builtin::Random::local().unit() >= rejected) return;
    std::array<char, 128> text{};
    std::snprintf(text.data(), text.size(), "probabilistic-admitter: rejected, saturation=%.3f prob=%.2f", full,
                  rejected);
    throw epp::sdk::Error(text.data(), EPP_ERR_RESOURCE_EXHAUSTED);
  }

 private:
  static double positive(epp::sdk::Context& context, const std::string& name, double otherwise) {
    const double value = context.parameters().number('/' + name, otherwise);
    if (!(value > 0)) throw epp::sdk::Error(name + " must be > 0", EPP_ERR_BAD_REQUEST);
    return value;
  }

  // Mean of max(waiting / threshold, KV usage / threshold); 1 for an endpoint without metrics.
  double saturation(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates) const {
    const auto waiting = waiting_.of(request, candidates);
    const auto kv_usage = kv_usage_.of(request, candidates);
    double sum = 0;
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      const double unknown = waiting.has(i) || kv_usage.has(i) ? unknown_ : 1;
      sum += std::max(waiting.or_else(i, unknown * queue_threshold_) / queue_threshold_,
                      kv_usage.or_else(i, unknown * kv_threshold_) / kv_threshold_);
    }
    return sum / candidates.size();
  }

  epp::sdk::F64Column waiting_;
  epp::sdk::F64Column kv_usage_;
  double queue_threshold_;
  double kv_threshold_;
  double power_;
  double k_;
  double unknown_;  // the share of a threshold that a single missing or NaN figure counts as
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<ProbabilisticAdmitter>({
    .name = "probabilistic-admitter",
    .description = "Rejects sheddable requests with a probability that grows with the load",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "queueDepthThreshold": {
          "type": "number", "default": 5, "description": "Waiting requests of a full endpoint; > 0."
        },
        "kvCacheUtilThreshold": {
          "type": "number", "default": 0.8, "description": "Share of used KV cache of a full endpoint; > 0."
        },
        "power": {"type": "number", "default": 5, "description": "Exponent of the saturation; > 0."},
        "k": {"type": "number", "default": 300, "description": "Factor of the saturation's power; > 0."},
        "missingCountsAsFull": {
          "type": "boolean", "default": false,
          "description": "A figure that metrics lack, or give as NaN, makes the endpoint full; else it is 0."
        }
      }
    })json",
}))
