// What happens to a cluster over months, in minutes: while traffic flows through Envoy and pods come and go, the API
// server is killed, etcd is compacted, tokens are rotated, the network is cut, the pool is edited and the leader dies.
// Fifteen minutes with EPP_LONG_TESTS, else one round of everything.
#include "churn.h"
#include "deployment.h"
#include "pod_book.h"
#include "steady_traffic.h"
#include "support/kube_api.h"
#include "support/metrics_text.h"
#include "support/places.h"
#include "support/ports.h"
#include "support/tcp_relay.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>
#include <sstream>

#include <gtest/gtest.h>

namespace epp::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kTold{1};          // from the API server's answer until no pick may say otherwise
constexpr seconds kIdleTimeout{10};  // --kube-watch-idle-timeout
constexpr seconds kLease{4};
constexpr milliseconds kScrape{500};  // of every pod
constexpr seconds kStaleness{2};
constexpr int kSolid = 4;  // pods with a model server of their own, which stay

// Of a model server.
struct Death {
  std::string address;
  Clock::time_point at;
};

// What was measured, for people.
struct Tally {
  std::size_t answers = 0;
  std::size_t excused = 0;
};

std::string manifest() {
  Json config = Json::parse(read_file(source_file("configs/manifests/demo.json")));
  for (Json& plugin : config["plugins"]) {
    if (plugin["type"] != "utilization-detector") continue;
    plugin["parameters"]["metricsStalenessThreshold"] = std::to_string(kStaleness.count()) + "s";
  }
  return config.dump();
}

// Pods that nobody needs come and go at a steady pace: created, unready, ready again, drained, deleted.
class PodChurn {
 public:
  PodChurn(const KubeNamespace& space, PodBook& book, int pods, std::uint16_t port, milliseconds pace)
      : space_(space), book_(book), states_(static_cast<std::size_t>(pods)), port_(port), pace_(pace) {}
  ~PodChurn() { stop(); }

  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }
  // No call to the API server is under way while this is held.
  [[nodiscard]] std::unique_lock<std::mutex> pause() { return std::unique_lock(mutex_); }
  std::size_t events() const { return events_; }

  static std::string ip(std::size_t i) {
    return "127.2." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
  }
  std::string address(std::size_t i) const { return ip(i) + ":" + std::to_string(port_); }
  static std::string name(std::size_t i) { return "churn-" + std::to_string(i); }

  // The pod of the first quarter are created at once, so that there is something to choose from.
  void fill() {
    for (std::size_t i = 0; i < states_.size() / 4; ++i)
      step(i);
  }

  // Edits of the pool's selector: whether pods with an odd number are selected. Call with pause() held.
  void select_odd(bool selected) {
    odd_selected_ = selected;
    for (std::size_t i = 1; i < states_.size(); i += 2)
      record(i);
  }

 private:
  enum class State : std::uint8_t { kAbsent, kReady, kUnready, kDraining };

  void record(std::size_t i) {
    const bool selected = i % 2 == 0 || odd_selected_;
    if (states_[i] == State::kReady) book_.live(address(i));
    // One that gets ready just after an edit that leaves it out may be taken for selected as long as any other.
    if (states_[i] != State::kReady || !selected) book_.gone(address(i));
  }

  // Before a pod may get requests, and after it may no more.
  void set(std::size_t i, State state) {
    states_[i] = state;
    record(i);
  }

  void step(std::size_t i) {
    switch (states_[i]) {
      case State::kAbsent:
        set(i, State::kReady);
        space_.create_pod({.name = name(i), .ip = ip(i), .labels = {{"app", "m"}, {"half", i % 2 == 0 ? "a" : "b"}}});
        break;
      case State::kReady:
        switch (random_() % 4) {
          case 0:
            space_.set_ready(name(i), false);
            set(i, State::kUnready);
            break;
          case 1:
            space_.drain_pod(name(i));
            set(i, State::kDraining);
            break;
          default:
            space_.delete_pod(name(i));
            set(i, State::kAbsent);
        }
        break;
      case State::kUnready:
        set(i, State::kReady);
        space_.set_ready(name(i), true);
        break;
      case State::kDraining:
        space_.delete_pod(name(i));
        set(i, State::kAbsent);
        break;
    }
    ++events_;
  }

  void run() {
    auto next = Clock::now();
    while (!stopping_) {
      {
        const auto lock = pause();
        step(random_() % states_.size());
      }
      next = std::max(next + pace_, Clock::now() - pace_);
      std::this_thread::sleep_until(next);
    }
  }

  const KubeNamespace& space_;
  PodBook& book_;
  std::mutex mutex_;
  std::vector<State> states_;
  const std::uint16_t port_;
  const milliseconds pace_;
  bool odd_selected_ = true;
  std::mt19937 random_{7};
  std::atomic<bool> stopping_{false};
  std::atomic<std::size_t> events_{0};
  std::thread thread_;
};

// EPP_CHAOS_SECONDS, for a look of one's own.
seconds chaos_time() {
  if (const char* own = std::getenv("EPP_CHAOS_SECONDS")) return seconds(std::stol(own));
  return long_tests() ? seconds(900) : seconds(0);
}

class KubernetesChaos : public ::testing::Test {
 protected:
  KubernetesChaos() {
    space_.create_pool({.ports = {port_}});
    for (int i = 0; i < kSolid; ++i) {
      start_solid(i);
      space_.create_pod(
          {.name = "solid-" + std::to_string(i), .ip = solid_ip(i), .labels = {{"app", "m"}, {"half", "a"}}});
    }
    crowd_ = std::make_unique<ModelSim>(sim("127.2.0.1", {"--hosts", "1024"}));
    write_file(token_file(), KubeServer::token(KubeUser::kEpp));
    write_kubeconfig();
    churn_ = std::make_unique<PodChurn>(space_, book_, chaos_time() > seconds(0) ? 500 : 60, port_, milliseconds(50));
    churn_->fill();
  }

  void TearDown() override {
    if (!HasFailure()) return;
    for (const auto* epp : {&leader_, &epp_}) {
      if (*epp) std::cerr << "an EPP said:\n" << about_the_cluster((*epp)->process().output());
    }
  }

  static std::string about_the_cluster(const std::string& log) {
    std::istringstream lines(log);
    std::string found;
    for (std::string line; std::getline(lines, line);) {
      if (line.find("\"msg\":\"EPP") == std::string::npos) found += line + '\n';
    }
    return last_lines(found, 60);
  }

  static std::string solid_ip(int i) { return "127.1.0." + std::to_string(i + 1); }
  std::string solid_address(int i) const { return solid_ip(i) + ":" + std::to_string(port_); }

  ModelSimOptions sim(const std::string& address, const std::vector<std::string>& more = {}) const {
    ModelSimOptions options = quick_sim("");
    options.port = port_;
    options.arguments.insert(options.arguments.end(), {"--address", address});
    options.arguments.insert(options.arguments.end(), more.begin(), more.end());
    return options;
  }

  void start_solid(int i) { solid_[i] = std::make_unique<ModelSim>(sim(solid_ip(i))); }

  std::filesystem::path token_file() const { return directory_.path() / "token"; }

  // Through the relay, with a token that can be rotated.
  void write_kubeconfig() const {
    write_file(directory_.path() / "ca.crt", cluster_.ca_pem());
    const Json config = {
        {"apiVersion", "v1"},
        {"kind", "Config"},
        {"current-context", "test"},
        {"contexts", {{{"name", "test"}, {"context", {{"cluster", "test"}, {"user", "epp"}}}}}},
        {"clusters",
         {{{"name", "test"},
           {"cluster",
            {{"server", "https://127.0.0.1:" + std::to_string(relay_.port())}, {"certificate-authority", "ca.crt"}}}}}},
        {"users", {{{"name", "epp"}, {"user", {{"tokenFile", "token"}}}}}}};
    write_file(directory_.path() / "config", config.dump());
  }

  std::unique_ptr<EppServer> start_epp(const std::string& service) const {
    return std::make_unique<EppServer>(EppOptions{
        .arguments = {"--config-text=" + manifest(), "--pool-name=pool", "--pool-namespace=" + space_.name(),
                      "--drain-timeout=1s", "--kubeconfig=" + (directory_.path() / "config").string(),
                      "--ha-enable-leader-election", "--ha-lease-duration=" + std::to_string(kLease.count()) + "s",
                      // Shorter than the cuts below: the lead is lost, the service is not.
                      "--ha-renew-deadline=3s", "--ha-retry-period=500ms", "--ha-exit-on-lost-lease=false",
                      "--kube-watch-idle-timeout=" + std::to_string(kIdleTimeout.count()) + "s",
                      "--refresh-metrics-interval=" + std::to_string(kScrape.count()) + "ms",
                      "--metrics-staleness-threshold=" + std::to_string(kStaleness.count()) + "s"},
        .service = service});
  }

  // Which of them have a watch now.
  std::size_t watches(const std::vector<std::string>& resources) const {
    const std::string page = epp_->metrics();
    return static_cast<std::size_t>(std::count_if(resources.begin(), resources.end(), [&](const std::string& resource) {
      const auto samples = samples_of(page, "epp_kube_watch_connected", {{"resource", resource}});
      return samples.size() == 1 && samples[0].value == 1;
    }));
  }
  bool watching() const { return watches({"pods", "inferencepools"}) == 2; }
  bool deaf() const { return watches({"pods", "inferencepools"}) == 0; }

  // The EPP may not know better until its watch is back.
  template <typename Action>
  void while_blind(Action action) {
    book_.blind();
    action();
    EXPECT_TRUE(wait_until([&] { return watching(); }, seconds(60)));
    book_.sees_again();
  }

  void judge(const SteadyAnswer& answer) {
    ++tally_.answers;
    if (answer.status == 200) {
      const auto gone = book_.gone_for(answer.endpoint, answer.start, answer.end);
      if (gone && *gone > kTold) {
        complain(answer.id + " reached " + answer.endpoint + ", gone for " +
                 std::to_string(std::chrono::duration_cast<milliseconds>(*gone).count()) + " ms, in " + phase_.load() +
                 "; the API server says " + pod_state(answer.endpoint));
      }
      return;
    }
    failed_.push_back(answer);
  }

  // Of the churn, as it is there now.
  std::string pod_state(const std::string& address) const {
    try {
      const Json pods = space_.api().get(space_.pods());
      for (const Json& pod : pods.at("items")) {
        if (pod.at("status").value("podIP", "") + ":" + std::to_string(port_) != address) continue;
        return pod.at("metadata").value("name", "") + " " + pod.at("metadata").value("resourceVersion", "") + " " +
               pod.at("metadata").at("labels").dump() +
               (pod.at("metadata").contains("deletionTimestamp") ? " deleting " : " ") +
               pod.at("status").value("conditions", Json()).dump();
      }
      return "nothing";
    } catch (const std::exception& error) {
      return error.what();
    }
  }

  void complain(const std::string& text) {
    ++wrong_;
    if (wrong_ <= 10) complaints_ += text + "\n";
  }

  // A request may fail only when the pod that it was sent to had died, and not so long ago that the EPP had to know.
  void judge_failures() {
    for (const SteadyAnswer& answer : failed_) {
      const std::string target = follower_->target(answer.id);
      const bool excused = std::any_of(deaths_.begin(), deaths_.end(), [&](const Death& death) {
        return death.address == target && answer.end >= death.at && answer.start < death.at + kStaleness + 2 * kScrape;
      });
      if (excused) {
        ++tally_.excused;
      } else {
        complain(answer.id + " to '" + target + "': " + std::to_string(answer.status) + " " + answer.error);
      }
    }
  }

  template <typename Action>
  void phase(const char* name, Action action) {
    phase_ = name;
    action();
  }

  static std::size_t resident_kib(EppServer& epp) {
    std::ifstream status("/proc/" + std::to_string(epp.process().pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) return std::stoul(line.substr(6));
    }
    return 0;
  }

  void kill_api_server() {
    while_blind([&] {
      const auto quiet = churn_->pause();
      cluster_.kill();
      std::this_thread::sleep_for(seconds(2));  // an outage, not a blink
      cluster_.start();
    });
  }

  double pod_lists() const {
    return sample_sum(epp_->metrics(), "epp_kube_lists_total", {{"resource", "pods"}}).value_or(0);
  }

  // The EPP's position in the watch is too old when it comes back. (If the cut meets it while it lists, because the
  // phase before had made its position too old, it lists again without being told to.)
  void expire_watch() {
    const double lists = pod_lists();
    while_blind([&] {
      relay_.cut();
      relay_.freeze();
      const std::size_t events = churn_->events();
      EXPECT_TRUE(wait_until([&] { return churn_->events() > events + 20; }));
      {
        const auto quiet = churn_->pause();
        cluster_.compact();
        cluster_.kill();
        cluster_.start();
      }
      relay_.thaw();
      relay_.cut();
    });
    EXPECT_TRUE(wait_until([&] { return pod_lists() > lists; }));
  }

  void cut_network() {
    while_blind([&] {
      const auto cut = Clock::now();
      relay_.freeze();
      EXPECT_TRUE(wait_until([&] { return deaf(); }, kIdleTimeout + seconds(2)))
          << "a half-open watch is noticed within its flag's time";
      std::cout << "half-open watch noticed after "
                << std::chrono::duration_cast<milliseconds>(Clock::now() - cut).count() << " ms\n";
      relay_.thaw();
    });
  }

  void rotate_token() {
    rotated_ = !rotated_;
    write_file(token_file(), KubeServer::token(rotated_ ? KubeUser::kAdmin : KubeUser::kEpp));
    while_blind([&] { relay_.cut(); });
  }

  void edit_selector() {
    {
      const auto quiet = churn_->pause();
      space_.patch_pool({{"selector", {{"matchLabels", {{"app", "m"}, {"half", "a"}}}}}});
      churn_->select_odd(false);
    }
    const std::size_t events = churn_->events();
    EXPECT_TRUE(wait_until([&] { return churn_->events() > events + 60; }));
    {
      const auto quiet = churn_->pause();
      churn_->select_odd(true);
      space_.patch_pool({{"selector", {{"matchLabels", {{"app", "m"}, {"half", nullptr}}}}}});
    }
  }

  // Kubernetes still says that it is Ready.
  void kill_model_server() {
    deaths_.push_back({solid_address(0), Clock::now()});
    solid_[0]->process().signal(SIGKILL);
    solid_[0]->process().wait();
    std::this_thread::sleep_for(kStaleness + 2 * kScrape);
    // The follower hears of picks a moment after they were made.
    const auto hear = [&](std::size_t more) {
      return wait_until(
          [this, more, before = follower_->decisions()] { return follower_->decisions() > before + more; });
    };
    EXPECT_TRUE(hear(20));
    const std::size_t picks = follower_->picks_of(solid_address(0));
    EXPECT_TRUE(hear(100));
    EXPECT_EQ(follower_->picks_of(solid_address(0)), picks) << "a pod that cannot be scraped gets nothing";
    start_solid(0);
  }

  void kill_leader() {
    if (!leader_->serving("readiness")) return;  // the one with the traffic leads now
    leader_->process().signal(SIGKILL);
    leader_->process().wait();
    const auto died = Clock::now();
    EXPECT_TRUE(wait_until([&] { return epp_->serving("readiness"); }, 2 * kLease));
    std::cout << "the next leader is ready after "
              << std::chrono::duration_cast<milliseconds>(Clock::now() - died).count() << " ms\n";
    EXPECT_LT(Clock::now() - died, kLease + seconds(4));
    leader_ = start_epp("liveness");
  }

  KubeServer cluster_;
  TcpRelay relay_{cluster_.port()};
  TempDir directory_;
  KubeNamespace space_{cluster_};
  const std::uint16_t port_ = free_port();
  PodBook book_;
  std::unique_ptr<ModelSim> solid_[kSolid];
  std::unique_ptr<ModelSim> crowd_;
  std::unique_ptr<PodChurn> churn_;
  std::unique_ptr<EppServer> leader_;
  std::unique_ptr<EppServer> epp_;  // a follower at first: it gets the traffic
  std::unique_ptr<DecisionFollower> follower_;
  std::vector<Death> deaths_;
  bool rotated_ = false;
  std::atomic<const char*> phase_{"the beginning"};

  Tally tally_;
  std::vector<SteadyAnswer> failed_;
  std::size_t wrong_ = 0;
  std::string complaints_;
};

TEST_F(KubernetesChaos, NobodyIsSentToAPodThatIsGone) {
  leader_ = start_epp("readiness");
  epp_ = start_epp("liveness");
  ASSERT_TRUE(wait_until([&] { return watching(); }));
  const EnvoyServer envoy({.ext_proc_port = epp_->grpc_port()});
  follower_ = std::make_unique<DecisionFollower>(*epp_);
  churn_->start();
  SteadyTraffic traffic(envoy.port(), 4, milliseconds(20), [this](const SteadyAnswer& answer) { judge(answer); });

  const auto end = Clock::now() + chaos_time();
  std::size_t settled = 0;
  do {
    phase("kill_leader", [this] { kill_leader(); });
    phase("kill_api_server", [this] { kill_api_server(); });
    phase("kill_model_server", [this] { kill_model_server(); });
    phase("edit_selector", [this] { edit_selector(); });
    phase("rotate_token", [this] { rotate_token(); });
    phase("cut_network", [this] { cut_network(); });
    phase("expire_watch", [this] { expire_watch(); });
    std::cout << traffic.answers() << " answers, " << churn_->events() << " events of pods, " << resident_kib(*epp_)
              << " KiB\n";
    if (settled == 0) settled = resident_kib(*epp_);
  } while (Clock::now() < end);

  traffic.stop();
  churn_->stop();
  judge_failures();
  follower_.reset();  // asks the EPP, which ends below
  std::cout << tally_.answers << " answers, " << tally_.excused << " lost with the pod that they were sent to\n";
  EXPECT_EQ(wrong_, 0U) << complaints_;
  EXPECT_GT(tally_.answers, 500U);
  if (chaos_time() >= seconds(600)) {
    EXPECT_LT(resident_kib(*epp_), settled + settled / 5) << "memory is flat";
  }
  EXPECT_EQ(epp_->process().stop(), 0);
}

}  // namespace
}  // namespace epp::testing
