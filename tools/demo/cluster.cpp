#include "cluster.h"

#include "support/files.h"
#include "support/places.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace epp::demo {
namespace {

constexpr const char* kManifest = "configs/manifests/demo.json";
constexpr const char* kFlowControlManifest = "configs/manifests/demo-flow-control.json";

struct Speed {
  const char* name;
  const char* text;
  const char* ttft_ms;
  const char* itl_ms;
  const char* prefill_tokens_per_second;
};

constexpr Speed kSpeeds[] = {{"fast-1", "5 ms/token", "15", "5", "16000"},
                             {"fast-2", "5 ms/token", "15", "5", "16000"},
                             {"medium", "10 ms/token", "25", "10", "8000"},
                             {"slow", "20 ms/token", "40", "20", "4000"}};

Endpoint start(const Speed& speed) {
  return {.name = speed.name,
          .speed = speed.text,
          .sim = std::make_unique<testing::ModelSim>(testing::ModelSimOptions{
              .model = kModel,
              .name = speed.name,
              .arguments = {"--ttft-ms", speed.ttft_ms, "--itl-ms", speed.itl_ms, "--prefill-tokens-per-second",
                            speed.prefill_tokens_per_second, "--max-num-seqs", "4", "--kv-blocks", "1024", "--jitter",
                            "0.1"}})};
}

std::map<std::string, double> weights_of(const nlohmann::json& manifest) {
  std::map<std::string, double> weights;
  for (const auto& plugin : manifest.at("schedulingProfiles").at(0).at("plugins")) {
    if (plugin.contains("weight")) weights[plugin.at("pluginRef")] = plugin.at("weight");
  }
  return weights;
}

std::string last_lines(const std::string& text) {
  constexpr std::size_t kMost = 2000;
  return text.size() <= kMost ? text : "..." + text.substr(text.size() - kMost);
}

}  // namespace

Cluster::Cluster(std::uint16_t client_port, Queueing queueing) {
  // Said before anything is started.
  testing::envoy_program();
  testing::built_program("epp");
  const bool queues = queueing == Queueing::kInTheEpp;
  nlohmann::json manifest =
      nlohmann::json::parse(testing::read_file(testing::source_file(queues ? kFlowControlManifest : kManifest)));
  weights_ = weights_of(manifest);
  for (const Speed& speed : kSpeeds)
    endpoints_.push_back(start(speed));

  // Nobody waits for a load balancer here, so there is nothing to drain for.
  testing::EppOptions options{.arguments = {"--drain-timeout", "1s", "--pool-name", "demo"}};
  if (queues) {
    // Objectives come with the endpoints, by the file that names both.
    write_pool();
    manifest["plugins"].push_back(nlohmann::json::parse(pool_.plugin()));
    manifest["dataLayer"]["discovery"]["pluginRef"] = "file-discovery";
  } else {
    for (const Endpoint& endpoint : endpoints_)
      options.arguments.insert(options.arguments.end(), {"--endpoint", endpoint.name + "=" + endpoint.sim->address()});
  }
  options.arguments.insert(options.arguments.end(), {"--config-text", manifest.dump()});
  epp_ = std::make_unique<testing::EppServer>(options);
  envoy_ = std::make_unique<testing::EnvoyServer>(
      testing::EnvoyOptions{.ext_proc_port = epp_->grpc_port(), .port = client_port});
  epp_->decisions();  // The first look starts their recording.
}

void Cluster::write_pool() const {
  std::vector<testing::PoolEndpoint> endpoints;
  for (const Endpoint& endpoint : endpoints_)
    endpoints.push_back({.name = endpoint.name, .port = endpoint.sim->port()});
  pool_.write(endpoints,
              {{.name = kInteractive, .priority = kInteractivePriority}, {.name = kBatch, .priority = kBatchPriority}});
}

const Endpoint* Cluster::at(const std::string& address) const {
  const auto it = std::ranges::find(endpoints_, address, [](const Endpoint& e) { return e.sim->address(); });
  return it == endpoints_.end() ? nullptr : &*it;
}

const Endpoint* Cluster::named(const std::string& name) const {
  const auto it = std::ranges::find(endpoints_, name, &Endpoint::name);
  return it == endpoints_.end() ? nullptr : &*it;
}

std::string Cluster::broken() {
  if (!envoy_->process().running()) return "Envoy has ended:\n" + last_lines(envoy_->process().output());
  if (!epp_->process().running()) return "the EPP has ended:\n" + last_lines(epp_->process().output());
  for (Endpoint& endpoint : endpoints_) {
    if (!endpoint.sim->process().running()) return endpoint.name + " has ended";
  }
  return {};
}

void Cluster::stop() {
  envoy_->process().stop();
  epp_->process().stop();
  for (Endpoint& endpoint : endpoints_)
    endpoint.sim->process().stop();
}

}  // namespace epp::demo
