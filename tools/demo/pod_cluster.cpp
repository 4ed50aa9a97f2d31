#include "pod_cluster.h"

#include "cluster.h"
#include "support/files.h"
#include "support/places.h"
#include "support/ports.h"

#include <algorithm>
#include <stdexcept>

#include <nlohmann/json.hpp>

namespace epp::demo {
namespace {

using testing::Clock;

constexpr int kFirstPods = 3;

std::unique_ptr<testing::ModelSim> start_server(const std::string& name, const std::string& ip, std::uint16_t port) {
  return std::make_unique<testing::ModelSim>(
      testing::ModelSimOptions{.model = kModel,
                               .name = name,
                               .port = port,
                               .arguments = {"--address", ip, "--model", kNextModel, "--ttft-ms", "15", "--itl-ms", "5",
                                             "--prefill-tokens-per-second", "16000", "--max-num-seqs", "8",
                                             "--kv-blocks", "1024", "--jitter", "0.1"}});
}

// The sum of the request counters of a metrics page that have this label.
double requests_with(const std::string& page, const std::string& label) {
  double sum = 0;
  for (std::size_t at = 0, end = 0; at < page.size(); at = end + 1) {
    end = std::min(page.find('\n', at), page.size());
    const std::string line = page.substr(at, end - at);
    if (line.starts_with("llm_d_epp_request_total{") && line.find(label) != std::string::npos) {
      sum += std::stod(line.substr(line.rfind(' ')));
    }
  }
  return sum;
}

}  // namespace

const char* text(PodState state) {
  switch (state) {
    case PodState::kReady:
      return "ready";
    case PodState::kUnready:
      return "not ready";
    case PodState::kDraining:
      return "draining";
    case PodState::kDeleted:
      return "deleted";
  }
  return "";
}

PodCluster::Prerequisites::Prerequisites() {
  if (const std::string missing = testing::KubeServer::missing(); !missing.empty()) throw std::runtime_error(missing);
  testing::envoy_program();
  testing::built_program("epp");
}

PodCluster::PodCluster(std::uint16_t client_port) : objects_(server_), model_port_(testing::free_fixed_port()) {
  objects_.create_pool({.name = "pool", .selector = {{"app", "m"}}, .ports = {model_port_}});
  for (int i = 0; i < kFirstPods; ++i)
    create();
  const std::string manifest = testing::read_file(testing::source_file("configs/manifests/demo-kubernetes.json"));
  epp_ = std::make_unique<testing::EppServer>(
      testing::EppOptions{.arguments = {"--pool-name", "pool", "--pool-namespace", objects_.name(), "--kubeconfig",
                                        server_.kubeconfig_file(testing::KubeUser::kEpp).string(), "--drain-timeout",
                                        "1s", "--config-text", manifest}});
  envoy_ = std::make_unique<testing::EnvoyServer>(
      testing::EnvoyOptions{.ext_proc_port = epp_->grpc_port(), .port = client_port});
}

Pod& PodCluster::create() {
  const int number = ++created_;
  const std::string name = "pod-" + std::to_string(number);
  const std::string ip = "127.1." + std::to_string(number / 250) + '.' + std::to_string(number % 250 + 1);
  pods_.push_back(std::make_unique<Pod>(Pod{.name = name, .ip = ip, .sim = start_server(name, ip, model_port_)}));
  objects_.create_pod({.name = name, .ip = ip, .labels = {{"app", "m"}}});
  return *pods_.back();
}

void PodCluster::set_ready(Pod& pod, bool ready) {
  objects_.set_ready(pod.name, ready);
  pod.state = ready ? PodState::kReady : PodState::kUnready;
  pod.gone_since.reset();
  if (!ready) pod.gone_since = Clock::now();
}

void PodCluster::drain(Pod& pod) {
  objects_.drain_pod(pod.name);
  pod.state = PodState::kDraining;
  pod.gone_since = Clock::now();
}

void PodCluster::remove(Pod& pod) {
  objects_.delete_pod(pod.name);
  pod.state = PodState::kDeleted;
  if (!pod.gone_since) pod.gone_since = Clock::now();
}

void PodCluster::end(Pod& pod) {
  pod.sim->process().stop();
  std::erase_if(pods_, [&](const std::unique_ptr<Pod>& other) { return other.get() == &pod; });
}

double PodCluster::prioritised() const {
  return requests_with(epp_->metrics(), "priority=\"" + std::to_string(kChatPriority) + '"');
}

double PodCluster::rewritten() const {
  return requests_with(epp_->metrics(), std::string("target_model_name=\"") + kNextModel + '"');
}

double PodCluster::as_asked() const {
  return requests_with(epp_->metrics(), std::string("target_model_name=\"") + kModel + '"');
}

std::string PodCluster::broken() {
  if (!envoy_->process().running()) return "Envoy has ended: " + envoy_->process().output();
  if (!epp_->process().running()) return "the EPP has ended: " + epp_->process().output();
  for (const auto& pod : pods_) {
    if (!pod->sim->process().running()) return "the server of " + pod->name + " has ended";
  }
  return {};
}

void PodCluster::stop() {
  envoy_->process().stop();
  epp_->process().stop();
  for (const auto& pod : pods_)
    pod->sim->process().stop();
}

}  // namespace epp::demo
