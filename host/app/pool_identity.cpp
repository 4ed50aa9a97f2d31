#include "app/pool_identity.h"

#include <optional>
#include <regex>
#include <stdexcept>
#include <utility>
#include <variant>

namespace epp::app {
namespace {

// "<deployment>-<replica set>-<pod>"
std::string deployment_of(const std::string& pod) {
  static const std::regex pattern("^(.+)-[a-z0-9]+-[a-z0-9]+$");
  std::smatch match;
  if (std::regex_match(pod, match, pattern)) return match[1];
  throw std::runtime_error("failed to parse deployment name from pod name " + pod);
}

kube::LabelSelector selector_of(const std::string& text) {
  auto selector = kube::LabelSelector::parse(text);
  if (auto* good = std::get_if<kube::LabelSelector>(&selector)) return std::move(*good);
  throw std::runtime_error("invalid endpoint-selector \"" + text + "\": " + std::get<std::string>(selector));
}

}  // namespace

PoolIdentity identify_pool(const config::Options& options, bool has_discovery, const config::Environment& environment) {
  const auto named = [&](EndpointOrigin origin) {
    return PoolIdentity{
        .origin = origin, .name = options.pool_name.empty() ? "epp" : options.pool_name, .selector = std::nullopt};
  };
  if (has_discovery) return named(EndpointOrigin::kFile);
  if (!options.endpoints.empty()) return named(EndpointOrigin::kStatic);
  if (!options.pool_name.empty()) return named(EndpointOrigin::kPool);
  kube::LabelSelector selector = selector_of(options.endpoint_selector);
  const std::optional<std::string> pod = environment("POD_NAME");
  if (!pod || pod->empty()) throw std::runtime_error("failed to get environment variable POD_NAME");
  return {.origin = EndpointOrigin::kSelector, .name = deployment_of(*pod), .selector = std::move(selector)};
}

}  // namespace epp::app
