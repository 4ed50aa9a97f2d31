// Updates, lookups, scrapes, removal and retirement at the same moment; most telling under TSan and ASan.
#include "telemetry/epp_metrics.h"
#include "telemetry/metrics.h"

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace epp::telemetry {
namespace {

constexpr int kThreads = 4;

template <class Work>
void in_threads(Work work) {
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back(work, t);
  for (auto& thread : threads)
    thread.join();
}

TEST(MetricsConcurrency, NoUpdateIsLost) {
  Registry registry({.hot_shards = 2});
  auto* counter = registry.counter(
      {.name = "c_total", .help = "", .labels = {"l", "t"}, .twin = TwinSpec{"old_total", "", {"l"}}, .hot = true});
  auto* histogram = registry.histogram({.name = "h", .help = "", .hot = true}, std::array{1.0, 2.0});
  const Gauge gauge = registry.gauge({.name = "g", .help = ""})->with({});
  in_threads([&](int t) {
    const std::string thread = std::to_string(t);
    for (int i = 0; i < 5000; ++i) {
      counter->inc({"x", thread});
      histogram->observe({}, 1.5);
      gauge.add(1);
      gauge.add(-1);
      if (i % 1000 == 0) registry.render();
    }
  });
  const auto body = registry.render().body;
  EXPECT_NE(body.find("old_total{l=\"x\"} 20000\n"), std::string::npos);
  EXPECT_NE(body.find("h_count 20000\n"), std::string::npos);
  EXPECT_NE(body.find("h_sum 30000\n"), std::string::npos);
  EXPECT_EQ(gauge.value(), 0);
}

TEST(MetricsConcurrency, RemovalAndRetirementAreSafeBesideUsers) {
  auto registry = std::make_unique<Registry>();
  auto* counter =
      registry->counter({.name = "c_total", .help = "", .labels = {"l"}, .twin = TwinSpec{"old_total", "", {"l"}}});
  std::atomic<int> running{kThreads};
  std::thread remover([&] {
    while (running > 0) {
      counter->remove({"0"});
      counter->remove_matching({{"l", "1"}});
      registry->retire_idle(1);
      registry->render();
    }
  });
  in_threads([&](int) {
    for (int i = 0; i < 5000; ++i) {
      const std::string label = std::to_string(i % 8);
      counter->inc({label});
      const Counter handle = counter->with({label});
      handle.inc();
    }
    --running;
  });
  remover.join();
  const Counter survivor = counter->with({"0"});
  registry.reset();
  survivor.inc();
}

TEST(MetricsConcurrency, AHeldHandleNeverLosesCountsToRetirement) {
  Registry registry;
  auto* counter = registry.counter({.name = "c_total", .help = "", .labels = {"l"}});
  const Counter held = counter->with({"x"});
  std::atomic<bool> done{false};
  std::thread retirer([&] {
    while (!done)
      registry.retire_idle(1);
  });
  in_threads([&](int) {
    for (int i = 0; i < 5000; ++i)
      held.inc();
  });
  done = true;
  retirer.join();
  EXPECT_EQ(counter->with({"x"}).value(), 20000);
}

TEST(MetricsConcurrency, RequestsOfManyThreadsShareTheirSeries) {
  Registry registry;
  EppMetrics metrics(registry);
  in_threads([&](int) {
    for (int i = 0; i < 500; ++i) {
      auto series = metrics.request_series({.model = "m" + std::to_string(i % 3), .target_model = "t"});
      series.scheduled(100);
      series.begin_running();
      series.itl(Seconds(0.01));
      series.itl(Seconds(0.01));
      series.end_running();
    }
  });
  double running = 1;
  for (const char* model : {"m0", "m1", "m2"}) {
    running = registry.gauge({.name = "inference_objective_running_requests", .help = "", .labels = {"model_name"}})
                  ->with({model})
                  .value();
    EXPECT_EQ(running, 0);
  }
}

TEST(MetricsConcurrency, ACallbackMayEndDuringScrapes) {
  Registry registry;
  std::atomic<bool> done{false};
  std::thread scraper([&] {
    while (!done)
      registry.render();
  });
  for (int i = 0; i < 200; ++i) {
    auto value = std::make_unique<double>(i);
    const auto handle = registry.callback({.name = "g", .help = ""}, MetricKind::kGauge,
                                          [v = value.get()](CallbackSink& sink) { sink.emit({}, *v); });
  }
  done = true;
  scraper.join();
}

}  // namespace
}  // namespace epp::telemetry
