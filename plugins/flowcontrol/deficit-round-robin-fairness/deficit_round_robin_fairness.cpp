// deficit-round-robin-fairness-policy: the active flows of a band share it by tokens, in proportion to their weights.
#include "token_rounds.h"

#include <epp/plugin.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

struct Settings {
  double quantum = 0;                               // 0: the average cost of a request
  std::unordered_map<std::string, double> weights;  // by fairness id

  double weight_of(std::string_view id) const {
    const auto at = weights.find(std::string(id));
    return at != weights.end() ? at->second : 1;
  }
};

class Band {
 public:
  explicit Band(const Settings& settings) : settings_(settings), rounds_(settings.quantum) {}

  void flow_added(const epp_flow& flow) {
    if (flow.index >= weights_.size()) weights_.resize(flow.index + size_t{1});
    weights_[flow.index] = settings_.weight_of(epp::sdk::view(flow.id));
    rounds_.add(flow.index);
  }
  void head_changed(const epp_flow& flow) {
    if (flow.head != nullptr) {
      rounds_.activate(flow.index, weights_[flow.index] * flow.weight);
    } else {
      rounds_.deactivate(flow.index);
    }
  }
  void charged(const epp_flow& flow, uint32_t kind, int64_t tokens) {
    const auto amount = static_cast<double>(tokens);
    if (kind == EPP_CHARGE_DISPATCH) {
      rounds_.charge(flow.index, amount);
    } else {
      rounds_.settle(flow.index, amount);
    }
  }

  uint32_t pick(uint64_t) {
    const uint32_t flow = rounds_.next();
    if (flow == epp::builtin::TokenRounds::kNone) throw epp::sdk::Error("no flow is active");
    return flow;
  }

 private:
  const Settings& settings_;
  std::vector<double> weights_;  // by flow index, of the fairness id alone
  epp::builtin::TokenRounds rounds_;
};

class DeficitRoundRobin {
 public:
  explicit DeficitRoundRobin(epp::sdk::Context& context) {
    const auto& parameters = context.parameters();
    using epp::sdk::Error;
    if (parameters.has("/quantum")) {
      settings_.quantum = parameters.number("/quantum", 0);
      if (!(settings_.quantum >= 1)) throw Error("quantum must be >= 1", EPP_ERR_BAD_REQUEST);
    }
    for (size_t i = 0; i < parameters.count("/weights"); ++i) {
      const std::string id = parameters.key("/weights", i);
      const double weight = parameters.number("/weights" + epp::sdk::pointer_token(id), 0);
      if (!(weight > 0)) throw Error("the weight of \"" + id + "\" must be > 0", EPP_ERR_BAD_REQUEST);
      settings_.weights.emplace(id, weight);
    }
  }

  std::unique_ptr<Band> open_band(int32_t) const { return std::make_unique<Band>(settings_); }

 private:
  Settings settings_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<DeficitRoundRobin>({
    .name = "deficit-round-robin-fairness-policy",
    .description = "Shares a priority band among its flows by tokens and weights",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "quantum": {
          "type": "number",
          "description": "Tokens that a flow of weight 1 gets in one turn; >= 1; absent: the average cost of a request."
        },
        "weights": {
          "type": "object", "additionalProperties": {"type": "number"},
          "description": "Weight by fairness id; > 0; 1 for others. Multiplied by the weight of the objective."
        }
      }
    })json",
}))
