// The saturation detectors as flow control asks them; the utilization detector's table is in plugins_builtin.
#include "unit/plugin_harness/plugin_harness.h"

#include <cmath>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kConcurrency = "concurrency-detector";
constexpr const char* kUtilization = "utilization-detector";
constexpr const char* kProducer = "InFlightLoadDataKey/inflight-load-producer";

struct Load {
  int64_t requests, tokens;
};

class Concurrency : public ::testing::Test {
 protected:
  Concurrency() {
    host.load(kConcurrency);
    host.load("inflight-load-producer");
    producer_ = host.create("inflight-load-producer");
  }
  void set(std::vector<Load> loads, const std::string& producer = kProducer) {
    for (size_t i = 0; i < loads.size(); ++i) {
      host.endpoint("e" + std::to_string(i))
          .live(producer + EPP_FIELD_INFLIGHT_REQUESTS, loads[i].requests)
          .live(producer + EPP_FIELD_INFLIGHT_TOKENS, loads[i].tokens);
    }
  }
  epp::plugins::InstancePtr make(const std::string& parameters) {
    return host.create(kConcurrency, parameters, "detector-" + std::to_string(++made_));
  }
  PluginHarness host;

 private:
  epp::plugins::InstancePtr producer_;
  int made_ = 0;
};

TEST_F(Concurrency, Table) {
  const auto by_requests = make("{}");
  EXPECT_EQ(host.saturation(by_requests), 1.0) << "no endpoints";
  set({{50, 0}, {150, 0}, {10, 0}});
  EXPECT_THAT(host.saturation(by_requests), DoubleNear(0.7, 1e-12));
  const auto hybrid = make(R"({"concurrencyMode": "hybrid", "maxConcurrency": 10, "maxTokenConcurrency": 100})");
  const auto by_tokens = make(R"({"concurrencyMode": "tokens", "maxTokenConcurrency": 100})");
  host.candidates({"e0"});
  set({{2, 80}});
  EXPECT_THAT(host.saturation(hybrid), DoubleNear(0.8, 1e-12));
  EXPECT_THAT(host.saturation(by_tokens), DoubleNear(0.8, 1e-12));
  host.candidates({"e0", "e1"});
  set({{10, 0}, {0, 100}});
  EXPECT_EQ(host.saturation(hybrid), 1.0);
  set({{10, 0}, {0, 0}});
  EXPECT_EQ(host.saturation(hybrid), 0.5);
}

TEST_F(Concurrency, AFullPoolIsExactlyOne) {
  for (const char* mode : {"requests", "hybrid"}) {
    for (const int64_t most : {1, 3, 7, 10, 49, 132}) {
      PluginHarness fresh;
      fresh.load(kConcurrency);
      fresh.load("inflight-load-producer");
      const auto producer = fresh.create("inflight-load-producer");
      const auto detector = fresh.create(kConcurrency, R"({"concurrencyMode": ")" + std::string(mode) +
                                                           R"(", "maxConcurrency": )" + std::to_string(most) + "}");
      for (int i = 0; i < 7; ++i) {
        fresh.endpoint(std::to_string(i)).live(std::string(kProducer) + EPP_FIELD_INFLIGHT_REQUESTS, most);
      }
      EXPECT_EQ(fresh.saturation(detector), 1.0) << mode << ' ' << most;
      fresh.endpoint("0").live(std::string(kProducer) + EPP_FIELD_INFLIGHT_REQUESTS, most - 1);
      EXPECT_LT(fresh.saturation(detector), 1.0);
      EXPECT_EQ(fresh.saturation(detector, {.undecided = 1}), 1.0) << mode << ' ' << most;
    }
  }
}

// Weak spot 3: any number of dispatches against one reading.
TEST_F(Concurrency, W03_RequestsWithoutAnEndpointCount) {
  set({{0, 0}, {0, 0}});
  const auto by_requests = make(R"({"maxConcurrency": 2})");
  for (uint64_t dispatched = 0; dispatched < 4; ++dispatched)
    EXPECT_EQ(host.saturation(by_requests, {.undecided = dispatched}), static_cast<double>(dispatched) / 4);
  EXPECT_EQ(host.saturation(by_requests, {.undecided = 4}), 1.0);
  // Those with one are in the live counters.
  EXPECT_EQ(host.saturation(by_requests, {.unseen = {{"e0", 9}}}), 0.0);
  const auto hybrid = make(R"({"concurrencyMode": "hybrid", "maxConcurrency": 2, "maxTokenConcurrency": 1000})");
  EXPECT_EQ(host.saturation(hybrid, {.undecided = 1, .undecided_tokens = 1000}), 0.5);
  const auto by_tokens = make(R"({"concurrencyMode": "tokens", "maxTokenConcurrency": 1000})");
  EXPECT_EQ(host.saturation(by_tokens, {.undecided = 100, .undecided_tokens = 2000}), 1.0);
}

TEST_F(Concurrency, FilterMayDropAll) {
  const auto filter = make(R"({"maxConcurrency": 3, "headroom": 0.5})");  // below 4
  set({{3, 0}, {4, 0}, {0, 0}});
  auto request = host.request();
  EXPECT_THAT(host.filter(filter, request), ElementsAre("e0", "e2"));
  set({{4, 0}, {4, 0}, {4, 0}});
  EXPECT_THAT(host.filter(filter, request), IsEmpty());
  const auto hybrid = make(R"({"concurrencyMode": "hybrid", "maxConcurrency": 3, "maxTokenConcurrency": 10})");
  set({{2, 9}, {3, 0}, {0, 10}});
  EXPECT_THAT(host.filter(hybrid, request), ElementsAre("e0"));
}

TEST_F(Concurrency, ReadsTheNamedProducer) {
  const auto other = host.create("inflight-load-producer", "{}", "mine");
  const auto detector = make(R"({"maxConcurrency": 4, "inFlightLoadProducerName": "mine"})");
  set({{3, 0}});
  set({{1, 0}}, "InFlightLoadDataKey/mine");
  EXPECT_EQ(host.saturation(detector), 0.25);
}

TEST_F(Concurrency, AllComplaintsAtOnce) {
  const std::string error = host.create_error(
      kConcurrency, R"({"concurrencyMode": "x", "maxConcurrency": 0, "maxTokenConcurrency": -1, "headroom": -0.1})");
  EXPECT_THAT(error, HasSubstr("invalid concurrency detector configuration: "));
  for (const char* name : {"concurrencyMode", "maxConcurrency", "maxTokenConcurrency", "headroom"})
    EXPECT_THAT(error, HasSubstr(name));
}

class Utilization : public ::testing::Test {
 protected:
  Utilization() { host.load(kUtilization); }
  epp::testing::EndpointSetup endpoint(const char* name) {
    auto setup = host.endpoint(name);
    setup.set(EPP_KEY_UPDATE_TIME, static_cast<int64_t>(host.now_ns()));
    return setup;
  }
  PluginHarness host;
};

TEST_F(Utilization, W03_RequestsThatNoReadingShowsWait) {
  const auto detector = host.create(kUtilization);
  endpoint("a").set(EPP_KEY_WAITING_QUEUE_SIZE, 1.0).set(EPP_KEY_KV_CACHE_USAGE, 0.4);
  endpoint("b").set(EPP_KEY_WAITING_QUEUE_SIZE, 0.0).set(EPP_KEY_KV_CACHE_USAGE, 0.4);
  EXPECT_THAT(host.saturation(detector), DoubleNear(0.5, 1e-12));
  EXPECT_THAT(host.saturation(detector, {.unseen = {{"a", 3}}}), DoubleNear((0.8 + 0.5) / 2, 1e-12));
  EXPECT_THAT(host.saturation(detector, {.undecided = 4, .unseen = {{"a", 2}}}), DoubleNear((1.0 + 0.5) / 2, 1e-12));
  EXPECT_THAT(host.saturation(detector, {.undecided = 9}), DoubleNear((1.1 + 0.9) / 2, 1e-12));
}

TEST_F(Utilization, WantsToBeAskedWhenTheFirstReadingIsStale) {
  const auto detector = host.create(kUtilization);
  endpoint("old").set(EPP_KEY_WAITING_QUEUE_SIZE, 0.0).set(EPP_KEY_KV_CACHE_USAGE, 0.0);
  host.advance_ns(50'000'000);
  endpoint("young").set(EPP_KEY_WAITING_QUEUE_SIZE, 0.0).set(EPP_KEY_KV_CACHE_USAGE, 0.0);
  host.endpoint("never");
  uint64_t again_ns = 0;
  EXPECT_THAT(host.saturation(detector, {}, &again_ns), DoubleNear(1.0 / 3, 1e-12));
  EXPECT_EQ(again_ns, 150'000'001u);
  host.advance_ns(again_ns);
  EXPECT_THAT(host.saturation(detector, {}, &again_ns), DoubleNear(2.0 / 3, 1e-12));
  EXPECT_EQ(again_ns, 50'000'000u);
  host.advance_ns(again_ns);
  EXPECT_EQ(host.saturation(detector, {}, &again_ns), 1.0);
  EXPECT_EQ(again_ns, 0u) << "nothing changes by itself any more";
}

TEST_F(Utilization, W14_WhatIsNoNumberCloses) {
  const auto detector = host.create(kUtilization, R"({"missingCountsAsFull": true})");
  endpoint("a").set(EPP_KEY_WAITING_QUEUE_SIZE, 0.0).set(EPP_KEY_KV_CACHE_USAGE, std::nan(""));
  EXPECT_EQ(host.saturation(detector), 1.0);
  endpoint("a").set(EPP_KEY_WAITING_QUEUE_SIZE, 10.0);
  EXPECT_EQ(host.saturation(detector), 2.0);
  const auto lenient = host.create(kUtilization, "{}", "lenient");
  EXPECT_EQ(host.saturation(lenient), 2.0);
  endpoint("a").set(EPP_KEY_WAITING_QUEUE_SIZE, 1.0);
  EXPECT_THAT(host.saturation(lenient), DoubleNear(0.2, 1e-12));
}

TEST(Detectors, SayHowOldAReadingTheyBelieve) {
  PluginHarness host;
  host.load(kUtilization);
  host.load(kConcurrency);
  const auto age = [](const epp::plugins::InstancePtr& detector) {
    const epp_saturation_detector* const table = detector->detector;
    EXPECT_TRUE(EPP_HAS(table, epp_saturation_detector, believed_age));
    return table->believed_age(detector->raw());
  };
  EXPECT_EQ(age(host.create(kUtilization)), 200'000'000u);
  EXPECT_EQ(age(host.create(kUtilization, R"({"metricsStalenessThreshold": "3s"})", "patient")), 3'000'000'000u);
  EXPECT_EQ(age(host.create(kConcurrency)), 0u) << "live counters";
}

}  // namespace
