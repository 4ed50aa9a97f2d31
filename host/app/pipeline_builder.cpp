#include "app/pipeline_builder.h"

#include "app/data_layer.h"

#include <utility>

namespace epp::app {
namespace {

std::shared_ptr<const request::ParserRegistry> build_parsers(const config::Options& options,
                                                             const config::EffectiveConfig& effective,
                                                             config::Diagnostics& diagnostics) {
  request::ParserRegistry::Parsers parsers;
  for (const config::InstanceIndex index : effective.parsers) {
    const config::Instance& instance = effective.instances[index];
    std::shared_ptr<const request::Parser> parser = request::make_parser(instance.type);
    if (parser == nullptr) {
      diagnostics.error("failed to load the configuration - parser registry build failed: the plugin \"" +
                            instance.name + "\" is not a parser plugin",
                        instance.pointer);
      continue;
    }
    parsers.push_back(std::move(parser));
  }
  auto registry = std::make_shared<request::ParserRegistry>(
      parsers, request::RegistryOptions{.strict_suffix_boundary = options.strict_path_suffix});
  for (const std::string& warning : registry->warnings()) {
    diagnostics.warning(warning, "/requestHandler/parsers");
  }
  return registry;
}

std::vector<scheduling::ProfileConfig> build_profiles(const config::EffectiveConfig& effective,
                                                      const plugins::PluginSet& set) {
  std::vector<scheduling::ProfileConfig> profiles;
  for (const config::EffectiveProfile& profile : effective.profiles) {
    scheduling::ProfileConfig& built = profiles.emplace_back();
    built.name = profile.name;
    for (const config::InstanceIndex filter : profile.filters) {
      built.filters.push_back(set.at(filter));
    }
    for (const config::WeightedScorer& scorer : profile.scorers) {
      built.scorers.push_back({set.at(scorer.instance), scorer.weight});
    }
    built.picker = set.at(profile.picker);
  }
  return profiles;
}

}  // namespace

std::shared_ptr<lifecycle::Pipeline> build_pipeline(const config::Options& options, const plugins::Catalogue& catalogue,
                                                    const plugins::Environment& environment,
                                                    config::EffectiveConfig& effective,
                                                    config::Diagnostics& diagnostics,
                                                    const lifecycle::Pipeline* running) {
  auto set = plugins::build_plugin_set({.catalogue = catalogue,
                                        .environment = environment,
                                        .effective = effective,
                                        .host_nodes = host_data_nodes(effective),
                                        .previous = running != nullptr ? running->plugins.get() : nullptr,
                                        .allow_experimental_plugins = options.allow_experimental_plugins},
                                       diagnostics);
  auto parsers = build_parsers(options, effective, diagnostics);
  if (set == nullptr || diagnostics.has_errors()) return nullptr;

  auto scheduler =
      std::make_shared<scheduling::Scheduler>(build_profiles(effective, *set), set->at(effective.profile_handler));
  // A handler that was carried over knows the profiles, which are the same.
  const std::string complaint = set->carried_over(effective.profile_handler) ? std::string() : scheduler->bind();
  if (!complaint.empty()) {
    diagnostics.error("failed to load the configuration - scheduler config build failed: " + complaint,
                      "/schedulingProfiles");
    return nullptr;
  }

  auto pipeline = std::make_shared<lifecycle::Pipeline>();
  pipeline->scheduler = std::move(scheduler);
  pipeline->parsers = std::move(parsers);
  pipeline->admission = std::make_shared<lifecycle::SheddingAdmission>();
  pipeline->detector = set->at(effective.saturation_detector);
  if (running != nullptr && running->detector == pipeline->detector)
    pipeline->last_saturation.store(running->last_saturation.load());
  pipeline->typed_admitter_denials = effective.flow_control.epp.typed_admitter_denials;
  pipeline->plugins = std::move(set);
  return pipeline;
}

}  // namespace epp::app
