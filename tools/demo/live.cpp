#include "live.h"

#include "decisions.h"
#include "format.h"
#include "support/http_client.h"
#include "support/metrics_text.h"
#include "traffic.h"

#include <chrono>
#include <cstdio>
#include <thread>

#include <unistd.h>

namespace epp::demo {
namespace {

constexpr int kClients = 10;
constexpr std::size_t kShownDecisions = 8;

double percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole);
}

std::string endpoint_rows(Cluster& cluster, const Traffic& traffic) {
  std::string rows = format("%-8s %-16s %-12s %8s %7s %7s %6s %12s\n", "endpoint", "address", "speed", "requests",
                            "running", "waiting", "KV %", "prefix hit %");
  const auto tallies = traffic.by_endpoint();
  for (const Endpoint& endpoint : cluster.endpoints()) {
    const auto it = tallies.find(endpoint.name);
    const Tally tally = it == tallies.end() ? Tally{} : it->second;
    const std::string page = testing::http_get(endpoint.sim->port(), "/metrics").body;
    rows +=
        format("%-8s %-16s %-12s %8llu %7.0f %7.0f %6.1f %12.1f\n", endpoint.name.c_str(),
               endpoint.sim->address().c_str(), endpoint.speed.c_str(), static_cast<unsigned long long>(tally.requests),
               testing::sample_value(page, "vllm:num_requests_running"),
               testing::sample_value(page, "vllm:num_requests_waiting"),
               100 * testing::sample_value(page, "vllm:kv_cache_usage_perc"),
               percent(tally.prefix_hit_tokens, tally.prompt_tokens));
  }
  return rows;
}

std::string decision_rows(const Cluster& cluster, const Decisions& decisions) {
  std::string rows = format("%-10s %-8s %6s", "decision", "target", "total");
  for (const auto& [scorer, weight] : cluster.weights())
    rows += format("  %s x%g", scorer.c_str(), weight);
  rows += "\n";
  for (const Decision* decision : decisions.latest(kShownDecisions)) {
    const Candidate* target = decision->candidate(decision->target);
    const Endpoint* endpoint = cluster.at(decision->target);
    if (target == nullptr || endpoint == nullptr) continue;
    rows += format("%-10s %-8s %6.3f", decision->request_id.c_str(), endpoint->name.c_str(), target->total);
    for (const auto& [scorer, weight] : cluster.weights()) {
      const auto score = target->scores.find(scorer);
      rows += format("  %*.3f", static_cast<int>(scorer.size() + format(" x%g", weight).size()),
                     score == target->scores.end() ? 0 : score->second);
    }
    rows += "\n";
  }
  return rows;
}

std::string how_to_try(Cluster& cluster) {
  return format(
      "try it:  curl -sN http://127.0.0.1:%u/v1/chat/completions -H 'content-type: application/json' \\\n"
      "           -d '{\"model\":\"%s\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}'\n"
      "metrics: http://127.0.0.1:%u/metrics   decisions: http://127.0.0.1:%u/debug/decisions   Ctrl-C ends it\n",
      cluster.client_port(), kModel, cluster.epp().metrics_port(), cluster.epp().metrics_port());
}

}  // namespace

int run_live(Cluster& cluster, const std::atomic<bool>& stop) {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  const auto interval = std::chrono::milliseconds(terminal ? 500 : 5000);
  const Traffic traffic(cluster.client_port(), kClients);
  Decisions decisions;
  while (!stop) {
    if (const std::string what = cluster.broken(); !what.empty()) {
      std::fprintf(stderr, "epp-demo: %s\n", what.c_str());
      return 1;
    }
    decisions.collect(cluster.epp());
    std::string screen = terminal ? "\033[H\033[2J" : "";
    screen += endpoint_rows(cluster, traffic) + "\n" + decision_rows(cluster, decisions) + "\n";
    screen += format("wrong answers: %llu %s\n\n", static_cast<unsigned long long>(traffic.wrong_answers()),
                     traffic.last_error().c_str());
    screen += how_to_try(cluster);
    std::fputs(screen.c_str(), stdout);
    std::fflush(stdout);
    for (auto waited = std::chrono::milliseconds(0); waited < interval && !stop;
         waited += std::chrono::milliseconds(50)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  return 0;
}

}  // namespace epp::demo
