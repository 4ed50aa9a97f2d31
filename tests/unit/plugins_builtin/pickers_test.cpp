// Pickers: order, limits and distributions.
#include "unit/plugin_harness/plugin_harness.h"

#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::IsSubsetOf;
using ::testing::Le;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class Picker : public ::testing::Test {
 protected:
  Picker() {
    for (const char* library : {"max-score-picker", "random-picker", "weighted-random-picker"})
      host.load(library);
    for (const char* name : {"a", "b", "c"})
      host.endpoint(name);
  }
  std::vector<std::string> pick(std::string_view type, std::vector<double> totals, std::string_view parameters = "{}") {
    auto request = host.request();
    return host.pick(host.create(type, parameters), request, std::move(totals));
  }
  // How often each endpoint comes first in `rounds` picks.
  std::map<std::string, int> first_picks(std::string_view type, const std::vector<double>& totals, int rounds) {
    const auto picker = host.create(type);
    auto request = host.request();
    std::map<std::string, int> counts;
    for (int i = 0; i < rounds; ++i)
      ++counts[host.pick(picker, request, totals).at(0)];
    return counts;
  }
  PluginHarness host;
};

TEST_F(Picker, MaxScoreTakesTheBest) {
  EXPECT_THAT(pick("max-score-picker", {1, 3, 2}), ElementsAre("b"));
  EXPECT_THAT(pick("max-score-picker", {1, 3, 2}, R"({"maxNumOfEndpoints": 0})"), ElementsAre("b"));
  EXPECT_THAT(pick("max-score-picker", {-1, -3, -2}), ElementsAre("a"));
}

// SchedulingCheck 11: two targets, the best one first.
TEST_F(Picker, C11_MaxScoreOrdersSeveral) {
  EXPECT_THAT(pick("max-score-picker", {1, 3, 2}, R"({"maxNumOfEndpoints": 2})"), ElementsAre("b", "c"));
  EXPECT_THAT(pick("max-score-picker", {1, 3, 2}, R"({"maxNumOfEndpoints": 9})"), ElementsAre("b", "c", "a"));
}

// SchedulingCheck 9: three equal endpoints, each within 28-39 %.
TEST_F(Picker, C09_MaxScoreBreaksTiesEvenly) {
  const auto counts = first_picks("max-score-picker", {1, 1, 1}, 3000);
  ASSERT_THAT(counts, SizeIs(3));
  for (const auto& [name, count] : counts)
    EXPECT_THAT(count, AllOf(Ge(840), Le(1170))) << name;
}

TEST_F(Picker, MaxScoreFindsTheBestOfManyAnywhere) {
  std::vector<std::string> names = {"a", "b", "c"};
  for (int i = 3; i < 45; ++i)
    host.endpoint(names.emplace_back("e" + std::to_string(i)));
  for (size_t best = 0; best < names.size(); ++best) {
    std::vector<double> totals(names.size(), 1);
    totals[best] = 1.5;
    EXPECT_THAT(pick("max-score-picker", totals), ElementsAre(names[best]));
  }
  std::vector<double> totals(names.size(), 1);
  totals[7] = totals[19] = totals[44] = 2;
  const auto counts = first_picks("max-score-picker", totals, 600);
  EXPECT_THAT(counts, UnorderedElementsAre(Pair("e7", Ge(100)), Pair("e19", Ge(100)), Pair("e44", Ge(100))));
}

TEST_F(Picker, MaxScoreTieAmongTheBestOnly) {
  const auto counts = first_picks("max-score-picker", {5, 1, 5}, 2000);
  EXPECT_EQ(counts.count("b"), 0u);
  EXPECT_THAT(counts.at("a"), AllOf(Ge(850), Le(1150)));
}

TEST_F(Picker, SeveralTiedTargetsComeInRandomOrder) {
  const auto picker = host.create("max-score-picker", R"({"maxNumOfEndpoints": 2})");
  auto request = host.request();
  std::set<std::vector<std::string>> orders;
  for (int i = 0; i < 500; ++i)
    orders.insert(host.pick(picker, request, {1, 1, 0}));
  EXPECT_THAT(orders, UnorderedElementsAre(ElementsAre("a", "b"), ElementsAre("b", "a")));
}

TEST_F(Picker, RandomIgnoresScores) {
  const auto counts = first_picks("random-picker", {100, 0, 1}, 3000);
  ASSERT_THAT(counts, SizeIs(3));
  for (const auto& [name, count] : counts)
    EXPECT_THAT(count, AllOf(Ge(840), Le(1170))) << name;
  EXPECT_THAT(pick("random-picker", {0, 0, 0}, R"({"maxNumOfEndpoints": 3})"), UnorderedElementsAre("a", "b", "c"));
}

// SchedulingCheck 10: about 75/25, and a score of 0 never wins.
TEST_F(Picker, C10_WeightedRandomFollowsScores) {
  const auto counts = first_picks("weighted-random-picker", {0.75, 0.25, 0}, 4000);
  EXPECT_EQ(counts.count("c"), 0u);
  EXPECT_THAT(counts.at("a"), AllOf(Ge(2850), Le(3150)));
}

TEST_F(Picker, WeightedRandomDoesNotUnderflow) {
  const auto counts = first_picks("weighted-random-picker", {0.00003, 0.00001, 0}, 4000);
  EXPECT_EQ(counts.count("c"), 0u);
  EXPECT_THAT(counts.at("a"), AllOf(Ge(2850), Le(3150)));
}

TEST_F(Picker, WeightedRandomTakesZeroesLast) {
  const auto three = pick("weighted-random-picker", {0, 2, 1}, R"({"maxNumOfEndpoints": 3})");
  ASSERT_THAT(three, SizeIs(3));
  EXPECT_EQ(three[2], "a");
}

TEST_F(Picker, WeightedRandomOfZeroesIsUniform) {
  const auto counts = first_picks("weighted-random-picker", {0, 0, 0}, 3000);
  ASSERT_THAT(counts, SizeIs(3));
  for (const auto& [name, count] : counts)
    EXPECT_THAT(count, AllOf(Ge(840), Le(1170))) << name;
}

TEST_F(Picker, RefusesUnknownParameters) {
  for (const char* type : {"max-score-picker", "random-picker", "weighted-random-picker"})
    EXPECT_NE(host.create_error(type, R"({"maxEndpoints": 2})"), "") << type;
}

}  // namespace
