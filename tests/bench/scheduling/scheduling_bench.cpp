// One decision of the default profile (queue 2, KV cache 2, prefix cache 3, max-score-picker) with the built-in plugins
// over the ABI. Goals: 15 us at 64 endpoints, 100 us at 2,000.
#include "scheduling/scheduler.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

namespace epp::scheduling {
namespace {

void decide(benchmark::State& state) {
  testing::PluginHarness host;
  for (const char* library : {"queue-scorer", "kv-cache-utilization-scorer", "prefix-cache-scorer", "max-score-picker",
                              "single-profile-handler"})
    host.load(library);

  std::vector<endpoints::EndpointSpec> specs;
  for (int64_t i = 0; i < state.range(0); ++i) {
    endpoints::EndpointSpec spec;
    spec.name = "vllm-" + std::to_string(i);
    spec.address = "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1);
    spec.port = "8000";
    specs.push_back(std::move(spec));
  }
  host.table().replace(std::move(specs));

  std::vector<ProfileConfig> profiles;
  profiles.push_back({"default",
                      {},
                      {{host.create("queue-scorer"), 2.0},
                       {host.create("kv-cache-utilization-scorer"), 2.0},
                       {host.create("prefix-cache-scorer"), 3.0}},
                      host.create("max-score-picker")});
  Scheduler scheduler(std::move(profiles), host.create("single-profile-handler"));
  if (!scheduler.bind().empty()) std::abort();

  // Scraped values of every endpoint, and what a prefix producer would have found.
  endpoints::ScrapedValues values;
  const epp_attr queue =
      host.attributes().intern(EPP_KEY_WAITING_QUEUE_SIZE, EPP_TYPE_F64, endpoints::Storage::kSnapshot);
  const epp_attr usage = host.attributes().intern(EPP_KEY_KV_CACHE_USAGE, EPP_TYPE_F64, endpoints::Storage::kSnapshot);
  const auto snapshot = host.table().snapshot();
  for (const uint32_t slot : snapshot->slots()) {
    values.clear();
    values.set(queue, static_cast<double>(slot % 17));
    values.set(usage, static_cast<double>(slot % 101) / 101.0);
    host.table().store(*snapshot->endpoint(slot), values);
  }
  auto request = host.request();
  request.model("llama");
  const epp_candidates candidates = host.stage(request);
  plugins::RequestContext& context = request.context();
  for (const auto& [field, value] : {std::pair{EPP_FIELD_PREFIX_MATCH_BLOCKS, 3},
                                     {EPP_FIELD_PREFIX_TOTAL_BLOCKS, 10},
                                     {EPP_FIELD_PREFIX_BLOCK_SIZE, 64}}) {
    const epp_attr attr = host.attributes().intern(std::string(EPP_KEY_PREFIX_MATCH) + field, EPP_TYPE_I64,
                                                   endpoints::Storage::kPerRequest);
    auto* column = static_cast<int64_t*>(context.write_column(attr, EPP_TYPE_I64));
    for (uint32_t i = 0; i < candidates.count; ++i)
      column[candidates.slots[i]] = value;
  }

  Workspace workspace(1);
  ScheduleError error;
  for (auto _ : state) {
    if (!scheduler.schedule(context, candidates, workspace, error)) std::abort();
    benchmark::DoNotOptimize(workspace.targets().data());
  }
}
BENCHMARK(decide)->Arg(8)->Arg(64)->Arg(512)->Arg(2000);

}  // namespace
}  // namespace epp::scheduling
