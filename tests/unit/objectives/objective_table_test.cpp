#include "objectives/objective_table.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace epp::objectives {
namespace {

using Priorities = std::vector<std::int32_t>;

struct Recorder final : PriorityListener {
  void on_priorities(std::span<const std::int32_t> priorities) override {
    told.emplace_back(priorities.begin(), priorities.end());
    if (then) then();
  }
  std::vector<Priorities> told;
  std::function<void()> then;
};

TEST(ObjectiveTable, AnswersByName) {
  ObjectiveTable table;
  EXPECT_EQ(table.find("chat"), std::nullopt);
  EXPECT_TRUE(table.replace({{"chat", {10, 2.5}}, {"batch", {-1, 1}}, {"eval", {-1, 1}}}));
  EXPECT_EQ(table.find("chat"), (Terms{10, 2.5}));
  EXPECT_EQ(table.find("batch"), (Terms{-1, 1}));
  EXPECT_EQ(table.find(""), std::nullopt);
  EXPECT_EQ(table.find("cha"), std::nullopt);
  EXPECT_EQ(table.find("chat2"), std::nullopt);
  EXPECT_EQ(table.find("Chat"), std::nullopt) << "names are exact";
  EXPECT_EQ(table.priorities(), (Priorities{10, -1}));
}

TEST(ObjectiveTable, ReplaceIsWhole) {
  ObjectiveTable table;
  table.replace({{"a", {1, 1}}, {"b", {2, 1}}});
  EXPECT_TRUE(table.replace({{"b", {3, 1}}, {"c", {3, 4}}}));
  EXPECT_EQ(table.find("a"), std::nullopt);
  EXPECT_EQ(table.all(), (std::vector<Objective>{{"b", {3, 1}}, {"c", {3, 4}}}));
  EXPECT_FALSE(table.replace({{"c", {3, 4}}, {"b", {3, 1}}})) << "the order of the list is no change";
  EXPECT_TRUE(table.replace({}));
  EXPECT_EQ(table.find("b"), std::nullopt);
  EXPECT_TRUE(table.priorities().empty());
}

TEST(ObjectiveTable, TheLastOfEqualNamesCounts) {
  ObjectiveTable table;
  table.replace({{"a", {1, 1}}, {"b", {5, 1}}, {"a", {2, 1}}, {"a", {3, 7}}});
  EXPECT_EQ(table.find("a"), (Terms{3, 7}));
  EXPECT_EQ(table.priorities(), (Priorities{5, 3}));
}

TEST(ObjectiveTable, AnUnsetPriorityIsZeroAndAsksForNoBand) {
  ObjectiveTable table;
  table.replace({{"a", {4, 1}}, {"unset", {}, false}});
  EXPECT_EQ(table.find("unset"), Terms{});
  EXPECT_EQ(table.priorities(), Priorities{4});
  EXPECT_TRUE(table.replace({{"a", {4, 1}}, {"unset", {}, true}}));
  EXPECT_EQ(table.priorities(), (Priorities{4, 0}));
}

TEST(ObjectiveTable, ListenersHearOfPrioritiesOnly) {
  ObjectiveTable table;
  table.replace({{"a", {1, 1}}});
  Recorder recorder;
  table.add_listener(&recorder);
  table.replace({{"a", {1, 9}}, {"b", {1, 1}}});
  table.replace({{"a", {1, 9}}, {"b", {INT32_MIN, 1}}, {"c", {INT32_MAX, 1}}});
  EXPECT_EQ(recorder.told, (std::vector<Priorities>{{1}, {INT32_MAX, 1, INT32_MIN}}));
  table.remove_listener(&recorder);
  table.replace({});
  EXPECT_EQ(recorder.told.size(), 2u);
}

// While objectives change, a request must never find a priority that no band was made for: upstream silently queues it
// at priority 0 then.
TEST(FlowControlWeakSpot, W22_ABandIsAskedForBeforeARequestCanNameItsPriority) {
  ObjectiveTable table;
  table.replace({{"chat", {1, 1}}});
  Recorder recorder;
  std::vector<Terms> seen;
  recorder.then = [&] { seen.push_back(table.find("chat").value()); };
  table.add_listener(&recorder);
  table.replace({{"chat", {7, 1}}});
  EXPECT_EQ(recorder.told, (std::vector<Priorities>{{1}, {7, 1}, {7}}));
  EXPECT_EQ(seen, (std::vector<Terms>{{1, 1}, {1, 1}, {7, 1}}));
}

TEST(ObjectiveTable, ReadersNeverSeeHalfAChange) {
  ObjectiveTable table;
  const std::vector<Objective> odd{{"a", {1, 1}}, {"b", {1, 1}}, {"odd", {1, 1}}};
  const std::vector<Objective> even{{"a", {2, 2}}, {"b", {2, 2}}};
  table.replace(odd);
  std::atomic<bool> stop{false};
  std::atomic<int> wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (!stop.load()) {
        const auto a = table.find("a");
        if (a != Terms{1, 1} && a != Terms{2, 2}) ++wrong;
        const auto all = table.all();
        if (all != odd && all != even) ++wrong;
        if (table.priorities().size() != 1) ++wrong;
      }
    });
  }
  for (int i = 0; i < 2'000; ++i)
    table.replace(i % 2 == 0 ? even : odd);
  stop = true;
  for (auto& reader : readers)
    reader.join();
  EXPECT_EQ(wrong.load(), 0);
}

}  // namespace
}  // namespace epp::objectives
