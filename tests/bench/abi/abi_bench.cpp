// What it costs that a scorer stands in a library behind the C ABI: the same scores computed in the host, by the
// plugin's function alone, and by the host's call of it with all its checks.
#include "plugins/hooks.h"
#include "telemetry/buckets.h"
#include "telemetry/metrics.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

namespace epp::plugins {
namespace {

// As queue-scorer does it; a call that the compiler does not inline.
[[gnu::noinline]] void score_directly(const std::vector<double>& column, const epp_candidates& candidates,
                                      std::vector<double>& scores) {
  for (std::size_t i = 0; i < scores.size(); ++i)
    scores[i] = column[candidates.slots[i]];
  const auto [low, high] = std::minmax_element(scores.begin(), scores.end());
  const double min = *low;
  const double max = *high;
  for (double& score : scores)
    score = max > min ? (max - score) / (max - min) : 1.0;
}

// Endpoints whose queues differ, a staged request, and room for the scores.
struct Stage {
  explicit Stage(std::int64_t endpoints) {
    host.load("queue-scorer");
    scorer = host.create("queue-scorer");
    for (std::int64_t i = 0; i < endpoints; ++i)
      host.endpoint("e" + std::to_string(i)).set(EPP_KEY_WAITING_QUEUE_SIZE, static_cast<double>(i % 17));
    candidates = host.stage(request);
    scores.resize(candidates.count);
  }
  testing::PluginHarness host;
  InstancePtr scorer;
  testing::TestRequest request = host.request();
  epp_candidates candidates{};
  std::vector<double> scores;
};

void BM_Direct(benchmark::State& state) {
  Stage stage(state.range(0));
  std::vector<double> column;
  for (std::uint32_t i = 0; i < stage.candidates.count; ++i) {
    column.resize(std::max<std::size_t>(column.size(), stage.candidates.slots[i] + 1));
    column[stage.candidates.slots[i]] = i % 17;
  }
  for (auto _ : state) {
    score_directly(column, stage.candidates, stage.scores);
    benchmark::DoNotOptimize(stage.scores.data());
  }
}

void BM_PluginFunction(benchmark::State& state) {
  Stage stage(state.range(0));
  ErrorBuffer error;
  for (auto _ : state) {
    benchmark::DoNotOptimize(stage.scorer->scorer->score(stage.scorer->raw(), stage.request.context().abi(),
                                                         &stage.candidates, stage.scores.data(), error.clear()));
  }
}

void BM_HostCall(benchmark::State& state) {
  Stage stage(state.range(0));
  ErrorBuffer error;
  CallTimer timer;
  Call call{stage.request.context(), error, timer};
  for (auto _ : state) {
    run_scorer(*stage.scorer, call, stage.candidates, stage.scores);
    benchmark::DoNotOptimize(stage.scores.data());
  }
}

// The same with what the host does for its metrics: one reading of the clock and one observation.
void BM_TimedHostCall(benchmark::State& state) {
  Stage stage(state.range(0));
  telemetry::Registry registry;
  struct Observer final : CallObserver {
    void on_call(const Instance&, ExtensionPoint, uint64_t duration_ns) override {
      durations.observe(static_cast<double>(duration_ns) * 1e-9);
    }
    void on_fault(const Instance&, ExtensionPoint, Fault, std::string_view) override {}
    telemetry::Histogram durations;
  } observer;
  observer.durations =
      registry.histogram({.name = "d", .help = "d", .hot = true}, telemetry::buckets::kScheduling)->with({});
  stage.host.observe(observer);
  const InstancePtr scorer = stage.host.create("queue-scorer");
  const epp_candidates candidates = stage.host.stage(stage.request);
  ErrorBuffer error;
  CallTimer timer;
  Call call{stage.request.context(), error, timer};
  for (auto _ : state) {
    run_scorer(*scorer, call, candidates, stage.scores);
    benchmark::DoNotOptimize(stage.scores.data());
  }
}

BENCHMARK(BM_Direct)->ArgName("endpoints")->Arg(1)->Arg(8)->Arg(64);
BENCHMARK(BM_PluginFunction)->ArgName("endpoints")->Arg(1)->Arg(8)->Arg(64);
BENCHMARK(BM_HostCall)->ArgName("endpoints")->Arg(1)->Arg(8)->Arg(64);
BENCHMARK(BM_TimedHostCall)->ArgName("endpoints")->Arg(1)->Arg(8)->Arg(64);

}  // namespace
}  // namespace epp::plugins
