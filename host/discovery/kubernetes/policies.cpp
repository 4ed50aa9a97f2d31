#include "discovery/kubernetes/policies.h"

#include <utility>

namespace epp::discovery {
namespace {

objectives::ModelRewrite to_rewrite(const kube::InferenceModelRewrite& from) {
  objectives::ModelRewrite rewrite{
      .name_space = from.meta.name_space, .name = from.meta.name, .created_ns = from.meta.created_ns, .rules = {}};
  for (const auto& rule : from.rules) {
    objectives::RewriteRule& made = rewrite.rules.emplace_back();
    made.generic = rule.generic;
    made.models = rule.models;
    for (const auto& target : rule.targets)
      made.targets.push_back({target.model, target.weight});
  }
  return rewrite;
}

std::vector<std::string> models_of(const std::vector<objectives::ModelRewrite>& rewrites) {
  std::vector<std::string> models;
  for (const auto& rewrite : rewrites) {
    for (const auto& rule : rewrite.rules) {
      models.insert(models.end(), rule.models.begin(), rule.models.end());
      for (const auto& target : rule.targets)
        models.push_back(target.model);
    }
  }
  return models;
}

}  // namespace

Policies::Policies(objectives::ObjectiveTable& objectives, objectives::RewriteTable& rewrites, kube::PoolRef pool,
                   Models models)
    : objective_table_(objectives), rewrite_table_(rewrites), pool_(std::move(pool)), models_(std::move(models)) {}

void Policies::set_objectives(const Objects<kube::InferenceObjective>& all) {
  objectives_.clear();
  for (const auto& [key, objective] : all) {
    if (!ours(objective.meta, objective.pool)) continue;
    objectives_.push_back({.name = objective.meta.name,
                           .terms = {.priority = objective.priority.value_or(0)},
                           .has_band = objective.priority.has_value()});
  }
  publish_objectives();
}

void Policies::set_rewrites(const Objects<kube::InferenceModelRewrite>& all) {
  rewrites_.clear();
  for (const auto& [key, rewrite] : all) {
    if (rewrite.pool && ours(rewrite.meta, *rewrite.pool)) rewrites_.push_back(to_rewrite(rewrite));
  }
  publish_rewrites();
}

void Policies::set_pool_present(bool present) {
  if (std::exchange(pool_present_, present) == present) return;
  publish_objectives();
  publish_rewrites();
}

bool Policies::ours(const kube::Metadata& meta, const kube::PoolRef& ref) const {
  return !meta.deleting && ref.name == pool_.name && ref.group == pool_.group && ref.kind == pool_.kind;
}

void Policies::publish_objectives() {
  objective_table_.replace(pool_present_ ? objectives_ : std::vector<objectives::Objective>());
}

void Policies::publish_rewrites() {
  if (!pool_present_) {
    rewrite_table_.replace({});
    return;
  }
  if (models_ && !rewrites_.empty()) models_(models_of(rewrites_));
  rewrite_table_.replace(rewrites_);
}

}  // namespace epp::discovery
