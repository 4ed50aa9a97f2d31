#include "endpoints/endpoint_table.h"

#include "unit/endpoints/specs.h"

#include <atomic>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace epp::endpoints {
namespace {

class Recorder : public EndpointListener {
 public:
  explicit Recorder(const EndpointTable& table) : table_(table) {}
  void on_endpoint_added(const EndpointPtr& endpoint) override {
    const bool visible = table_.snapshot()->find(endpoint->id()) != nullptr;
    events.push_back("+" + endpoint->id() + "@" + endpoint->host_port() + (visible ? " visible" : ""));
  }
  void on_endpoint_removed(const EndpointPtr& endpoint) override {
    const bool visible = table_.snapshot()->find(endpoint->id()) != nullptr;
    events.push_back("-" + endpoint->id() + (visible ? " visible" : ""));
  }
  std::vector<std::string> events;

 private:
  const EndpointTable& table_;
};

class EndpointTableTest : public testing::Test {
 protected:
  AttributeRegistry attributes;
  EndpointTable table{attributes};
  const epp_attr queue = attributes.intern("Queue/t", EPP_TYPE_F64, Storage::kSnapshot);
  const epp_attr models = attributes.intern("Models/t", EPP_TYPE_STR_LIST, Storage::kSnapshot);
  const epp_attr inflight = attributes.intern("InFlight/t", EPP_TYPE_I64, Storage::kLive);

  EndpointPtr live(const std::string& id) {
    const auto snapshot = table.snapshot();
    const Endpoint* found = snapshot->find(id);
    return found ? snapshot->endpoint(found->slot()) : nullptr;
  }
  void store_queue(const EndpointPtr& endpoint, double value) {
    ScrapedValues values;
    values.set(queue, value);
    table.store(*endpoint, values);
  }
};

TEST_F(EndpointTableTest, AnotherAnnotationIsTheSameEndpointChanged) {
  Recorder recorder(table);
  table.add_listener(&recorder);
  EndpointSpec annotated = spec("a");
  annotated.annotations = {{"z", "1"}, {"b", "2"}};
  table.upsert(annotated);
  const EndpointPtr before = live("default/a");
  ASSERT_EQ(before->abi().annotation_count, 2U);
  EXPECT_EQ(before->abi().annotations[0].key.data[0], 'b') << "sorted";
  EXPECT_EQ(before->abi().annotations[1].value.data[0], '1');

  annotated.annotations = {{"b", "3"}};
  table.upsert(annotated);
  const EndpointPtr after = live("default/a");
  EXPECT_EQ(after->uid(), before->uid());
  EXPECT_EQ(after->slot(), before->slot());
  ASSERT_EQ(after->abi().annotation_count, 1U);
  EXPECT_EQ(after->abi().annotations[0].value.data[0], '3');
  EXPECT_EQ(recorder.events.size(), 2U);
  table.upsert(annotated);
  EXPECT_EQ(recorder.events.size(), 2U) << "nothing changed";
  table.remove_listener(&recorder);
}

TEST_F(EndpointTableTest, StartsEmpty) {
  const auto snapshot = table.snapshot();
  EXPECT_TRUE(snapshot->empty());
  EXPECT_EQ(snapshot->find("default/a"), nullptr);
  EXPECT_TRUE(std::isnan(snapshot->f64(queue)[0])) << "a column nobody wrote is all missing";
}

TEST_F(EndpointTableTest, ShowsIdentityAsPluginsSeeIt) {
  EndpointSpec given = spec("vllm-0-rank-1", "fd00::1");
  given.workload = "vllm-0";
  given.rank = 1;
  given.labels = {{"z", "1"}, {"a", "2"}};
  ASSERT_TRUE(table.upsert(given));
  const auto endpoint = live("default/vllm-0-rank-1");
  ASSERT_NE(endpoint, nullptr);
  EXPECT_EQ(endpoint->host_port(), "[fd00::1]:8000");
  EXPECT_EQ(endpoint->metrics_host(), "[fd00::1]:8000");
  ASSERT_NE(endpoint->label("a"), nullptr);
  EXPECT_EQ(*endpoint->label("a"), "2");
  EXPECT_EQ(endpoint->label("b"), nullptr);
  const epp_endpoint& abi = endpoint->abi();
  EXPECT_EQ(abi.size, sizeof(epp_endpoint));
  EXPECT_EQ(std::string(abi.workload.data, abi.workload.size), "vllm-0");
  ASSERT_EQ(abi.label_count, 2u);
  EXPECT_EQ(std::string(abi.labels[0].key.data, abi.labels[0].key.size), "a") << "labels are sorted";
  EXPECT_EQ(abi.rank, 1u);
  EXPECT_EQ(table.snapshot()->endpoints()[abi.slot], &abi);
}

TEST_F(EndpointTableTest, KeepsTheOrderOfFirstAppearance) {
  table.replace({spec("c"), spec("a"), spec("b")});
  table.replace({spec("b"), spec("d"), spec("c")});
  const auto snapshot = table.snapshot();
  std::vector<std::string> names;
  for (const uint32_t slot : snapshot->slots())
    names.push_back(snapshot->endpoint(slot)->spec().name);
  EXPECT_EQ(names, (std::vector<std::string>{"c", "b", "d"}));
}

TEST_F(EndpointTableTest, ReplaceCountsChangesAndTakesTheLastDuplicate) {
  EXPECT_EQ(table.replace({spec("a", "10.0.0.1"), spec("a", "10.0.0.2"), spec("b")}), 2u);
  EXPECT_EQ(live("default/a")->host_port(), "10.0.0.2:8000");
  EXPECT_EQ(table.replace({spec("a", "10.0.0.2"), spec("b")}), 0u) << "nothing changed";
  EXPECT_EQ(table.replace({spec("a", "10.0.0.3")}), 2u) << "one changed, one gone";
}

TEST_F(EndpointTableTest, TellsAdditionsBeforeTheyAreVisibleAndRemovalsAfter) {
  table.upsert(spec("a"));
  Recorder recorder(table);
  table.add_listener(&recorder);
  table.upsert(spec("b"));
  table.remove("default/b");
  table.upsert(spec("a", "10.0.0.9"));
  table.upsert(spec("a", "10.0.0.9"));
  EXPECT_FALSE(table.remove("default/unknown"));
  table.remove_listener(&recorder);
  table.upsert(spec("c"));
  EXPECT_EQ(recorder.events, (std::vector<std::string>{"+default/a@10.0.0.1:8000 visible", "+default/b@10.0.0.1:8000",
                                                       "-default/b", "+default/a@10.0.0.9:8000 visible"}));
}

TEST_F(EndpointTableTest, AnUpdateKeepsSlotUidAndValues) {
  table.upsert(spec("a"));
  const auto before = live("default/a");
  store_queue(before, 7);
  table.upsert(spec("a", "10.0.0.9"));
  const auto after = live("default/a");
  EXPECT_NE(before, after);
  EXPECT_EQ(after->slot(), before->slot());
  EXPECT_EQ(after->uid(), before->uid());
  EXPECT_EQ(table.snapshot()->f64(queue)[after->slot()], 7);
}

TEST_F(EndpointTableTest, ValuesAreSeenAfterPublishOnly) {
  table.upsert(spec("a"));
  const auto endpoint = live("default/a");
  const auto before = table.snapshot();
  store_queue(endpoint, 3);
  EXPECT_TRUE(std::isnan(table.snapshot()->f64(queue)[endpoint->slot()]));
  table.publish();
  const auto after = table.snapshot();
  EXPECT_EQ(after->f64(queue)[endpoint->slot()], 3);
  EXPECT_TRUE(std::isnan(before->f64(queue)[endpoint->slot()])) << "a pinned snapshot never changes";
  EXPECT_GT(after->generation(), before->generation());
  table.publish();
  EXPECT_EQ(table.snapshot()->generation(), after->generation()) << "nothing new, no new snapshot";
  store_queue(endpoint, 3);
  table.publish();
  EXPECT_EQ(table.snapshot()->generation(), after->generation()) << "equal values are nothing new";
}

TEST_F(EndpointTableTest, TextColumnsOutliveTheirReplacement) {
  table.upsert(spec("a"));
  const auto endpoint = live("default/a");
  ScrapedValues values;
  values.set(models, std::vector<std::string>{"lora-1", "lora-2"});
  table.store(*endpoint, values);
  table.publish();
  const auto pinned = table.snapshot();
  values.clear();
  values.set(models, std::vector<std::string>{});
  table.store(*endpoint, values);
  table.publish();
  const epp_str_list& old = pinned->str_list(models)[endpoint->slot()];
  ASSERT_EQ(old.count, 2u);
  EXPECT_EQ(std::string(old.items[1].data, old.items[1].size), "lora-2");
  const epp_str_list& now = table.snapshot()->str_list(models)[endpoint->slot()];
  EXPECT_EQ(now.count, 0u);
  EXPECT_NE(now.items, nullptr) << "empty is not missing";
}

TEST_F(EndpointTableTest, IgnoresValuesOfTheWrongTypeOrStorage) {
  table.upsert(spec("a"));
  const auto endpoint = live("default/a");
  ScrapedValues values;
  values.set(queue, int64_t{5});
  values.set(inflight, int64_t{5});
  values.set(EPP_ATTR_NONE, 1.0);
  table.store(*endpoint, values);
  table.publish();
  EXPECT_TRUE(std::isnan(table.snapshot()->f64(queue)[endpoint->slot()]));
  EXPECT_EQ(table.live_column(inflight)[endpoint->slot()], 0);
}

TEST_F(EndpointTableTest, APinnedEndpointKeepsItsSlot) {
  table.upsert(spec("a"));
  auto pinned = table.snapshot();
  const uint32_t slot = pinned->slots()[0];
  store_queue(pinned->endpoint(slot), 9);
  table.publish();
  table.remove("default/a");
  table.upsert(spec("b"));
  EXPECT_NE(live("default/b")->slot(), slot);
  EXPECT_EQ(pinned->endpoint(slot)->id(), "default/a");
}

TEST_F(EndpointTableTest, AReturningEndpointStartsMissing) {
  table.upsert(spec("a"));
  store_queue(live("default/a"), 9);
  table.publish();
  const uint64_t uid = live("default/a")->uid();
  table.remove("default/a");
  table.upsert(spec("a"));
  const auto endpoint = live("default/a");
  EXPECT_NE(endpoint->uid(), uid);
  EXPECT_TRUE(std::isnan(table.snapshot()->f64(queue)[endpoint->slot()]));
}

TEST_F(EndpointTableTest, LiveCountersClampAtZeroAndKnowTheirOwner) {
  table.upsert(spec("a"));
  const auto endpoint = live("default/a");
  EXPECT_EQ(table.live_add(inflight, endpoint->slot(), endpoint->uid(), 3), 3);
  EXPECT_EQ(table.live_add(inflight, endpoint->slot(), endpoint->uid(), -5), 0);
  EXPECT_EQ(table.live_add(inflight, endpoint->slot(), endpoint->uid() + 1, 4), 0) << "another endpoint's slot";
  EXPECT_EQ(table.live_add(inflight, endpoint->slot(), endpoint->uid(), INT64_MAX), INT64_MAX);
  EXPECT_EQ(table.live_add(inflight, endpoint->slot(), endpoint->uid(), 1), INT64_MAX);
  EXPECT_EQ(epp_live_load(&table.live_column(inflight)[endpoint->slot()]), INT64_MAX);
  EXPECT_EQ(table.live_add(queue, endpoint->slot(), endpoint->uid(), 1), 0) << "not a live column";
}

TEST_F(EndpointTableTest, FiveThousandEndpoints) {
  std::vector<EndpointSpec> specs;
  for (int i = 0; i < 5000; ++i)
    specs.push_back(spec("e" + std::to_string(i)));
  ASSERT_EQ(table.replace(specs), 5000u);
  const auto all = table.snapshot();
  ASSERT_EQ(all->size(), 5000u);
  for (const uint32_t slot : all->slots())
    store_queue(all->endpoint(slot), slot);
  table.publish();
  const auto snapshot = table.snapshot();
  for (const uint32_t slot : snapshot->slots())
    ASSERT_EQ(snapshot->f64(queue)[slot], slot);
}

TEST_F(EndpointTableTest, ReadersSeeWholeSnapshotsWhileEverythingChanges) {
  table.replace({spec("a"), spec("b")});
  std::atomic<bool> stop{false};
  std::atomic<int> reads{0};
  std::vector<std::thread> threads;
  for (int reader = 0; reader < 3; ++reader) {
    threads.emplace_back([&] {
      uint64_t last = 0;
      while (!stop.load()) {
        ++reads;
        const auto snapshot = table.snapshot();
        ASSERT_GE(snapshot->generation(), last);
        last = snapshot->generation();
        for (const uint32_t slot : snapshot->slots()) {
          ASSERT_EQ(snapshot->endpoints()[slot]->slot, slot);
          const double value = snapshot->f64(queue)[slot];
          ASSERT_TRUE(std::isnan(value) || value >= 0);
          table.live_add(inflight, slot, snapshot->endpoints()[slot]->uid, 1);
          table.live_add(inflight, slot, snapshot->endpoints()[slot]->uid, -1);
        }
      }
    });
  }
  int round = 0;
  for (; round < 300 || reads < 3000; ++round) {
    table.upsert(spec("c" + std::to_string(round % 7)));
    if (round % 3 == 0) table.remove("default/c" + std::to_string((round + 2) % 7));
    if (const auto endpoint = live("default/a")) store_queue(endpoint, round);
    table.publish();
  }
  stop = true;
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(table.snapshot()->f64(queue)[live("default/a")->slot()], round - 1);
}

}  // namespace
}  // namespace epp::endpoints
