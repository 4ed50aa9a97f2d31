#include "pods_once.h"

#include "cluster.h"
#include "format.h"
#include "traffic.h"
#include "verdict.h"

#include <chrono>
#include <cmath>
#include <thread>

namespace epp::demo {
namespace {

using testing::Clock;

constexpr int kClients = 12;
constexpr std::chrono::milliseconds kSoon{1000};  // In which the EPP must follow the cluster.

Tally tally_of(const Traffic& traffic, const Pod& pod) {
  const auto tallies = traffic.by_endpoint();
  const auto it = tallies.find(pod.name);
  return it == tallies.end() ? Tally{} : it->second;
}

double ms(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

class Rehearsal {
 public:
  explicit Rehearsal(PodCluster& cluster) : cluster_(cluster), traffic_(cluster.client_port(), kClients, kChat) {}

  int run() {
    for (const auto& pod : cluster_.pods())
      expect_used(*pod, "there from the start");
    Pod& fresh = cluster_.create();
    expect_used(fresh, "created");

    Pod& flapping = *cluster_.pods().at(0);
    cluster_.set_ready(flapping, false);
    expect_unused(flapping, "not ready");
    cluster_.set_ready(flapping, true);
    expect_used(flapping, "ready again");

    Pod& drained = *cluster_.pods().at(1);
    cluster_.drain(drained);
    expect_unused(drained, "draining");
    cluster_.remove(drained);
    cluster_.end(drained);

    Pod& deleted = *cluster_.pods().at(1);
    cluster_.remove(deleted);
    expect_unused(deleted, "deleted");
    cluster_.end(deleted);

    check_objective();
    check_rewrite();
    traffic_.stop();
    verdict_.expect(traffic_.wrong_answers() == 0,
                    format("%llu of %llu requests failed %s", static_cast<unsigned long long>(traffic_.wrong_answers()),
                           static_cast<unsigned long long>(traffic_.requests()), traffic_.last_error().c_str()));
    const std::string broken = cluster_.broken();
    verdict_.expect(broken.empty(), "every process still runs " + broken);
    return verdict_.code();
  }

 private:
  // Requests reach the pod, from now on.
  void expect_used(const Pod& pod, const char* what) {
    const auto from = Clock::now();
    const bool used = testing::wait_until([&] { return tally_of(traffic_, pod).last_asked >= from; });
    verdict_.expect(used, format("%s (%s) gets requests", pod.name.c_str(), what));
  }

  // For a while after kSoon has passed no request begins there.
  void expect_unused(const Pod& pod, const char* what) {
    const auto told = *pod.gone_since;
    watch_until(told + 2 * kSoon);
    const auto last = tally_of(traffic_, pod).last_asked;
    verdict_.expect(last <= told + kSoon,
                    format("%s (%s) gets no more requests: the last began %.0f ms %s that", pod.name.c_str(), what,
                           std::abs(ms(last - told)), last > told ? "after" : "before"));
  }

  // Until all requests that began before `end` are answered.
  void watch_until(Clock::time_point end) {
    std::this_thread::sleep_until(end);
    testing::wait_until([&] { return traffic_.settled(end); });
  }

  // The EPP soon counts such requests.
  void expect_counted(double (PodCluster::*count)() const, const std::string& what) {
    const auto from = Clock::now();
    const bool seen = testing::wait_until([&] { return (cluster_.*count)() > 0; });
    verdict_.expect(seen, format("%s after %.0f ms", what.c_str(), ms(Clock::now() - from)));
  }

  void check_objective() {
    cluster_.objects().create_objective(kChat, kChatPriority);
    expect_counted(&PodCluster::prioritised, format("objective %s: requests have priority %d", kChat, kChatPriority));
  }

  void check_rewrite() {
    cluster_.objects().create_rewrite("upgrade", {kModel}, {{.model = kNextModel}});
    expect_counted(&PodCluster::rewritten, format("rewrite: requests for %s go to %s", kModel, kNextModel));
    const double before = cluster_.as_asked();
    watch_until(Clock::now() + kSoon);
    verdict_.expect(cluster_.as_asked() == before, "rewrite: not one of them any more goes to the old model");
  }

  PodCluster& cluster_;
  Traffic traffic_;
  Verdict verdict_;
};

}  // namespace

int run_pods_once(PodCluster& cluster) {
  return Rehearsal(cluster).run();
}

}  // namespace epp::demo
