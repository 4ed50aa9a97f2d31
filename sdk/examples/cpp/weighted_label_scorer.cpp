// weighted-label-scorer: the score of an endpoint is the weight given to its label's value.
//
//   - type: weighted-label-scorer
//     parameters:
//       label: accelerator
//       weights: {h100: 1.0, a100: 0.6}
//       otherwise: 0.1
//
// A complete plugin in C++: the class below and one line that registers it.
#include <epp/plugin.hpp>

#include <map>
#include <string>

namespace {

class WeightedLabelScorer {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_DISTRIBUTION;

  // Throwing here refuses the configuration with this message.
  explicit WeightedLabelScorer(epp::sdk::Context& context)
      : label_(context.parameters().text("/label")), otherwise_(context.parameters().number("/otherwise", 0)) {
    const auto& parameters = context.parameters();
    for (size_t i = 0; i < parameters.count("/weights"); ++i) {
      const std::string value = parameters.key("/weights", i);
      weights_[value] = parameters.number("/weights" + epp::sdk::pointer_token(value), 0);
    }
    if (weights_.empty()) throw epp::sdk::Error("weights must not be empty", EPP_ERR_BAD_REQUEST);
  }

  // Called by many threads at once. Scores go by candidate position.
  void score(const epp::sdk::Request&, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      const auto weight = weights_.find(epp::sdk::label(candidates.endpoint(i), label_));
      scores[i] = weight != weights_.end() ? weight->second : otherwise_;
    }
  }

 private:
  std::string label_;
  double otherwise_;
  std::map<std::string, double, std::less<>> weights_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<WeightedLabelScorer>({
    .name = "weighted-label-scorer",
    .description = "Scores endpoints by a weight per label value",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "required": ["label", "weights"],
      "properties": {
        "label": {"type": "string", "minLength": 1, "description": "Label to look at."},
        "weights": {
          "type": "object",
          "additionalProperties": {"type": "number", "minimum": 0, "maximum": 1},
          "description": "Score by label value."
        },
        "otherwise": {
          "type": "number", "minimum": 0, "maximum": 1, "default": 0,
          "description": "Score of endpoints without the label or with another value."
        }
      }
    })json",
    .vendor = "example",
}))
