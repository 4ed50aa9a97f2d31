// The commands that do not serve: validate, plugins list, plugins describe, schema.
#include "app/app.h"
#include "app/configuration.h"
#include "app/data_layer.h"
#include "app/pipeline_builder.h"
#include "app/plugin_services.h"
#include "app/report.h"
#include "config/flags.h"
#include "config/schema.h"
#include "endpoints/attributes.h"
#include "endpoints/endpoint_table.h"
#include "plugins/completion.h"
#include "plugins/graveyard.h"

#include <algorithm>
#include <iostream>

namespace epp::app {
namespace {

// The types that a configuration could name, with the problems on standard error.
plugins::Catalogue types_at_hand(const config::Options& options) {
  std::vector<std::string> from_document;
  config::LoadedConfig loaded;
  config::Diagnostics diagnostics;
  if (config::load_config(options.config_file, options.config_text, loaded, diagnostics)) {
    from_document = loaded.config.plugin_directories;
  }
  std::vector<plugins::CatalogueProblem> problems;
  plugins::Catalogue catalogue = load_types(plugin_directories(options, from_document), {}, problems);
  for (const plugins::CatalogueProblem& problem : problems) {
    std::cerr << problem.path << ": " << problem.text << '\n';
  }
  return catalogue;
}

std::string join(const std::vector<std::string_view>& names) {
  std::string out;
  for (const std::string_view name : names) {
    if (!out.empty()) out += ", ";
    out += name;
  }
  return out;
}

void print_type(const config::PluginType& type) {
  const std::string library = type.library.empty() ? "(inside the host)" : type.library;
  std::cout << type.type << "\n  " << type.description << "\n  extension points: " << join(role_names(type.roles))
            << "\n  stability: " << stability_name(type.stability) << "\n  version: " << type.version
            << (type.vendor.empty() ? "" : " by " + type.vendor) << "\n  library: " << library << '\n';
  if (!type.deprecation.replacement.empty()) {
    std::cout << "  deprecated: use " << type.deprecation.replacement << '\n';
  }
  for (const std::string& key : type.default_producer_of) {
    std::cout << "  default producer of: " << key << '\n';
  }
  std::cout << "  parameters: "
            << (type.parameters_schema.empty() ? std::string_view("none are read")
                                               : std::string_view(type.parameters_schema))
            << '\n';
}

}  // namespace

int validate(const config::Options& options) {
  for (const std::string& warning : options.warnings) {
    std::cerr << "warning: " << warning << '\n';
  }
  Configuration configuration;
  config::Diagnostics diagnostics;
  bool good = read_configuration(options, configuration, diagnostics) &&
              wire_configuration(options, configuration, diagnostics);
  if (good) {
    // Instances are the only judges of what they declare, so they are made; nothing is served.
    endpoints::AttributeRegistry attributes;
    endpoints::EndpointTable table(attributes);
    plugins::CompletionTable completions;
    telemetry::Registry registry;
    PluginMetrics metrics(registry);
    const auto graveyard = std::make_shared<plugins::Graveyard>();
    const plugins::Environment environment{.attributes = &attributes,
                                           .table = &table,
                                           .completions = &completions,
                                           .graveyard = graveyard,
                                           .metrics = &metrics};
    scrape_sources(configuration.effective, attributes, diagnostics);
    auto pipeline = build_pipeline(options, configuration.catalogue, environment, configuration.effective, diagnostics);
    good = pipeline != nullptr && !diagnostics.has_errors();
    pipeline.reset();
    graveyard->collect();
  }
  for (const plugins::CatalogueProblem& problem : configuration.library_problems) {
    std::cerr << "warning: " << problem.path << ": " << problem.text << '\n';
  }
  for (const config::Diagnostic& diagnostic : diagnostics.all()) {
    const bool is_error = diagnostic.severity == config::Severity::kError;
    std::cerr << (is_error ? "error: " : "") << report_line(diagnostic, configuration.loaded.source) << '\n';
  }
  if (!good) return 1;
  if (options.print_effective) {
    std::cout << to_json(configuration.effective, /*with_parameters=*/true) << '\n';
  } else {
    std::cout << configuration.loaded.source.file() << ": valid\n";
  }
  return 0;
}

int plugins_list(const config::Options& options) {
  const plugins::Catalogue catalogue = types_at_hand(options);
  size_t widest = 0;
  for (const config::PluginType* type : catalogue.types()) {
    widest = std::max(widest, type->type.size());
  }
  for (const config::PluginType* type : catalogue.types()) {
    std::cout << type->type << std::string(widest - type->type.size() + 2, ' ') << stability_name(type->stability)
              << "  " << join(role_names(type->roles)) << '\n';
  }
  return 0;
}

int plugins_describe(const config::Options& options) {
  const plugins::Catalogue catalogue = types_at_hand(options);
  bool found = false;
  std::vector<std::string> names;
  for (const config::PluginType* type : catalogue.types()) {
    names.push_back(type->type);
    if (type->type != options.plugin_type) continue;
    print_type(*type);
    found = true;
  }
  if (found) return 0;
  std::cerr << "plugin type '" << options.plugin_type << "' is not registered";
  if (const std::string near = config::nearest_name(options.plugin_type, names); !near.empty()) {
    std::cerr << "; did you mean '" << near << "'?";
  }
  std::cerr << '\n';
  return 1;
}

int schema(const config::Options& options) {
  std::cout << config::assemble_schema(types_at_hand(options));
  return 0;
}

}  // namespace epp::app
