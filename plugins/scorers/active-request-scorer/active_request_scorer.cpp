// active-request-scorer: prefers endpoints with fewer requests in flight, as this router counts them itself.
#include <epp/plugin.hpp>

#include <algorithm>

namespace {

class ActiveRequestScorer {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_DISTRIBUTION;
  static constexpr std::string_view kDefaultProducer = "inflight-load-producer";

  explicit ActiveRequestScorer(epp::sdk::Context& context) {
    const auto& parameters = context.parameters();
    std::string producer = parameters.text("/inFlightLoadProducerName");
    if (producer.empty()) producer = kDefaultProducer;
    requests_ =
        context.require_i64(epp::sdk::data_key(EPP_KEY_INFLIGHT_LOAD_TYPE, producer, EPP_FIELD_INFLIGHT_REQUESTS));
    idle_threshold_ = std::max<int64_t>(0, parameters.integer("/idleThreshold", 0));
    const double busy = parameters.number("/maxBusyScore", 1.0);
    if (busy >= 0 && busy <= 1) max_busy_score_ = busy;
  }

  // Idle endpoints get 1.0; busy ones share what is below maxBusyScore, the busiest gets 0.
  void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    const auto requests = requests_.of(request, candidates);
    double busiest = 0;
    for (uint32_t i = 0; i < scores.size(); ++i) {
      scores[i] = static_cast<double>(requests.or_else(i, 0));
      busiest = std::max(busiest, scores[i]);
    }
    for (double& score : scores) {
      const double running = score;
      score = running <= static_cast<double>(idle_threshold_) ? 1.0 : (busiest - running) / busiest * max_busy_score_;
    }
  }

 private:
  epp::sdk::I64Column requests_;
  int64_t idle_threshold_ = 0;
  double max_busy_score_ = 1.0;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<ActiveRequestScorer>({
    .name = "active-request-scorer",
    .description = "Prefers endpoints with fewer requests in flight through this router",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "idleThreshold": {
          "type": "integer", "default": 0,
          "description": "Endpoints with at most so many requests in flight score 1.0."
        },
        "maxBusyScore": {
          "type": "number", "default": 1.0,
          "description": "Upper bound of the score of endpoints that are not idle; values outside 0..1 are ignored."
        },
        "inFlightLoadProducerName": {
          "type": "string", "default": "",
          "description": "The inflight-load-producer instance to read; empty: inflight-load-producer."
        },
        "requestTimeout": {
          "type": "string",
          "description": "Deprecated and ignored."
        }
      }
    })json",
}))
