// TurnOrder against a plain map.
#include "flowcontrol/round-robin-fairness/turn_order.h"

#include <map>
#include <string>

#include <gtest/gtest.h>

namespace {

using epp::builtin::TurnOrder;

struct Model {
  struct Entry {
    uint32_t flow;
    bool active;
  };
  std::map<std::string, Entry> flows;
  std::string last;

  uint32_t next() {
    auto at = flows.upper_bound(last);
    for (size_t i = 0; i < flows.size(); ++i, ++at) {
      if (at == flows.end()) at = flows.begin();
      if (!at->second.active) continue;
      last = at->first;
      return at->second.flow;
    }
    return TurnOrder::kNone;
  }
};

TEST(TurnOrder, IsEmptyAtFirst) {
  TurnOrder turns;
  EXPECT_EQ(turns.next(), TurnOrder::kNone);
  turns.add(0, "a");
  EXPECT_EQ(turns.next(), TurnOrder::kNone);
  turns.set_active(0, true);
  EXPECT_EQ(turns.next(), 0u);
  EXPECT_EQ(turns.next(), 0u);
  turns.set_active(0, false);
  EXPECT_EQ(turns.next(), TurnOrder::kNone);
  turns.remove(0);
  EXPECT_EQ(turns.next(), TurnOrder::kNone);
}

TEST(TurnOrder, AgreesWithAMap) {
  TurnOrder turns;
  Model model;
  std::vector<std::string> ids(5000);  // by flow; empty: not there
  uint64_t random = 7;
  const auto draw = [&random](uint64_t below) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    return (random >> 33) % below;
  };
  uint64_t serial = 0;
  for (int step = 0; step < 200'000; ++step) {
    // Grows to some thousand flows, then shrinks to none.
    const bool growing = step < 100'000;
    const auto flow = static_cast<uint32_t>(draw(ids.size()));
    const uint64_t what = draw(100);
    if (what < 20) {
      if (ids[flow].empty() && growing) {
        ids[flow] = std::to_string(draw(1'000'000)) + "-" + std::to_string(++serial);
        turns.add(flow, ids[flow]);
        model.flows[ids[flow]] = {flow, false};
      } else if (!ids[flow].empty() && (!growing || what < 5)) {
        turns.set_active(flow, false);
        turns.remove(flow);
        model.flows.erase(ids[flow]);
        ids[flow].clear();
      }
    } else if (what < 60) {
      if (ids[flow].empty()) continue;
      const bool active = draw(4) == 0;
      turns.set_active(flow, active);
      model.flows[ids[flow]].active = active;
    } else {
      ASSERT_EQ(turns.next(), model.next()) << step;
    }
  }
}

// A single active flow in any place of any block is found, from anywhere.
TEST(TurnOrder, FindsTheOnlyActiveFlow) {
  constexpr uint32_t kFlows = 700;
  TurnOrder turns;
  std::vector<std::string> ids;
  for (uint32_t i = 0; i < kFlows; ++i)
    ids.push_back(std::to_string(1000 + i));
  for (uint32_t i = 0; i < kFlows; ++i)
    turns.add(i, ids[i]);
  for (uint32_t i = 0; i < kFlows; ++i) {
    const uint32_t only = i * 337 % kFlows;
    turns.set_active(only, true);
    EXPECT_EQ(turns.next(), only);
    EXPECT_EQ(turns.next(), only);
    turns.set_active(only, false);
  }
}

}  // namespace
