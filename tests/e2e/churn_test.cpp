// Endpoints appear, vanish, hang, die and recover while traffic flows. Every request must get 200, or a 5xx only if its
// endpoint failed shortly before the pick.
#include "churn.h"

#include "deployment.h"

#include <csignal>
#include <iostream>
#include <memory>
#include <optional>

#include <gtest/gtest.h>

namespace epp::testing {
namespace {

constexpr std::chrono::milliseconds kStaleness{500};
// By then the EPP must have noticed. Its last reading counts from its arrival, which may be late on a busy machine.
constexpr std::chrono::milliseconds kNoticed = 2 * kStaleness;

// When one endpoint could not serve.
struct Outage {
  std::string address;
  Clock::time_point from;
  std::optional<Clock::time_point> until;
};

class Churn : public ::testing::Test {
 protected:
  Churn() {
    for (const char* name : {"alpha", "beta", "gamma"})
      start(name);
    publish();
    epp_ = std::make_unique<EppServer>(
        EppOptions{.arguments = {"--config-file", file_.manifest().string(), "--pool-name", "e2e",
                                 "--metrics-staleness-threshold", std::to_string(kStaleness.count()) + "ms"}});
    envoy_ = std::make_unique<EnvoyServer>(EnvoyOptions{.ext_proc_port = epp_->grpc_port()});
    follower_ = std::make_unique<DecisionFollower>(*epp_);
    traffic_ = std::make_unique<ChurnTraffic>(envoy_->port());
  }

  // A model server under this name: on a new port, or on the port it had before.
  void start(const std::string& name) {
    ModelSimOptions options = quick_sim(name);
    if (ports_.contains(name)) options.port = ports_[name];
    sims_[name] = std::make_unique<ModelSim>(options);
    ports_[name] = sims_[name]->port();
  }

  // Tells the EPP which endpoints there are: all but `hidden`.
  void publish(const std::string& hidden = {}) {
    auto shown = ports_;
    shown.erase(hidden);
    file_.write(shown);
  }

  std::string address(const std::string& name) { return "127.0.0.1:" + std::to_string(ports_.at(name)); }

  void fails(const std::string& name) { outages_.push_back({address(name), Clock::now(), std::nullopt}); }
  void recovers(const std::string& name) {
    for (Outage& outage : outages_) {
      if (outage.address == address(name) && !outage.until) outage.until = Clock::now();
    }
  }

  bool gets_traffic(const std::string& name) {
    const std::size_t before = follower_->picks_of(address(name));
    return wait_until([&] { return follower_->picks_of(address(name)) > before; });
  }

  // Once its last scrape has become stale, or it is no longer listed, nothing is sent to it.
  bool is_left_alone(const std::string& name) {
    constexpr std::size_t kDecisions = 40;
    const auto noticed = Clock::now() + kNoticed;
    std::size_t picks = 0;
    std::size_t since = 0;
    return wait_until([&] {
      const std::size_t now = follower_->picks_of(address(name));
      if (std::exchange(picks, now) != now || Clock::now() < noticed) since = follower_->decisions();
      return follower_->decisions() >= since + kDecisions;
    });
  }

  // Whether this request may have failed: its endpoint had failed, and not so long ago that the EPP had to know. The
  // pick came after the start of the request. An answer that breaks off is excused by the failure that broke it.
  bool excused(const ChurnRequest& request) {
    const std::string target = follower_->target(request.id);
    for (const Outage& outage : outages_) {
      if (outage.address != target || request.end < outage.from) continue;
      if (outage.until && request.start > *outage.until) continue;
      if (request.status >= 500 && request.start < outage.from + kNoticed) return true;
      if (request.status == 0 && request.start < outage.from) return true;
    }
    return false;
  }

  void judge() {
    const std::vector<ChurnRequest>& requests = traffic_->stop();
    std::size_t wrong = 0;
    std::string examples;
    for (const ChurnRequest& request : requests) {
      if (request.status == 200 || excused(request)) continue;
      if (++wrong > 5) continue;
      examples += request.id + " to '" + follower_->target(request.id) + "': " + std::to_string(request.status) + " " +
                  request.error + "\n";
    }
    EXPECT_EQ(wrong, 0U) << "of " << requests.size() << ", for example\n" << examples;
    EXPECT_GT(requests.size(), 50U);
  }

  void TearDown() override {
    if (HasFailure()) std::cerr << "the EPP said:\n" << last_lines(epp_->process().output(), 40);
  }

  EndpointsFile file_{kStaleness};
  std::map<std::string, std::uint16_t> ports_;
  std::map<std::string, std::unique_ptr<ModelSim>> sims_;
  std::unique_ptr<EppServer> epp_;
  std::unique_ptr<EnvoyServer> envoy_;
  std::unique_ptr<DecisionFollower> follower_;
  std::unique_ptr<ChurnTraffic> traffic_;
  std::vector<Outage> outages_;
};

TEST_F(Churn, AppearingAndVanishingEndpointsCostNothing) {
  EXPECT_TRUE(gets_traffic("alpha"));
  start("delta");
  publish();
  EXPECT_TRUE(gets_traffic("delta"));
  publish("alpha");
  EXPECT_TRUE(is_left_alone("alpha"));
  publish();
  EXPECT_TRUE(gets_traffic("alpha"));
  judge();
}

TEST_F(Churn, DeadEndpointIsLeftAloneOnceItIsStale) {
  EXPECT_TRUE(gets_traffic("beta"));
  fails("beta");
  sims_["beta"]->process().signal(SIGKILL);
  EXPECT_TRUE(is_left_alone("beta"));
  start("beta");
  recovers("beta");
  EXPECT_TRUE(gets_traffic("beta"));
  judge();
}

TEST_F(Churn, HangingEndpointIsLeftAloneUntilItRecovers) {
  EXPECT_TRUE(gets_traffic("gamma"));
  fails("gamma");
  sims_["gamma"]->process().signal(SIGSTOP);
  EXPECT_TRUE(is_left_alone("gamma"));
  sims_["gamma"]->process().signal(SIGCONT);
  recovers("gamma");
  EXPECT_TRUE(gets_traffic("gamma"));
  judge();
}

TEST_F(Churn, EverythingAtOnce) {
  for (int round = 0; round < 3; ++round) {
    const std::string dying = round % 2 == 0 ? "alpha" : "beta";
    fails(dying);
    sims_[dying]->process().signal(SIGKILL);
    fails("gamma");
    sims_["gamma"]->process().signal(SIGSTOP);
    start("delta-" + std::to_string(round));
    publish();
    EXPECT_TRUE(gets_traffic("delta-" + std::to_string(round)));
    EXPECT_TRUE(is_left_alone(dying));
    sims_["gamma"]->process().signal(SIGCONT);
    recovers("gamma");
    start(dying);
    recovers(dying);
    EXPECT_TRUE(gets_traffic(dying));
  }
  judge();
}

}  // namespace
}  // namespace epp::testing
