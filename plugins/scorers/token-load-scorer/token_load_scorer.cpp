// token-load-scorer: prefers endpoints with fewer prompt tokens in flight, counting what this request would add.
#include <epp/plugin.hpp>

#include <algorithm>

namespace {

class TokenLoadScorer {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_DISTRIBUTION;
  static constexpr int64_t kDefaultThreshold = 4194304;
  static constexpr std::string_view kDefaultProducer = "inflight-load-producer";

  explicit TokenLoadScorer(epp::sdk::Context& context) {
    using epp::sdk::data_key;
    std::string producer = context.parameters().text("/inFlightLoadProducerName");
    if (producer.empty()) producer = kDefaultProducer;
    in_flight_ = context.require_i64(data_key(EPP_KEY_INFLIGHT_LOAD_TYPE, producer, EPP_FIELD_INFLIGHT_TOKENS));
    added_ = context.require_i64(data_key(EPP_KEY_UNCACHED_TOKENS_TYPE, producer, EPP_FIELD_UNCACHED_TOKENS));
    const int64_t threshold = context.parameters().integer("/queueThresholdTokens", kDefaultThreshold);
    threshold_ = static_cast<double>(threshold > 0 ? threshold : kDefaultThreshold);
  }

  void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    const auto in_flight = in_flight_.of(request, candidates);
    const auto added = added_.of(request, candidates);
    for (uint32_t i = 0; i < scores.size(); ++i) {
      const auto tokens = static_cast<double>(in_flight.or_else(i, 0) + added.or_else(i, 0));
      scores[i] = 1.0 - std::clamp(tokens, 0.0, threshold_) / threshold_;
    }
  }

 private:
  epp::sdk::I64Column in_flight_;
  epp::sdk::I64Column added_;
  double threshold_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<TokenLoadScorer>({
    .name = "token-load-scorer",
    .description = "Prefers endpoints with fewer tokens in flight, this request's own included",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "queueThresholdTokens": {
          "type": "integer", "default": 4194304,
          "description": "Tokens at which the score reaches 0; 0 and less mean the default."
        },
        "inFlightLoadProducerName": {
          "type": "string", "default": "",
          "description": "The inflight-load-producer instance to read; empty: inflight-load-producer."
        }
      }
    })json",
}))
