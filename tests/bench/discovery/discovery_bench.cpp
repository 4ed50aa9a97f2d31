// How long it takes from the API server's text to the snapshot that requests see.
#include "discovery/kubernetes/pool_state.h"
#include "kube/object_reader.h"
#include "kube/store.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

namespace epp::discovery {
namespace {

using Json = nlohmann::json;

// A pod as large as those of a model server are.
std::string pod_text(int number, bool ready, std::uint64_t version) {
  const std::string name = "vllm-decode-" + std::to_string(number);
  Json pod = {
      {"metadata",
       {{"name", name},
        {"namespace", "inference"},
        {"uid", "4c1f7a3e-9d5c-4a53-8f6a-" + std::to_string(100'000'000'000 + number)},
        {"resourceVersion", std::to_string(version)},
        {"creationTimestamp", "2026-01-02T03:04:05Z"},
        {"labels",
         {{"app", "vllm"}, {"llm-d.ai/role", "decode"}, {"pod-template-hash", "7d9f8c6b5"}, {"topology/zone", "a"}}},
        {"annotations", {{"cni.example.com/status", std::string(300, 'x')}}},
        {"managedFields", Json::array({{{"manager", "kubelet"}, {"fieldsV1", std::string(1500, 'x')}}})}}},
      {"spec",
       {{"nodeName", "node-" + std::to_string(number % 100)},
        {"containers",
         Json::array(
             {{{"name", "vllm"},
               {"image", "vllm:v0.9.1"},
               {"args", {"--model=meta-llama/Llama-3.1-8B-Instruct", "--port=8000", "--tensor-parallel-size=8"}},
               {"env", Json::array({{{"name", "A"}, {"value", std::string(400, 'e')}}})},
               {"resources", {{"limits", {{"nvidia.com/gpu", "8"}, {"memory", "256Gi"}}}}}}})},
        {"tolerations", Json::array({{{"key", "nvidia.com/gpu"}, {"operator", "Exists"}}})}}},
      {"status",
       {{"phase", "Running"},
        {"podIP", "10." + std::to_string(number / 62500) + "." + std::to_string(number / 250 % 250) + "." +
                      std::to_string(number % 250 + 1)},
        {"hostIP", "192.168.0." + std::to_string(number % 100 + 1)},
        {"conditions", Json::array({{{"type", "PodScheduled"}, {"status", "True"}},
                                    {{"type", "ContainersReady"}, {"status", ready ? "True" : "False"}},
                                    {{"type", "Ready"}, {"status", ready ? "True" : "False"}}})}}}};
  return pod.dump();
}

// Store and pool state as the discovery has them, without its sockets.
struct Follower {
  Follower() { state.set_pool({kube::LabelSelector::equal_to({{"app", "vllm"}}), {8000}, "http"}); }

  void list(const std::vector<std::string>& texts) {
    store.list_begin();
    for (const std::string& text : texts)
      store.item(*kube::read_object(text, why));
    store.list_end();
    store.flush();
  }
  void event(const std::string& text) {
    store.upsert(*kube::read_object(text, why));
    store.flush();
  }

  std::string why;
  endpoints::AttributeRegistry attributes;
  endpoints::EndpointTable table{attributes};
  PoolState state{table, "inference", std::chrono::seconds(60), {}};
  kube::Store<kube::Pod> store{"pods", kube::read_pod,
                               [this](const auto& all, auto& changes) {
                                 state.take(state.watches().front().number, all.objects(), changes.removed,
                                            changes.upserted, changes.listed, {});
                               },
                               nullptr};
};

std::vector<std::string> cluster(int size) {
  std::vector<std::string> texts;
  for (int i = 0; i < size; ++i)
    texts.push_back(pod_text(i, true, 1));
  return texts;
}

// The JSON of all pods to the first snapshot with them.
void BM_ListToReady(benchmark::State& bench) {
  const auto texts = cluster(static_cast<int>(bench.range(0)));
  std::size_t bytes = 0;
  for (const std::string& text : texts)
    bytes += text.size();
  for (auto _ : bench) {
    Follower follower;
    follower.list(texts);
    if (follower.table.snapshot()->size() != texts.size()) bench.SkipWithError("not all are there");
  }
  bench.SetBytesProcessed(static_cast<std::int64_t>(bytes) * bench.iterations());
}
BENCHMARK(BM_ListToReady)->Arg(500)->Arg(5'000)->Unit(benchmark::kMillisecond);

// The JSON of one event to the snapshot that has it: a pod's readiness flaps.
void BM_EventToSnapshot(benchmark::State& bench) {
  Follower follower;
  follower.list(cluster(static_cast<int>(bench.range(0))));
  const epp_attr queue = follower.attributes.intern("Queue/bench", EPP_TYPE_F64, endpoints::Storage::kSnapshot);
  endpoints::ScrapedValues values;
  values.set(queue, 1.0);
  const auto first = follower.table.snapshot();
  for (const auto slot : first->slots())
    follower.table.store(*first->endpoint(slot), values);
  std::uint64_t version = 2;
  bool ready = true;
  for (auto _ : bench) {
    bench.PauseTiming();
    ready = !ready;
    const std::string text = pod_text(17, ready, version++);
    bench.ResumeTiming();
    follower.event(text);
    benchmark::DoNotOptimize(follower.table.snapshot());
  }
}
BENCHMARK(BM_EventToSnapshot)->Arg(500)->Arg(5'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace epp::discovery
