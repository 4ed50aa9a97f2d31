#include "kubernetes.h"

#include "cluster.h"
#include "format.h"
#include "pod_cluster.h"
#include "traffic.h"
#include "verdict.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <deque>
#include <iterator>
#include <map>
#include <thread>
#include <utility>

#include <unistd.h>

namespace epp::demo {
namespace {

using std::chrono::milliseconds;
using testing::Clock;

constexpr int kClients = 12;
constexpr milliseconds kSoon{1000};  // In which the EPP must follow the cluster.
constexpr const char* kObjective = "chat";
constexpr int kPriority = 10;

// False if `stop` was set meanwhile.
bool pass(milliseconds time, const std::atomic<bool>& stop) {
  const auto end = Clock::now() + time;
  while (!stop && Clock::now() < end)
    std::this_thread::sleep_for(milliseconds(20));
  return !stop;
}

Tally tally_of(const Traffic& traffic, const Pod& pod) {
  const auto tallies = traffic.by_endpoint();
  const auto it = tallies.find(pod.name);
  return it == tallies.end() ? Tally{} : it->second;
}

double ms(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

// How many requests the EPP counts with these labels.
double requests_with(PodCluster& cluster, const std::string& label) {
  double sum = 0;
  const std::string page = cluster.epp().metrics();
  for (std::size_t at = 0, end = 0; at < page.size(); at = end + 1) {
    end = std::min(page.find('\n', at), page.size());
    const std::string line = page.substr(at, end - at);
    if (line.starts_with("llm_d_epp_request_total{") && line.find(label) != std::string::npos) {
      sum += std::stod(line.substr(line.rfind(' ')));
    }
  }
  return sum;
}

const std::string kRewritten = format("target_model_name=\"%s\"", kNextModel);
const std::string kAsAsked = format("target_model_name=\"%s\"", kModel);
const std::string kPrioritised = format("priority=\"%d\"", kPriority);

// ---- Once

class Rehearsal {
 public:
  explicit Rehearsal(PodCluster& cluster) : cluster_(cluster), traffic_(cluster.client_port(), kClients, kObjective) {}

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

  // A label of the EPP's request counter appears soon.
  void expect_counted(const std::string& label, const std::string& what) {
    const auto from = Clock::now();
    const bool seen = testing::wait_until([&] { return requests_with(cluster_, label) > 0; });
    verdict_.expect(seen, format("%s after %.0f ms", what.c_str(), ms(Clock::now() - from)));
  }

  void check_objective() {
    cluster_.objects().create_objective(kObjective, kPriority);
    expect_counted(kPrioritised, format("objective %s: requests have priority %d", kObjective, kPriority));
  }

  void check_rewrite() {
    cluster_.objects().create_rewrite("upgrade", {kModel}, {{.model = kNextModel}});
    expect_counted(kRewritten, format("rewrite: requests for %s go to %s", kModel, kNextModel));
    const double before = requests_with(cluster_, kAsAsked);
    watch_until(Clock::now() + kSoon);
    verdict_.expect(requests_with(cluster_, kAsAsked) == before,
                    "rewrite: not one of them any more goes to the old model");
  }

  PodCluster& cluster_;
  Traffic traffic_;
  Verdict verdict_;
};

// ---- Live

// What happens to the cluster, over and over, one step at a time.
class Play {
 public:
  explicit Play(PodCluster& cluster) : cluster_(cluster) {}

  void step() {
    using Step = void (Play::*)();
    static constexpr Step kSteps[] = {&Play::create,  &Play::upset,   &Play::calm,   &Play::drain, &Play::bury,
                                      &Play::create,  &Play::promise, &Play::remove, &Play::bury,  &Play::create,
                                      &Play::rewrite, &Play::drain,   &Play::bury,   &Play::revoke};
    (this->*kSteps[next_++ % std::size(kSteps)])();
  }

  const std::deque<std::string>& told() const { return told_; }

 private:
  Pod& oldest() { return *cluster_.pods().front(); }

  void tell(const std::string& what) {
    told_.push_back(what);
    constexpr std::size_t kMost = 8;
    if (told_.size() > kMost) told_.pop_front();
  }

  void create() { tell(cluster_.create().name + " is created"); }
  void upset() {
    cluster_.set_ready(oldest(), false);
    tell(oldest().name + " is not ready");
  }
  void calm() {
    cluster_.set_ready(oldest(), true);
    tell(oldest().name + " is ready again");
  }
  void drain() {
    cluster_.drain(oldest());
    tell(oldest().name + " drains: deleted with a grace period");
  }
  void remove() {
    cluster_.remove(oldest());
    tell(oldest().name + " is deleted at once");
  }
  void bury() {
    if (oldest().state == PodState::kDraining) cluster_.remove(oldest());
    tell(oldest().name + " has ended");
    cluster_.end(oldest());
  }
  void promise() {
    if (std::exchange(promised_, true)) return;
    cluster_.objects().create_objective(kObjective, kPriority);
    tell(format("objective %s: priority %d", kObjective, kPriority));
  }
  void rewrite() {
    cluster_.objects().create_rewrite("canary", {kModel},
                                      {{.model = kModel, .weight = 80}, {.model = kNextModel, .weight = 20}});
    tell(format("rewrite: a fifth of %s goes to %s", kModel, kNextModel));
  }
  void revoke() {
    cluster_.objects().delete_rewrite("canary");
    tell("the rewrite is gone");
  }

  PodCluster& cluster_;
  std::size_t next_ = 0;
  bool promised_ = false;
  std::deque<std::string> told_;
};

std::string pod_rows(PodCluster& cluster, const Traffic& traffic, std::map<std::string, Tally>& last) {
  const auto tallies = traffic.by_endpoint();
  std::uint64_t all = 0;
  for (const auto& [name, tally] : tallies)
    all += tally.requests - last[name].requests;
  std::string rows = format("%-8s %-14s %-10s %9s %8s\n", "pod", "address", "state", "requests", "share %");
  for (const auto& pod : cluster.pods()) {
    const auto it = tallies.find(pod->name);
    const std::uint64_t requests = it == tallies.end() ? 0 : it->second.requests;
    const std::uint64_t now = requests - last[pod->name].requests;
    rows += format("%-8s %-14s %-10s %9llu %8.1f\n", pod->name.c_str(), pod->ip.c_str(), text(pod->state),
                   static_cast<unsigned long long>(requests),
                   all == 0 ? 0 : 100.0 * static_cast<double>(now) / static_cast<double>(all));
  }
  last = tallies;
  return rows;
}

int run_live(PodCluster& cluster, const std::atomic<bool>& stop) {
  constexpr int kStepEvery = 2;
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  const Traffic traffic(cluster.client_port(), kClients, kObjective);
  std::map<std::string, Tally> last;
  Play play(cluster);
  for (int turn = 1; pass(milliseconds(1500), stop); ++turn) {
    if (const std::string what = cluster.broken(); !what.empty()) {
      std::fprintf(stderr, "epp-demo: %s\n", what.c_str());
      return 1;
    }
    std::string screen = terminal ? "\033[H\033[2J" : "";
    screen += pod_rows(cluster, traffic, last) + "\n";
    for (const std::string& what : play.told())
      screen += "  " + what + "\n";
    screen += format("\nrequests: %.0f with priority %d, %.0f rewritten to %s; failed: %llu %s\n",
                     requests_with(cluster, kPrioritised), kPriority, requests_with(cluster, kRewritten), kNextModel,
                     static_cast<unsigned long long>(traffic.wrong_answers()), traffic.last_error().c_str());
    screen += format(
        "metrics: http://127.0.0.1:%u/metrics   endpoints: http://127.0.0.1:%u/debug/endpoints   Ctrl-C ends it\n",
        cluster.epp().metrics_port(), cluster.epp().metrics_port());
    std::fputs(screen.c_str(), stdout);
    std::fflush(stdout);
    if (turn % kStepEvery == 0) play.step();
  }
  return 0;
}

}  // namespace

int run_kubernetes(std::uint16_t client_port, bool once, const std::atomic<bool>& stop) {
  PodCluster cluster(client_port);
  const int code = once ? Rehearsal(cluster).run() : run_live(cluster, stop);
  cluster.stop();
  return code;
}

}  // namespace epp::demo
