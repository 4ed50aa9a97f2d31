#include "tenants.h"

#include "support/metrics_text.h"

#include <chrono>
#include <utility>

namespace epp::demo {
namespace {

using testing::TenantLoad;
using testing::TenantTraffic;

// The servers run sixteen requests together.
constexpr unsigned kModestClients = 12;
constexpr unsigned kGreedyClients = 10 * kModestClients;

std::vector<TenantLoad> demo_loads() {
  constexpr unsigned kTokens = 24;
  constexpr std::chrono::milliseconds kReading{150};
  return {
      {.tenant = "greedy", .objective = kBatch, .model = kModel, .clients = kGreedyClients, .output_tokens = kTokens},
      {.tenant = "modest", .objective = kBatch, .model = kModel, .clients = kModestClients, .output_tokens = kTokens},
      {.tenant = "greedy",
       .objective = kInteractive,
       .model = kModel,
       .clients = 2,
       .output_tokens = kTokens,
       .pause = kReading},
      {.tenant = "modest",
       .objective = kInteractive,
       .model = kModel,
       .clients = 2,
       .output_tokens = kTokens,
       .pause = kReading}};
}

double seconds(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

testing::Labels labels_of(const TenantLoad& load) {
  const int priority = load.objective == kInteractive ? kInteractivePriority : kBatchPriority;
  return {{"fairness_id", load.tenant}, {"priority", std::to_string(priority)}};
}

}  // namespace

Tenants::Tenants(Cluster& cluster) : cluster_(cluster), loads_(demo_loads()), traffic_(cluster.client_port(), loads_) {}

std::vector<TenantView> Tenants::look() {
  const std::string page = cluster_.epp().metrics();
  const auto tallies = traffic_.take();
  const auto now = testing::Clock::now();
  const double span = std::chrono::duration<double>(now - looked_).count();
  looked_ = now;

  std::map<std::string, double> tokens;  // by objective
  for (const auto& [key, tally] : tallies)
    tokens[key.second] += static_cast<double>(tally.tokens);

  std::vector<TenantView> views;
  for (const TenantLoad& load : loads_) {
    const TenantTraffic::Key key{load.tenant, load.objective};
    const auto sum = [&](const char* name) {
      return testing::sample_sum(page, std::string("llm_d_epp_flow_control_") + name, labels_of(load)).value_or(0);
    };
    TenantView view{.tenant = load.tenant, .objective = load.objective, .clients = load.clients};
    view.waiting = sum("queue_size");
    const QueueTimes times{sum("request_queue_duration_seconds_sum"), sum("request_queue_duration_seconds_count")};
    const QueueTimes before = std::exchange(queue_times_[key], times);
    if (times.count > before.count) view.queue_seconds = (times.sum - before.sum) / (times.count - before.count);
    if (const auto it = tallies.find(key); it != tallies.end()) {
      view.answers_per_second = static_cast<double>(it->second.answers) / span;
      view.tokens_per_second = static_cast<double>(it->second.tokens) / span;
      view.share = static_cast<double>(it->second.tokens) / tokens[load.objective];
      view.seconds_p50 = seconds(it->second.quantile(0.5));
      view.seconds_p99 = seconds(it->second.quantile(0.99));
    }
    views.push_back(view);
  }
  return views;
}

}  // namespace epp::demo
