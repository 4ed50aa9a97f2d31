// latency-slo-admitter: rejects sheddable requests (priority below 0) whose latency objective no endpoint is predicted
// to meet, unless an endpoint is idle or its cache is cold.
#include <epp/plugin.hpp>

#include <charconv>
#include <string>
#include <string_view>

namespace {

constexpr double kColdUsage = 0.02;

class LatencySloAdmitter {
 public:
  explicit LatencySloAdmitter(epp::sdk::Context& context)
      : ttft_valid_(prediction(context, EPP_FIELD_LATENCY_TTFT_VALID)),
        tpot_valid_(prediction(context, EPP_FIELD_LATENCY_TPOT_VALID)),
        kv_usage_(context.require_f64(EPP_KEY_KV_CACHE_USAGE)),
        running_(context.require_f64(EPP_KEY_RUNNING_REQUESTS_SIZE)) {}

  void admit(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates) const {
    if (request.priority() >= 0) return;
    if (!has_objective(request, "x-llm-d-slo-ttft-ms", "x-slo-ttft-ms") &&
        !has_objective(request, "x-llm-d-slo-tpot-ms", "x-slo-tpot-ms")) {
      return;
    }
    const auto ttft_valid = ttft_valid_.of(request, candidates);
    const auto tpot_valid = tpot_valid_.of(request, candidates);
    const auto kv_usage = kv_usage_.of(request, candidates);
    const auto running = running_.of(request, candidates);
    bool predicted = false;
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      predicted = predicted || ttft_valid.has(i) || tpot_valid.has(i);
      const bool valid = ttft_valid.or_else(i, 0) != 0 && tpot_valid.or_else(i, 0) != 0;
      const bool idle = running.or_else(i, 0) == 0;
      const bool cold = kv_usage.or_else(i, 0) < kColdUsage;
      if (valid || idle || cold) return;
    }
    if (predicted) throw epp::sdk::Error("no valid endpoint available to serve the request");
  }

 private:
  static epp::sdk::I64Column prediction(epp::sdk::Context& context, std::string_view field) {
    std::string producer = context.parameters().text("/latencyPredictionInfoProducerName");
    if (producer.empty()) producer = "predicted-latency-producer";
    return context.optional_i64(epp::sdk::data_key(EPP_KEY_LATENCY_PREDICTION_TYPE, producer, field));
  }

  // A number of milliseconds above 0 in the header, or in its old name where the new one is absent.
  static bool has_objective(const epp::sdk::Request& request, std::string_view name, std::string_view alias) {
    std::string_view text = request.header(name);
    if (text.data() == nullptr) text = request.header(alias);
    if (text.starts_with('+')) text.remove_prefix(1);
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc{} && end == text.data() + text.size() && value > 0;
  }

  epp::sdk::I64Column ttft_valid_;
  epp::sdk::I64Column tpot_valid_;
  epp::sdk::F64Column kv_usage_;
  epp::sdk::F64Column running_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<LatencySloAdmitter>({
    .name = "latency-slo-admitter",
    .description = "Rejects sheddable requests whose latency objective no endpoint is predicted to meet",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "latencyPredictionInfoProducerName": {
          "type": "string", "default": "",
          "description": "The producer of predictions; empty: predicted-latency-producer."
        }
      }
    })json",
}))
