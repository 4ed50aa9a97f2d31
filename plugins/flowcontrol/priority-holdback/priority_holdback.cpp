// priority-holdback-policy: the lower a band, the earlier it stops; what it leaves is held back for those above.
#include <epp/plugin.hpp>

#include <cmath>
#include <span>
#include <string>

namespace {

class PriorityHoldback {
 public:
  explicit PriorityHoldback(epp::sdk::Context& context) {
    const auto& parameters = context.parameters();
    const auto refuse = [](const std::string& why) { throw epp::sdk::Error(why, EPP_ERR_BAD_REQUEST); };
    if (!parameters.has("/minCeiling")) refuse("minCeiling is required");
    min_ = parameters.number("/minCeiling", 0);
    max_ = parameters.number("/maxCeiling", 1);
    by_value_ = parameters.text("/domain") == "value";
    if (!(min_ >= 0 && min_ < 1)) refuse("minCeiling must be in [0, 1), got " + std::to_string(min_));
    if (!(max_ > 0 && max_ <= 1)) refuse("maxCeiling must be in (0, 1], got " + std::to_string(max_));
    if (!(min_ < max_)) refuse("minCeiling must be below maxCeiling");
  }

  void usage_ceilings(double, std::span<const int32_t> priorities, std::span<double> ceilings, uint64_t&) const {
    for (size_t i = 0; i < ceilings.size(); ++i)
      ceilings[i] = min_ + (max_ - min_) * (by_value_ ? height_by_value(priorities, i) : height_by_rank(priorities, i));
  }

 private:
  // Where the band stands between the lowest, 0, and the highest, 1.
  static double height_by_rank(std::span<const int32_t> priorities, size_t i) {
    if (priorities.size() == 1) return 1;
    return 1 - static_cast<double>(i) / static_cast<double>(priorities.size() - 1);
  }
  static double height_by_value(std::span<const int32_t> priorities, size_t i) {
    const double lowest = priorities.back();
    const double span = priorities.front() - lowest;
    return span == 0 ? 1 : (priorities[i] - lowest) / span;
  }

  double min_ = 0;
  double max_ = 1;
  bool by_value_ = false;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<PriorityHoldback>({
    .name = "priority-holdback-policy",
    .description = "Holds capacity back for higher priority bands",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "minCeiling": {
          "type": "number",
          "description": "The ceiling of the lowest band; mandatory; in [0, 1), below maxCeiling."
        },
        "maxCeiling": {
          "type": "number", "default": 1,
          "description": "The ceiling of the highest band; in (0, 1]."
        },
        "shape": {
          "type": "string", "enum": ["linear"], "default": "linear",
          "description": "How ceilings fall from the highest band to the lowest."
        },
        "domain": {
          "type": "string", "enum": ["rank", "value"], "default": "rank",
          "description": "Whether bands stand at equal distances or by their priority."
        }
      }
    })json",
    .stability = EPP_STABILITY_ALPHA,
}))
