#include "conformance/hermetic.h"

#include "support/ports.h"

#include <stdexcept>

#include <nlohmann/json.hpp>

namespace epp::conformance {
namespace {

const KubeEpp kDefault{.config = R"(
plugins:
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- type: lora-affinity-scorer
- type: openai-parser
)",
                       .pool = kHermeticPool};

std::string ip(std::size_t i) {
  return "127.1.1." + std::to_string(i + 1);
}

std::string page(const HermeticPod& pod) {
  std::string text = vllm_page(pod.queue, 0, pod.kv_usage);
  if (pod.active_models.empty()) return text;
  return text +
         "# TYPE vllm:lora_requests_info gauge\nvllm:lora_requests_info{max_lora=\"2\",running_lora_adapters=\"" +
         pod.active_models + "\",waiting_lora_adapters=\"\"} 1700000000\n";
}

}  // namespace

Hermetic::Hermetic(const std::vector<HermeticPod>& pods) : port_(testing::free_port()), pods_(pods) {
  const testing::KubeNamespace& space = cluster_.space;
  const testing::KubeLabels labels{{"app", kHermeticPool}};
  space.create_pool({.name = kHermeticPool, .selector = labels, .ports = {port_}});
  for (const char* name : {"sql-lora", "my-model", "direct-model"})
    space.create_objective(name, 2, kHermeticPool);
  space.create_objective("sql-lora-sheddable", {}, kHermeticPool);
  space.create_objective("inference-objective-with-priority-4", 4, kHermeticPool);
  space.create_objective("sql-lora-sheddable-legacy", 9, kHermeticPool, "inference.networking.x-k8s.io");
  space.create_rewrite("rewrite-test", {"model-to-be-rewritten"}, {{.model = "rewritten-model"}}, kHermeticPool);
  for (std::size_t i = 0; i < pods.size(); ++i) {
    engines_.push_back(std::make_unique<Engine>(page(pods[i]), ip(i), port_));
    space.create_pod({.name = "pod-" + std::to_string(i), .ip = ip(i), .labels = labels});
  }
}

EppServer Hermetic::start(const Flags& flags) const {
  KubeEpp options = kDefault;
  options.flags = flags;
  EppServer epp = cluster_.start(options);
  std::map<std::string, double> queues;
  for (std::size_t i = 0; i < pods_.size(); ++i)
    queues["pod-" + std::to_string(i) + "-rank-0"] = pods_[i].queue;
  if (!has_queues(epp, queues) || !knows_policies(epp)) {
    throw std::runtime_error("pods or objects were not read:\n" + epp.process().output());
  }
  return epp;
}

std::string Hermetic::address(std::size_t i) const {
  return ip(i) + ':' + std::to_string(port_);
}

std::string llm_body(const std::string& prompt, const std::string& model) {
  return nlohmann::json{{"max_tokens", 100}, {"model", model}, {"prompt", prompt}, {"temperature", 0}}.dump();
}

Request llm(const std::string& prompt, const std::string& model, const std::string& target) {
  return {.body = llm_body(prompt, model),
          .headers = {{"hi", "mom"},
                      {"x-request-id", "test-request-id"},
                      {"x-llm-d-inference-objective", model},
                      {"x-llm-d-model-name-rewrite", target}}};
}

}  // namespace epp::conformance
