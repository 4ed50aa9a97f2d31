// The core alone, with the policies that ship. Goals: 2 million requests a second through enqueue and dispatch with 10
// bands and 10,000 flows; a dispatch among 100,000 flows within 3 times one among 10.
#include "bench/flowcontrol/queue_setup.h"
#include "flowcontrol/core.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#include <malloc.h>
#include <time.h>

namespace epp::flowcontrol {
namespace {

using namespace bench;

constexpr Saturation kOpen{.effective = 0.5, .prefill = {}, .decode = {}};

double cpu_seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// A queue of `waiting` requests over `flows` flows of `bands` bands; a flow belongs to one band.
class Load {
 public:
  Load(std::string_view fairness, std::int32_t bands, std::int64_t flows, std::int64_t waiting)
      : setup_(fairness, bands), core_(setup_.options, setup_.observer), names_(flow_names(flows)), bands_(bands) {
    for (std::int64_t i = 0; i < waiting; ++i)
      enqueue(*requests_.emplace_back(std::make_unique<Request>()), static_cast<std::size_t>(i) % names_.size());
    spare_ = requests_.emplace_back(std::make_unique<Request>()).get();
  }
  ~Load() {
    while (core_.waiting() != 0)
      dispatch();
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  // One arrives anywhere, one goes.
  void arrive_and_go() {
    enqueue(*spare_, shuffle_.next() % names_.size());
    spare_ = &dispatch();
  }
  // Seconds of this thread for so many dispatches; as many arrive in their flows afterwards.
  double time_dispatches(std::int64_t count) {
    left_.clear();
    const double began = cpu_seconds();
    for (std::int64_t i = 0; i < count; ++i)
      left_.push_back(&dispatch());
    const double took = cpu_seconds() - began;
    for (Request* const request : left_)
      enqueue(*request, request->flow_number);
    return took;
  }

 private:
  struct Request : Item {
    std::size_t flow_number = 0;
  };

  void enqueue(Request& request, std::size_t flow_number) {
    now_ += 400;
    static_cast<Item&>(request) = Item();
    request.flow_number = flow_number;
    core_.enqueue(request,
                  {.fairness_id = names_[flow_number],
                   .priority = static_cast<std::int32_t>(flow_number % static_cast<std::size_t>(bands_)),
                   .bytes = 1000,
                   .cost = 100,
                   .received_ns = now_},
                  now_, now_);
  }
  Request& dispatch() {
    core_.expire(now_);
    Item& item = *core_.dispatch(kOpen, now_);
    core_.release(item, now_);
    return static_cast<Request&>(item);
  }

  Setup setup_;
  Core core_;
  const std::vector<std::string> names_;
  const std::int32_t bands_;
  std::vector<std::unique_ptr<Request>> requests_;
  Request* spare_ = nullptr;
  std::vector<Request*> left_;
  Shuffle shuffle_;
  Nanos now_ = 1'000'000'000'000;
};

void enqueue_and_dispatch(benchmark::State& state, const char* fairness) {
  Load load(fairness, 10, 10'000, state.range(0));
  for (auto _ : state)
    load.arrive_and_go();
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(enqueue_and_dispatch, global_strict, "global-strict-fairness-policy")
    ->Arg(100)
    ->Arg(10'000)
    ->Arg(100'000);
BENCHMARK_CAPTURE(enqueue_and_dispatch, round_robin, "round-robin-fairness-policy")
    ->Arg(100)
    ->Arg(10'000)
    ->Arg(100'000);
BENCHMARK_CAPTURE(enqueue_and_dispatch, deficit_round_robin, "deficit-round-robin-fairness-policy")
    ->Arg(100)
    ->Arg(10'000)
    ->Arg(100'000);

// A dispatch of one band in which every flow is active all the time; the arrivals that keep it so are not timed.
void dispatch_among_flows(benchmark::State& state, const char* fairness) {
  constexpr std::int64_t kAtOnce = 1000;
  Load load(fairness, 1, state.range(0), std::max(state.range(0) * 2, kAtOnce * 2));
  for (auto _ : state)
    state.SetIterationTime(load.time_dispatches(kAtOnce) / kAtOnce);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(dispatch_among_flows, global_strict, "global-strict-fairness-policy")
    ->Arg(10)
    ->Arg(10'000)
    ->Arg(100'000)
    ->UseManualTime()
    ->Iterations(200);
BENCHMARK_CAPTURE(dispatch_among_flows, round_robin, "round-robin-fairness-policy")
    ->Arg(10)
    ->Arg(10'000)
    ->Arg(100'000)
    ->UseManualTime()
    ->Iterations(200);
BENCHMARK_CAPTURE(dispatch_among_flows, deficit_round_robin, "deficit-round-robin-fairness-policy")
    ->Arg(10)
    ->Arg(10'000)
    ->Arg(100'000)
    ->UseManualTime()
    ->Iterations(200);
BENCHMARK_CAPTURE(dispatch_among_flows, program_aware, "program-aware-fairness")
    ->Arg(10)
    ->Arg(1'000)
    ->UseManualTime()
    ->Iterations(200);

// What 100,000 requests in the queue cost, flows and policies included.
void bytes_waiting(benchmark::State& state) {
  constexpr std::int64_t kWaiting = 100'000;
  double bytes = 0;
  for (auto _ : state) {
    const std::size_t before = mallinfo2().uordblks;
    const Load load("round-robin-fairness-policy", 10, 10'000, kWaiting);
    bytes = static_cast<double>(mallinfo2().uordblks - before);
  }
  state.counters["bytes_per_item"] = bytes / kWaiting;
  state.counters["total_MB"] = bytes / 1e6;
}
BENCHMARK(bytes_waiting)->Iterations(1);

}  // namespace
}  // namespace epp::flowcontrol
