// static-usage-limit-policy: one ceiling for all priority bands.
#include <epp/plugin.hpp>

#include <algorithm>
#include <span>

namespace {

class StaticUsageLimit {
 public:
  explicit StaticUsageLimit(epp::sdk::Context& context) : threshold_(context.parameters().number("/threshold", 1)) {
    if (threshold_ > 0 && threshold_ <= 1) return;
    context.host().log(EPP_LEVEL_INFO,
                       threshold_ > 1 ? "static usage limit: a threshold above 1 dispatches to a full pool"
                                      : "static usage limit: a threshold of 0 or less never dispatches",
                       {epp::sdk::field("threshold", threshold_)});
  }

  void usage_ceilings(double, std::span<const int32_t>, std::span<double> ceilings, uint64_t&) const {
    std::fill(ceilings.begin(), ceilings.end(), threshold_);
  }

 private:
  double threshold_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<StaticUsageLimit>({
    .name = "static-usage-limit-policy",
    .description = "Dispatches all priority bands up to one saturation",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "threshold": {
          "type": "number", "default": 1,
          "description": "The saturation at which dispatching stops; sensible values are in (0, 1]."
        }
      }
    })json",
}))
