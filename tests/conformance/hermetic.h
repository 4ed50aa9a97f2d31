// The pods, objects and messages of the reference's hermetic cases, on addresses of this machine.
#pragma once

#include "conformance/engine.h"
#include "conformance/exchange.h"
#include "conformance/kube_lab.h"

#include <memory>
#include <string>
#include <vector>

namespace epp::conformance {

// P(i, queue, kv, models...)
struct HermeticPod {
  double queue = 0;
  double kv_usage = 0;
  std::string active_models = {};  // comma-separated
};

// The pool, its objectives and its rewrite, and so many pods that really say what they are said to say.
class Hermetic {
 public:
  explicit Hermetic(const std::vector<HermeticPod>& pods);

  // An EPP with the default configuration of the cases that has read all metrics and objects.
  EppServer start(const Flags& flags = {}) const;
  // The destination that stands for pod i.
  std::string address(std::size_t i) const;

 private:
  Cluster cluster_;
  std::uint16_t port_;
  std::vector<HermeticPod> pods_;
  std::vector<std::unique_ptr<Engine>> engines_;
};

inline const std::string kHermeticPool = "vllm-qwen3-32b-pool";

// LLM(prompt, model, target)
Request llm(const std::string& prompt, const std::string& model, const std::string& target);
std::string llm_body(const std::string& prompt, const std::string& model);

}  // namespace epp::conformance
