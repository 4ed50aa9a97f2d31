// The structures under the queue against simple models of them.
#include "flowcontrol/capacity.h"
#include "flowcontrol/deadlines.h"
#include "flowcontrol/flow_queue.h"
#include "unit/flowcontrol/policies.h"

#include <map>
#include <memory>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace epp::flowcontrol {
namespace {

constexpr Nanos kMillisecond = 1'000'000;

TEST(Deadlines, NeverEarlyAndAtMostAMillisecondLate) {
  std::mt19937_64 random(7);
  Deadlines wheel;
  std::vector<std::unique_ptr<Item>> items;
  std::multimap<Nanos, Item*> model;
  Nanos now = 123'456'789'012;
  EXPECT_EQ(wheel.pop_due(now), nullptr);
  for (int round = 0; round < 20'000; ++round) {
    if (random() % 2 == 0) {
      Item& item = *items.emplace_back(std::make_unique<Item>());
      // From a microsecond to months ahead.
      const Nanos due = now + (Nanos{1} << (10 + random() % 44)) + random() % 1000;
      wheel.add(item, due);
      model.emplace(due, &item);
    } else if (!model.empty() && random() % 4 == 0) {
      const auto victim =
          std::next(model.begin(), static_cast<std::ptrdiff_t>(random() % std::min<std::size_t>(model.size(), 50)));
      wheel.remove(*victim->second);
      model.erase(victim);
    }
    ASSERT_EQ(wheel.next() == kNever, model.empty());
    if (!model.empty()) {
      ASSERT_LE(wheel.next(), model.begin()->first + kMillisecond);
    }
    now += random() % 3 == 0 ? random() % (Nanos{1} << (random() % 50)) : random() % kMillisecond;
    while (Item* const item = wheel.pop_due(now)) {
      ASSERT_LE(item->due, now);
      const auto [first, last] = model.equal_range(item->due);
      const auto found = std::find_if(first, last, [&](const auto& entry) { return entry.second == item; });
      ASSERT_NE(found, last) << "popped twice or after its removal";
      model.erase(found);
    }
    if (!model.empty()) {
      ASSERT_GT(model.begin()->first + kMillisecond, now);
    }
  }
}

TEST(Deadlines, NothingIsFiledForEver) {
  Deadlines wheel;
  Item item;
  wheel.add(item, kNever);
  EXPECT_EQ(wheel.next(), kNever);
  wheel.remove(item);
  wheel.add(item, kNever - 1);
  EXPECT_NE(wheel.next(), kNever);
  wheel.remove(item);
  EXPECT_EQ(wheel.next(), kNever);
}

// Random arrivals and removals; the front is always the least by `before`.
template <class Before>
void compare_with_model(FlowQueue& queue, Before before) {
  std::mt19937_64 random(11);
  std::vector<std::unique_ptr<Item>> waiting;
  std::uint64_t arrival = 0;
  for (int round = 0; round < 5'000; ++round) {
    if (waiting.empty() || random() % 5 < 3) {
      Item& item = *waiting.emplace_back(std::make_unique<Item>());
      item.arrival = ++arrival;
      item.key = static_cast<std::int64_t>(random() % 20);
      item.shown.cost = static_cast<std::int64_t>(random() % 20);
      queue.push(item);
    } else {
      const std::size_t victim = random() % waiting.size();
      queue.remove(*waiting[victim]);
      waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(victim));
    }
    ASSERT_EQ(queue.size(), waiting.size());
    if (waiting.empty()) continue;
    const auto least =
        std::min_element(waiting.begin(), waiting.end(), [&](const auto& a, const auto& b) { return before(*a, *b); });
    ASSERT_EQ(queue.front(), least->get());
  }
}

TEST(FlowQueue, OrdersByKeyThenArrival) {
  FlowQueue queue(nullptr);
  compare_with_model(
      queue, [](const Item& a, const Item& b) { return a.key != b.key ? a.key < b.key : a.arrival < b.arrival; });
}

TEST(FlowQueue, ComparatorGoesBeforeTheKey) {
  const testing::TestOrdering ordering(
      "cheapest first", [](const epp_queued_request&) { return 0; },
      [](const epp_queued_request& a, const epp_queued_request& b) { return a.cost < b.cost; });
  FlowQueue queue(&ordering);
  compare_with_model(queue, [](const Item& a, const Item& b) {
    if (a.shown.cost != b.shown.cost) return a.shown.cost < b.shown.cost;
    return a.key != b.key ? a.key < b.key : a.arrival < b.arrival;
  });
}

TEST(Capacity, FillsExactlyAndNeverOverflows) {
  EXPECT_TRUE(fits({.requests = 2, .bytes = 900}, {.requests = 3, .bytes = 1000}, 100));
  EXPECT_FALSE(fits({.requests = 2, .bytes = 900}, {.requests = 3, .bytes = 1000}, 101));
  EXPECT_FALSE(fits({.requests = 3, .bytes = 0}, {.requests = 3, .bytes = 1000}, 1));
  EXPECT_TRUE(fits({.requests = 3, .bytes = 5}, {}, UINT64_MAX)) << "0 is no limit";
  EXPECT_FALSE(fits({.requests = 0, .bytes = 10}, {.requests = 1, .bytes = 1000}, UINT64_MAX));
  EXPECT_EQ(excess({.requests = 4, .bytes = 10}, {.requests = 4, .bytes = 8}, 3).bytes, 3u);
}

}  // namespace
}  // namespace epp::flowcontrol
