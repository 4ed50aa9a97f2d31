#include "flow_control.h"

#include "format.h"
#include "support/http_client.h"
#include "support/metrics_text.h"
#include "tenants.h"
#include "verdict.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <thread>

#include <nlohmann/json.hpp>
#include <unistd.h>

namespace epp::demo {
namespace {

using std::chrono::milliseconds;

std::string tenant_rows(const std::vector<TenantView>& views) {
  std::string rows = format("%-8s %-12s %8s %8s %10s %10s %8s %11s %9s %9s\n", "tenant", "objective", "clients",
                            "waiting", "answers/s", "tokens/s", "share %", "in queue s", "p50 s", "p99 s");
  for (const TenantView& view : views) {
    rows += format("%-8s %-12s %8u %8.0f %10.1f %10.0f %8.1f %11.3f %9.3f %9.3f\n", view.tenant.c_str(),
                   view.objective.c_str(), view.clients, view.waiting, view.answers_per_second, view.tokens_per_second,
                   100 * view.share, view.queue_seconds, view.seconds_p50, view.seconds_p99);
  }
  return rows;
}

std::string gate_rows(Cluster& cluster) {
  const auto queue = nlohmann::json::parse(testing::http_get(cluster.epp().metrics_port(), "/debug/flowcontrol").body);
  const auto& gate = queue.at("gate");
  std::string rows = format("saturation %.2f: %s\n", gate.at("saturation").get<double>(),
                            gate.at("open") ? "the gate is open" : gate.at("closedBecause").get<std::string>().c_str());
  for (const auto& band : queue.at("bands")) {
    rows += format("priority %3d: %4d requests wait in %d flows, the oldest for %.3f s\n",
                   band.at("priority").get<int>(), band.at("length").get<int>(), band.at("activeFlows").get<int>(),
                   band.at("oldestWaitSeconds").get<double>());
  }
  return rows;
}

// False if `stop` was set meanwhile.
bool pass(milliseconds time, const std::atomic<bool>& stop) {
  const auto end = testing::Clock::now() + time;
  while (!stop && testing::Clock::now() < end)
    std::this_thread::sleep_for(milliseconds(50));
  return !stop;
}

int run_live(Cluster& cluster, const std::atomic<bool>& stop) {
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  Tenants tenants(cluster);
  while (pass(milliseconds(terminal ? 2000 : 5000), stop)) {
    if (const std::string what = cluster.broken(); !what.empty()) {
      std::fprintf(stderr, "epp-demo: %s\n", what.c_str());
      return 1;
    }
    std::string screen = terminal ? "\033[H\033[2J" : "";
    screen += tenant_rows(tenants.look()) + "\n" + gate_rows(cluster);
    screen +=
        format("lost: %llu %s\n", static_cast<unsigned long long>(tenants.lost()), tenants.examples_of_lost().c_str());
    screen +=
        format("queue: http://127.0.0.1:%u/debug/flowcontrol   metrics: http://127.0.0.1:%u/metrics   Ctrl-C ends it\n",
               cluster.epp().metrics_port(), cluster.epp().metrics_port());
    std::fputs(screen.c_str(), stdout);
    std::fflush(stdout);
  }
  return 0;
}

// The views in the order of Tenants: batch jobs of the greedy and of the modest tenant, then their interactive
// requests.
void judge(Verdict& verdict, const std::vector<TenantView>& views) {
  const TenantView& greedy = views.at(0);
  const TenantView& modest = views.at(1);
  verdict.expect(greedy.waiting > 0 && greedy.clients == 10 * modest.clients,
                 format("the pool is saturated: %.0f batch requests wait", greedy.waiting + modest.waiting));
  verdict.expect(
      std::abs(greedy.share - 0.5) <= 0.05,
      format("offering 10:1, the tenants get %.1f : %.1f %% of the tokens", 100 * greedy.share, 100 * modest.share));
  for (const TenantView* interactive : {&views.at(2), &views.at(3)}) {
    verdict.expect(interactive->answers_per_second > 0 && interactive->queue_seconds < modest.queue_seconds / 2 &&
                       interactive->queue_seconds < greedy.queue_seconds / 2,
                   format("interactive requests of %s wait %.0f ms, batch requests %.0f (greedy) and %.0f ms (modest)",
                          interactive->tenant.c_str(), 1000 * interactive->queue_seconds, 1000 * greedy.queue_seconds,
                          1000 * modest.queue_seconds));
  }
}

int run_once(Cluster& cluster, const std::atomic<bool>& stop) {
  Tenants tenants(cluster);
  Verdict verdict;
  const auto batch_waits = [&] {
    const std::vector<TenantView> views = tenants.look();
    return views.at(0).waiting > 0 && views.at(1).waiting > 0 && views.at(0).answers_per_second > 0;
  };
  if (!testing::wait_until(batch_waits)) verdict.expect(false, "the pool never was saturated");
  pass(milliseconds(2000), stop);
  tenants.look();  // Begins the span that counts.
  if (!pass(milliseconds(10000), stop)) return 1;
  const std::vector<TenantView> views = tenants.look();
  std::printf("%s\n%s\n", tenant_rows(views).c_str(), gate_rows(cluster).c_str());
  judge(verdict, views);
  tenants.stop();
  verdict.expect(tenants.lost() == 0,
                 format("%llu requests were lost %s", static_cast<unsigned long long>(tenants.lost()),
                        tenants.examples_of_lost().c_str()));
  verdict.expect(testing::wait_until([&] {
                   return testing::sample_sum(cluster.epp().metrics(), "llm_d_epp_flow_control_queue_size") == 0;
                 }),
                 "the queue is empty at the end");
  verdict.expect(cluster.broken().empty(), "every process still runs " + cluster.broken());
  return verdict.code();
}

}  // namespace

int run_flow_control(Cluster& cluster, bool once, const std::atomic<bool>& stop) {
  return once ? run_once(cluster, stop) : run_live(cluster, stop);
}

}  // namespace epp::demo
