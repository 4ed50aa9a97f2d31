#include "objectives/rewrite_table.h"

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace epp::objectives {
namespace {

RewriteRule exact(std::vector<std::string> models, std::vector<RewriteTarget> targets) {
  return {.generic = false, .models = std::move(models), .targets = std::move(targets)};
}
RewriteRule generic(std::vector<RewriteTarget> targets) {
  return {.generic = true, .models = {}, .targets = std::move(targets)};
}
RewriteTarget to(std::string model, std::optional<std::int32_t> weight = std::nullopt) {
  return {std::move(model), weight};
}
ModelRewrite rewrite(std::string name, std::int64_t created, std::vector<RewriteRule> rules,
                     std::string name_space = "ns") {
  return {
      .name_space = std::move(name_space), .name = std::move(name), .created_ns = created, .rules = std::move(rules)};
}

std::string target(const RewriteTable& table, std::string_view model) {
  const auto decision = table.choose(model);
  return decision ? decision->target : "-";
}

std::map<std::string, int> draws(const RewriteTable& table, std::string_view model, int count) {
  std::map<std::string, int> seen;
  for (int i = 0; i < count; ++i)
    ++seen[target(table, model)];
  return seen;
}

TEST(RewriteTableTest, AnEmptyOneRewritesNothing) {
  RewriteTable table;
  EXPECT_FALSE(table.choose("m"));
  EXPECT_FALSE(table.choose(""));
  EXPECT_TRUE(table.models().empty());
  EXPECT_FALSE(table.replace({}));
}

// The worked example of the reference: A (oldest, generic), B and C (exact).
TEST(RewriteTableTest, TheOldestExactRuleThenTheOldestGenericOne) {
  const auto a = rewrite("A", 1, {generic({to("gen-a")})});
  const auto b = rewrite("B", 2, {exact({"m1"}, {to("b")})});
  const auto c = rewrite("C", 3, {exact({"m1"}, {to("c")})});
  RewriteTable table;
  EXPECT_TRUE(table.replace({c, a, b}));
  EXPECT_EQ(target(table, "m1"), "b");
  EXPECT_EQ(table.choose("m1")->rule, "B");
  EXPECT_EQ(target(table, "zzz"), "gen-a");
  EXPECT_EQ(target(table, ""), "gen-a");

  EXPECT_TRUE(table.replace({a, c}));
  EXPECT_EQ(target(table, "m1"), "c");
  EXPECT_TRUE(table.replace({a}));
  EXPECT_EQ(target(table, "m1"), "gen-a");
  EXPECT_TRUE(table.replace({}));
  EXPECT_EQ(target(table, "m1"), "-");
}

TEST(RewriteTableTest, AChangedObjectReplacesAllItsRules) {
  RewriteTable table;
  table.replace({rewrite("B", 1, {exact({"m1", "m2"}, {to("b")}), generic({to("g")})})});
  EXPECT_EQ(target(table, "m2"), "b");
  EXPECT_TRUE(table.replace({rewrite("B", 1, {exact({"m3"}, {to("b3")})})}));
  EXPECT_EQ(target(table, "m1"), "-");
  EXPECT_EQ(target(table, "m2"), "-");
  EXPECT_EQ(target(table, "m3"), "b3");
  EXPECT_FALSE(table.replace({rewrite("B", 1, {exact({"m3"}, {to("b3")})})}));
}

TEST(KubernetesWeakSpot, W17_EqualAgesGoByNameThenByPlace) {
  RewriteTable table;
  const auto y = rewrite("y", 5, {exact({"m"}, {to("y0")})});
  const auto x = rewrite("x", 5, {exact({"m"}, {to("x0")}), exact({"m"}, {to("x1")})});
  const auto other = rewrite("z", 5, {exact({"m"}, {to("z0")})}, "an-earlier-namespace");
  table.replace({y, x});
  EXPECT_EQ(target(table, "m"), "x0");
  table.replace({x, y});
  EXPECT_EQ(target(table, "m"), "x0");
  table.replace({x, y, other});
  EXPECT_EQ(target(table, "m"), "z0");
}

TEST(KubernetesWeakSpot, W30_UnweightedBesideWeightedCountAsOne) {
  RewriteTable table;
  table.replace({rewrite("r", 1, {exact({"m"}, {to("a"), to("b", 3)})})});
  const auto seen = draws(table, "m", 4000);
  EXPECT_NEAR(seen.at("a"), 1000, 150);
  EXPECT_NEAR(seen.at("b"), 3000, 150);
}

TEST(KubernetesWeakSpot, W30_ARuleWithoutTargetsIsLeftOut) {
  RewriteTable table;
  table.replace({rewrite("r", 1, {exact({"m"}, {}), generic({})}), rewrite("s", 2, {exact({"m"}, {to("t")})})});
  EXPECT_EQ(target(table, "m"), "t");
  EXPECT_EQ(target(table, "x"), "-");
}

TEST(KubernetesCheck, C21_NinetyToTen) {
  RewriteTable table;
  table.replace({rewrite("r", 1, {exact({"m"}, {to("a", 90), to("b", 10)})})});
  const auto seen = draws(table, "m", 2000);
  EXPECT_GE(seen.at("a"), 1700);
  EXPECT_LE(seen.at("a"), 1900);
}

TEST(RewriteTableTest, NoWeightsMeanAllAlike) {
  RewriteTable table;
  table.replace({rewrite("r", 1, {exact({"m"}, {to("a"), to("b")})})});
  EXPECT_NEAR(draws(table, "m", 2000).at("a"), 1000, 150);
}

TEST(RewriteTableTest, TheLargestWeightsDoNotOverflow) {
  std::vector<RewriteTarget> targets;
  for (int i = 0; i < 3000; ++i)
    targets.push_back(to("t" + std::to_string(i), 1'000'000));  // the sum is beyond 31 bits
  RewriteTable table;
  table.replace({rewrite("r", 1, {exact({"m"}, std::move(targets))})});
  EXPECT_GT(draws(table, "m", 1000).size(), 700U);
}

TEST(RewriteTableTest, ARuleThatMatchesNothingStaysWithoutEffect) {
  RewriteTable table;
  table.replace({rewrite("r", 1, {exact({}, {to("a")})})});
  EXPECT_EQ(target(table, "m"), "-");
  EXPECT_EQ(target(table, ""), "-");
}

TEST(RewriteTableTest, ModelsAreThoseOfMatchesAndTargets) {
  RewriteTable table;
  table.replace({rewrite("r", 1, {exact({"m", "n"}, {to("b"), to("a")}), generic({to("a")})})});
  EXPECT_EQ(table.models(), (std::vector<std::string>{"a", "b", "m", "n"}));
}

TEST(RewriteTableTest, ReadersSeeOneVersionOrTheOther) {
  RewriteTable table;
  std::atomic<bool> stop{false};
  std::atomic<int> foreign{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        const std::string seen = target(table, "m");
        if (seen != "-" && seen != "a" && seen != "b") ++foreign;
      }
    });
  }
  for (int i = 0; i < 500; ++i)
    table.replace({rewrite("r", 1, {exact({"m"}, {to(i % 2 == 0 ? "a" : "b")})})});
  stop = true;
  for (std::thread& reader : readers)
    reader.join();
  EXPECT_EQ(foreign, 0);
}

}  // namespace
}  // namespace epp::objectives
