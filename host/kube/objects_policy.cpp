// InferenceObjective and InferenceModelRewrite.
#include "kube/field.h"

#include <algorithm>

namespace epp::kube {
namespace {

constexpr std::int32_t kMaxWeight = 1'000'000;

void read_matches(const Field& matches, InferenceModelRewrite::Rule& rule) {
  rule.generic = matches.size() == 0;
  for (std::size_t i = 0; i < matches.size(); ++i) {
    const Field model = matches[i]["model"];
    if (!model.present()) continue;
    // A kind of match from the future must not be taken for the one that is known.
    const Field type = model["type"];
    if (type.present() && type.text() != "Exact") type.fail("must be Exact");
    std::string value = model["value"].required_text();
    if (std::find(rule.models.begin(), rule.models.end(), value) == rule.models.end()) {
      rule.models.push_back(std::move(value));
    }
  }
}

InferenceModelRewrite::Target read_target(const Field& target) {
  return {target["modelRewrite"].required_text(), target["weight"].int32(1, kMaxWeight)};
}

}  // namespace

Read<InferenceObjective> read_inference_objective(const Json& object) {
  return read_view<InferenceObjective>(object, [](const Field& root, InferenceObjective& objective) {
    objective.meta = read_metadata(root);
    const Field spec = root["spec"];
    objective.pool = read_pool_ref(spec["poolRef"].required());
    objective.priority = spec["priority"].int32();
  });
}

Read<InferenceModelRewrite> read_inference_model_rewrite(const Json& object) {
  return read_view<InferenceModelRewrite>(object, [](const Field& root, InferenceModelRewrite& rewrite) {
    rewrite.meta = read_metadata(root);
    const Field spec = root["spec"];
    if (const Field pool = spec["poolRef"]; pool.present()) rewrite.pool = read_pool_ref(pool);
    const Field rules = spec["rules"];
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const Field from = rules[i];
      InferenceModelRewrite::Rule& rule = rewrite.rules.emplace_back();
      read_matches(from["matches"], rule);
      const Field targets = from["targets"];
      for (std::size_t k = 0; k < targets.size(); ++k)
        rule.targets.push_back(read_target(targets[k]));
    }
  });
}

}  // namespace epp::kube
