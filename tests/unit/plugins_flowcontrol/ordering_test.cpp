// fcfs, edf and slo-deadline ordering.
#include "plugins/flow_hooks.h"
#include "unit/plugin_harness/plugin_harness.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using epp::testing::PluginHarness;
using epp::testing::TestRequest;
using ::testing::ElementsAre;

constexpr uint64_t kMs = 1'000'000;
constexpr uint64_t kStart = 1'000'000 * kMs;

struct Item {
  std::string name;
  epp_queued_request abi{};
  std::optional<TestRequest> request;
};

struct OrderingStage {
  // A request `at_ms` after the start, with a time to live (0: for ever) and headers.
  void add(std::string name, int64_t at_ms, uint64_t ttl_ms, std::vector<std::pair<const char*, std::string>> headers) {
    Item& item = items_.emplace_back();
    item.name = std::move(name);
    item.request.emplace(host.request());
    for (const auto& [header, value] : headers)
      item.request->header(header, value);
    item.abi.size = sizeof item.abi;
    item.abi.request = item.request->context().abi();
    item.abi.received_ns = item.abi.enqueued_ns = kStart + static_cast<uint64_t>(at_ms * static_cast<int64_t>(kMs));
    item.abi.deadline_ns = ttl_ms == 0 ? EPP_NEVER_NS : item.abi.enqueued_ns + ttl_ms * kMs;
  }
  void add_slo(std::string name, int64_t at_ms, std::string slo) {
    add(std::move(name), at_ms, 0, {{"x-llm-d-slo-ttft-ms", std::move(slo)}});
  }

  // Names in the order of the policy; equal keys in the order of addition.
  std::vector<std::string> order(const char* type) {
    host.load(type);
    const auto policy = host.create(type, R"({"anything": "goes"})");
    EXPECT_FALSE(epp::plugins::has_comparator(*policy));
    epp::plugins::ErrorBuffer error;
    std::vector<std::pair<int64_t, std::string>> keys;
    for (const Item& item : items_)
      keys.emplace_back(epp::plugins::run_ordering_key(*policy, item.abi, error), item.name);
    std::stable_sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<std::string> names;
    for (const auto& [key, name] : keys)
      names.push_back(name);
    return names;
  }

  PluginHarness host;

 private:
  std::vector<Item> items_;
};

class Ordering : public ::testing::Test, protected OrderingStage {};

TEST_F(Ordering, FcfsByArrival) {
  add("second", 5, 1, {});
  add("first", 0, 100, {});
  add("third", 6, 0, {});
  EXPECT_THAT(order("fcfs-ordering-policy"), ElementsAre("first", "second", "third"));
}

TEST_F(Ordering, EdfByDeadline) {
  add("for-ever", 0, 0, {});
  add("long", 0, 1000, {});
  add("also-for-ever", 1, 0, {});
  add("short", 10, 100, {});
  add("shortest", 20, 50, {});
  EXPECT_THAT(order("edf-ordering-policy"), ElementsAre("shortest", "short", "long", "for-ever", "also-for-ever"));
}

// The reference's example: deadlines 100, 50, 70, none, 50.
TEST_F(Ordering, SloDeadlineExample) {
  add_slo("A", 0, "100");
  add_slo("B", 0, "50");
  add_slo("C", 20, "50");
  add("D", 0, 0, {});
  add_slo("E", -1000, "1050");
  // B and E have one deadline; E was received first.
  const auto names = order("slo-deadline-ordering-policy");
  ASSERT_EQ(names.size(), 5u);
  EXPECT_THAT((std::vector<std::string>{names[2], names[3], names[4]}), ElementsAre("C", "A", "D"));
}

TEST(FlowControlCheck, C21_SloDeadlineOrdering) {
  OrderingStage stage;
  stage.add_slo("10000", 0, "10000");
  stage.add_slo("abc", 1, "abc");
  stage.add_slo("500", 2, "500");
  stage.add_slo("-5", 3, "-5");
  stage.add_slo("2000", 4, "2000");
  stage.add_slo("9223372036854775807", 5, "9223372036854775807");
  stage.add("none", 6, 0, {});
  EXPECT_THAT(stage.order("slo-deadline-ordering-policy"),
              ElementsAre("500", "2000", "10000", "abc", "-5", "9223372036854775807", "none"));
}

TEST_F(Ordering, SloValues) {
  add_slo("fraction", 0, "50.5");
  add_slo("too-large", 1, "9223372036855");
  add_slo("double-sign", 2, "+-1");
  add_slo("hex", 3, "0x10");
  add("hidden-alias", 4, 0, {{"x-llm-d-slo-ttft-ms", ""}, {"x-slo-ttft-ms", "1"}});
  add_slo("largest", 5, "9223372036854");
  add_slo("signed", 6, " +30\t");
  add("alias", 7, 0, {{"x-slo-ttft-ms", "20"}});
  add_slo("zero", 8, "0");
  EXPECT_THAT(order("slo-deadline-ordering-policy"), ElementsAre("zero", "alias", "signed", "largest", "fraction",
                                                                 "too-large", "double-sign", "hex", "hidden-alias"));
}

}  // namespace
