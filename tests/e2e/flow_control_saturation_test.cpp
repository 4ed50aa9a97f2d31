// A saturated pool behind a real Envoy: two tenants whose offered load is 10:1 and whose weights are equal.
#include "deployment.h"
#include "support/metrics_text.h"
#include "support/pool_file.h"
#include "support/ports.h"
#include "support/tenant_load.h"

#include <csignal>
#include <iostream>
#include <memory>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::testing {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kServers = 2;
constexpr int kSlots = 3;        // of a server
constexpr int kConcurrency = 4;  // of a server as flow control has it: one waits there, so that no slot idles
constexpr unsigned kModest = kServers * kConcurrency;
constexpr unsigned kGreedy = 10 * kModest;
// Longer than it takes to serve what waits.
constexpr seconds kDrain{6};

const char* const kSaturated = "llm_d_epp_flow_control_queue_size";

json manifest(bool flow_control, const PoolFile& pool) {
  json config = json::parse(R"({
    "plugins": [{"type": "concurrency-detector", "parameters": {}}, {"type": "deficit-round-robin-fairness-policy"},
                {"type": "active-request-scorer"}, {"type": "max-score-picker"}],
    "schedulingProfiles": [{"name": "default", "plugins": [
      {"pluginRef": "active-request-scorer"}, {"pluginRef": "max-score-picker"}]}],
    "flowControl": {"saturationDetector": {"pluginRef": "concurrency-detector"}},
    "dataLayer": {"discovery": {"pluginRef": "file-discovery"}}})");
  config["plugins"][0]["parameters"]["maxConcurrency"] = kConcurrency;
  config["plugins"].push_back(json::parse(pool.plugin()));
  if (!flow_control) return config;
  config["featureGates"] = {"flowControl"};
  config["flowControl"]["priorityBands"] = {
      {{"priority", 0}, {"fairnessPolicyRef", "deficit-round-robin-fairness-policy"}}};
  return config;
}

struct Measured {
  double tokens_per_second = 0;
  double greedy_share = 0;
  std::size_t answers = 0;
};

class FlowControlSaturation : public ::testing::Test {
 protected:
  FlowControlSaturation() {
    std::vector<PoolEndpoint> endpoints;
    for (int i = 0; i < kServers; ++i) {
      ModelSimOptions options{.name = "server-" + std::to_string(i),
                              .arguments = {"--ttft-ms", "10", "--itl-ms", "5", "--max-num-seqs",
                                            std::to_string(kSlots), "--prefill-tokens-per-second", "1000000"}};
      sims_.push_back(std::make_unique<ModelSim>(options));
      endpoints.push_back({.name = options.name, .port = sims_.back()->port()});
    }
    pool_.write(endpoints);
  }

  std::unique_ptr<EppServer> start_epp(bool flow_control) const {
    return std::make_unique<EppServer>(
        EppOptions{.arguments = {"--config-text=" + manifest(flow_control, pool_).dump(), "--pool-name=e2e",
                                 "--grpc-port=" + std::to_string(port_), "--reuse-port",
                                 "--drain-timeout=" + std::to_string(kDrain.count()) + "s"}});
  }

  static std::vector<TenantLoad> loads() {
    return {{.tenant = "greedy", .clients = kGreedy}, {.tenant = "modest", .clients = kModest}};
  }

  // What the tenants get in so much time, once both have got something.
  static Measured measure(TenantTraffic& traffic, milliseconds time) {
    std::map<TenantTraffic::Key, TenantTally> warm_up;
    EXPECT_TRUE(wait_until([&] {
      for (const auto& [key, tally] : traffic.take())
        warm_up[key].answers += tally.answers;
      return warm_up[{"greedy", ""}].answers >= kModest && warm_up[{"modest", ""}].answers >= kModest;
    }));
    traffic.take();
    const auto start = Clock::now();
    std::this_thread::sleep_for(time);
    auto tallies = traffic.take();
    const std::chrono::duration<double> took = Clock::now() - start;
    const auto& greedy = tallies[{"greedy", ""}];
    const auto& modest = tallies[{"modest", ""}];
    const auto tokens = static_cast<double>(greedy.tokens + modest.tokens);
    return {.tokens_per_second = tokens / took.count(),
            .greedy_share = static_cast<double>(greedy.tokens) / tokens,
            .answers = greedy.answers + modest.answers};
  }

  static void expect_nothing_lost(TenantTraffic& traffic, const std::vector<EppServer*>& epps, EnvoyServer& envoy) {
    traffic.stop();
    EXPECT_EQ(traffic.lost(), 0U) << traffic.examples_of_lost();
    if (traffic.lost() == 0) return;
    for (EppServer* epp : epps)
      std::cerr << "an EPP said:\n" << lines_with(epp->process().output(), "\"error\"");
    std::cerr << "Envoy said:\n" << last_lines(envoy.process().output(), 20);
  }

  static std::string lines_with(const std::string& text, const std::string& what) {
    std::istringstream lines(text);
    std::string found;
    for (std::string line; std::getline(lines, line);) {
      if (line.find(what) != std::string::npos) found += line + '\n';
    }
    return found;
  }

  const std::uint16_t port_ = free_port();
  PoolFile pool_;
  std::vector<std::unique_ptr<ModelSim>> sims_;
};

TEST_F(FlowControlSaturation, TokensAreSharedAndNothingIsLostOverARestart) {
  const milliseconds reference_time = long_tests() ? seconds(60) : seconds(4);
  const milliseconds time = long_tests() ? seconds(510) : seconds(6);
  Measured without;
  {
    const auto epp = start_epp(false);
    EnvoyServer envoy({.ext_proc_port = port_});
    TenantTraffic traffic(envoy.port(), loads());
    without = measure(traffic, reference_time);
    expect_nothing_lost(traffic, {epp.get()}, envoy);
  }
  auto epp = start_epp(true);
  EnvoyServer envoy({.ext_proc_port = port_});
  TenantTraffic traffic(envoy.port(), loads());
  const Measured with = measure(traffic, time);
  std::cout << "without flow control: " << without.tokens_per_second << " tokens/s, greedy has "
            << 100 * without.greedy_share << " %; with: " << with.tokens_per_second << " tokens/s ("
            << 100 * with.tokens_per_second / without.tokens_per_second << " %), greedy has " << 100 * with.greedy_share
            << " % of " << with.answers << " answers\n";
  EXPECT_NEAR(with.greedy_share, 0.5, 0.025);
  EXPECT_GE(with.tokens_per_second, 0.97 * without.tokens_per_second);
  EXPECT_GT(sample_sum(epp->metrics(), kSaturated).value_or(0), kModest) << "nobody had to wait";

  const auto successor = start_epp(true);
  epp->process().signal(SIGTERM);
  EXPECT_EQ(epp->process().wait(3 * kDrain), 0) << last_lines(epp->process().output(), 40);
  EXPECT_TRUE(wait_until([&] { return sample_sum(successor->metrics(), kSaturated).value_or(0) > kModest; }))
      << "the successor serves";
  const Measured after = measure(traffic, time / 4);
  EXPECT_NEAR(after.greedy_share, 0.5, 0.05);
  expect_nothing_lost(traffic, {epp.get(), successor.get()}, envoy);
}

}  // namespace
}  // namespace epp::testing
