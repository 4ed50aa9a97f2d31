#include "check/subjects.h"

#include <stdexcept>

namespace epp::check {

namespace {

std::string_view schema_of(const Stage& stage) {
  const epp_str text = stage.descriptor()->parameters_schema;
  return {text.data, static_cast<size_t>(text.size)};
}

std::vector<ParameterSet> candidates(Stage& stage) {
  std::vector<ParameterSet> sets;
  const std::string& given = stage.options().parameters;
  if (!given.empty()) {
    ParameterSet set{"the given parameters", {}};
    std::string complaint;
    if (accepted(schema_of(stage), given, set.text, complaint)) sets.push_back(std::move(set));
  }
  for (ParameterSet& set : good_parameters(schema_of(stage)))
    sets.push_back(std::move(set));
  return sets;
}

}  // namespace

std::vector<ParameterSet> all_accepted(Stage& stage, size_t most) {
  std::string error;
  if (stage.library() == nullptr && !stage.load(error)) throw std::runtime_error(error);
  std::vector<ParameterSet> result;
  for (ParameterSet& set : candidates(stage)) {
    if (result.size() == most) break;
    stage.channel().step(stage.type(), "create with " + set.what);
    plugins::InstancePtr instance = stage.create(set.text, error);
    if (instance == nullptr) continue;
    stage.destroy(instance);
    result.push_back(std::move(set));
  }
  return result;
}

std::optional<ParameterSet> first_accepted(Stage& stage) {
  std::vector<ParameterSet> sets = all_accepted(stage, 1);
  if (sets.empty()) return std::nullopt;
  return std::move(sets.front());
}

plugins::InstancePtr make(Stage& stage, const ParameterSet& parameters) {
  std::string error;
  stage.channel().step(stage.type(), "create with " + parameters.what);
  plugins::InstancePtr instance = stage.create(parameters.text, error);
  if (instance == nullptr) {
    stage.channel().fail("create.instance", stage.type(),
                         "Was refused with " + parameters.what + ", which were accepted a moment ago: " + error + '.');
  }
  return instance;
}

}  // namespace epp::check
