#include "bench/scrape/vllm_page.h"
#include "scrape/prometheus_text.h"

#include <benchmark/benchmark.h>

namespace {

using epp::scrape::FamilySelection;
using epp::scrape::PrometheusReader;

void read_page(benchmark::State& state, const FamilySelection* wanted) {
  const std::string page = epp::bench::vllm_page();
  PrometheusReader reader;
  std::size_t samples = 0;
  for (auto _ : state) {
    reader.start(page, wanted);
    while (reader.next() != nullptr)
      ++samples;
    if (reader.error()) state.SkipWithError("the page is wrong");
  }
  benchmark::DoNotOptimize(samples);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * page.size()));
  state.counters["page_bytes"] = static_cast<double>(page.size());
}

void BM_ReadWantedFamilies(benchmark::State& state) {
  FamilySelection wanted;
  for (const char* name : {"vllm:num_requests_waiting", "vllm:num_requests_running", "vllm:kv_cache_usage_perc",
                           "vllm:lora_requests_info", "vllm:cache_config_info"}) {
    wanted.add(name);
  }
  read_page(state, &wanted);
}
BENCHMARK(BM_ReadWantedFamilies);

void BM_ReadEverything(benchmark::State& state) {
  read_page(state, nullptr);
}
BENCHMARK(BM_ReadEverything);

}  // namespace
