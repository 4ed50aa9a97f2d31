#include "pods_live.h"

#include "cluster.h"
#include "format.h"
#include "traffic.h"

#include <chrono>
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

constexpr int kClients = 12;

// False if `stop` was set meanwhile.
bool pass(milliseconds time, const std::atomic<bool>& stop) {
  const auto end = testing::Clock::now() + time;
  while (!stop && testing::Clock::now() < end)
    std::this_thread::sleep_for(milliseconds(20));
  return !stop;
}

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
    cluster_.objects().create_objective(kChat, kChatPriority);
    tell(format("objective %s: priority %d", kChat, kChatPriority));
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

}  // namespace

int run_pods_live(PodCluster& cluster, const std::atomic<bool>& stop) {
  constexpr int kStepEvery = 2;
  const bool terminal = isatty(STDOUT_FILENO) != 0;
  const Traffic traffic(cluster.client_port(), kClients, kChat);
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
                     cluster.prioritised(), kChatPriority, cluster.rewritten(), kNextModel,
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

}  // namespace epp::demo
