// A decision allocates nothing once warm.
#include "plugins/hooks.h"
#include "support/allocation_counter.h"
#include "unit/scheduling/scheduler_fixture.h"

#include <cstdlib>

namespace epp::scheduling {

using testing::script;

class AllocationTest : public SchedulerFixture {};

TEST_F(AllocationTest, AWarmDecisionAllocatesNothing) {
  for (int i = 0; i < 64; ++i)
    host.endpoint("endpoint-" + std::to_string(i));
  sdk::F64Column column;
  script("producer").construct = [&column](sdk::Context& context) { column = context.produce_f64("Load/producer"); };
  script("producer").produce = [&column](const auto& r, const sdk::Candidates& candidates, auto) {
    double* const values = column.write(r, candidates);
    for (uint32_t i = 0; i < candidates.size(); ++i)
      values[candidates.slot(i)] = 1.0 / (i + 1);
    return true;
  };
  sdk::F64Column read_column;
  script("scorer").construct = [&](sdk::Context& context) { read_column = context.require_f64("Load/producer"); };
  script("scorer").score = [&](const auto& r, const sdk::Candidates& candidates, std::span<double> scores) {
    const double* const values = read_column.read(r, candidates);
    for (uint32_t i = 0; i < candidates.size(); ++i)
      scores[i] = values[candidates.slot(i)];
  };
  script("half").filter = [](const auto&, const sdk::Candidates& candidates, sdk::Kept& kept) {
    kept.keep_if(candidates, [](uint32_t i) { return i % 2 == 1; });
  };
  const auto producer = host.create("scripted-producer", "{}", "producer");
  std::vector<ProfileConfig> profiles;
  profiles.push_back({"default",
                      {host.create("scripted-filter", "{}", "half")},
                      {{host.create("scripted-scorer", "{}", "scorer"), 1.0}},
                      first_best()});
  const Scheduler scheduler(std::move(profiles), run_all());

  epp_candidates candidates = host.stage(request);
  const auto snapshot = host.table().snapshot();
  plugins::RequestContext context;  // as lifecycle recycles it
  plugins::CompletionTable completions;
  uint64_t allocations = 0;
  for (int round = 0; round < 4; ++round) {
    epp::testing::count_allocations();
    context.id.assign("0123456789012345678901234567890123456789");
    context.headers.set("x-request-id", "0123456789012345678901234567890123456789");
    context.sync();
    context.snapshot = snapshot;
    context.table = &host.table();
    plugins::ErrorBuffer buffer;
    plugins::CallTimer timer;
    plugins::Call call{context, buffer, timer};
    plugins::run_producer(producer, call, candidates, completions, nullptr);
    if (!scheduler.schedule(context, candidates, workspace, error)) std::abort();
    context.reset();
    epp::testing::stop_counting_allocations();
    allocations = epp::testing::counted_allocations();
  }
  EXPECT_EQ(allocations, 0u);
  EXPECT_EQ(targets(), std::vector<std::string>{"endpoint-1"});
}

}  // namespace epp::scheduling
