// pessimist: a latency predictor for which no endpoint ever meets an objective.
#include <epp/plugin.hpp>

#include <algorithm>
#include <string_view>

namespace {

class Pessimist {
 public:
  explicit Pessimist(epp::sdk::Context& context)
      : ttft_valid_(prediction(context, EPP_FIELD_LATENCY_TTFT_VALID)),
        tpot_valid_(prediction(context, EPP_FIELD_LATENCY_TPOT_VALID)) {}

  void produce(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates) const {
    for (const auto& column : {ttft_valid_, tpot_valid_})
      std::fill_n(column.write(request, candidates), candidates.size(), 0);
  }

 private:
  static epp::sdk::I64Column prediction(epp::sdk::Context& context, std::string_view field) {
    return context.produce_i64(epp::sdk::data_key(EPP_KEY_LATENCY_PREDICTION_TYPE, context.name(), field));
  }

  epp::sdk::I64Column ttft_valid_;
  epp::sdk::I64Column tpot_valid_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<Pessimist>({.name = "pessimist",
                                            .description = "Predicts that no endpoint meets any latency objective"}))
