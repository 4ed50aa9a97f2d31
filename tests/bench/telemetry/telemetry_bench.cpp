// What observability costs on the request path.
#include "telemetry/buckets.h"
#include "telemetry/epp_metrics.h"
#include "telemetry/log.h"
#include "telemetry/trace.h"

#include <benchmark/benchmark.h>

namespace epp::telemetry {
namespace {

void BM_CounterInc(benchmark::State& state) {
  static Registry registry;
  static const Counter counter = registry.counter({.name = "c_total", .help = "", .hot = true})->with({});
  for (auto _ : state)
    counter.inc();
}
BENCHMARK(BM_CounterInc)->ThreadRange(1, 4);

void BM_HistogramObserve(benchmark::State& state) {
  static Registry registry;
  static const Histogram histogram =
      registry.histogram({.name = "h", .help = "", .hot = true}, buckets::kLatency)->with({});
  for (auto _ : state)
    histogram.observe(0.7);
}
BENCHMARK(BM_HistogramObserve)->ThreadRange(1, 4);

void BM_HistogramLookupAndObserve(benchmark::State& state) {
  static Registry registry;
  static auto* family = registry.histogram({.name = "h", .help = "", .labels = {"model", "target"}}, buckets::kLatency);
  const LabelValues labels{"meta-llama/Llama-3.1-8B-Instruct", "food-review-1"};
  for (auto _ : state)
    family->observe(labels, 0.7);
}
BENCHMARK(BM_HistogramLookupAndObserve)->ThreadRange(1, 4);

void BM_WholeRequest(benchmark::State& state) {
  static Registry registry;
  static EppMetrics metrics(registry);
  for (auto _ : state) {
    auto series =
        metrics.request_series({.model = "meta-llama/Llama-3.1-8B-Instruct", .target_model = "food-review-1"});
    series.scheduled(2000);
    series.begin_running();
    series.input_tokens(500);
    series.output_tokens(200);
    series.duration(Seconds(2.5));
    series.ttft(Seconds(0.5), true);
    series.tpot(Seconds(0.01));
    series.ntpot(Seconds(0.0125));
    series.response_size(4000);
    series.end_running();
  }
}
BENCHMARK(BM_WholeRequest)->ThreadRange(1, 4);

void BM_LogDisabled(benchmark::State& state) {
  static Log log({.write = [](std::string_view) {}});
  const Logger logger = log.logger("bench");
  for (auto _ : state)
    EPP_LOG(logger, kTrace, "quiet", {"key", "value"});
}
BENCHMARK(BM_LogDisabled);

void BM_LogEnabled(benchmark::State& state) {
  Log log({.sampling = false, .write = [](std::string_view) {}});
  const Logger logger = log.logger("bench").with({{"x-request-id", "0d3a1c1e-7a1b-4c57-a1f5-2f1e2f5f8a11"}});
  for (auto _ : state)
    EPP_LOG(logger, kDefault, "EPP received request", {"key", "value"}, {"n", 42});
}
BENCHMARK(BM_LogEnabled);

void BM_LoggerCopy(benchmark::State& state) {
  Log log({.write = [](std::string_view) {}});
  const Logger logger = log.logger("bench");
  for (auto _ : state) {
    Logger copy = logger;
    benchmark::DoNotOptimize(copy);
  }
}
BENCHMARK(BM_LoggerCopy);

class Discard final : public SpanSink {
 public:
  void on_end(std::unique_ptr<SpanData>) noexcept override {}
};

void BM_Span(benchmark::State& state) {
  Discard sink;
  const Tracer tracer("bench", RatioSampler(0), &sink);
  auto parent = *parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
  parent.sampled = state.range(0) != 0;
  for (auto _ : state) {
    Span span = tracer.start("run_scheduler_profile", parent);
    span.set("llm_d.epp.scheduling.profile.name", "default");
    benchmark::DoNotOptimize(span);
  }
}
BENCHMARK(BM_Span)->ArgName("sampled")->Arg(0)->Arg(1);

void BM_Render(benchmark::State& state) {
  Registry registry;
  EppMetrics metrics(registry);
  for (int i = 0; i < state.range(0); ++i) {
    auto series = metrics.request_series({.model = "m" + std::to_string(i), .target_model = "t"});
    series.scheduled(1);
    series.duration(Seconds(1));
    series.ttft(Seconds(1), true);
  }
  for (auto _ : state)
    benchmark::DoNotOptimize(registry.render().body.size());
}
BENCHMARK(BM_Render)->ArgName("models")->Arg(10)->Arg(1000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace epp::telemetry
