// Several steps at once, and endpoints that leave for a while.
#include "endpoints/endpoint_table.h"
#include "unit/endpoints/specs.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace epp::endpoints {
namespace {

EndpointChange upsert(const std::string& name, const std::string& address = "10.0.0.1") {
  return {.kind = EndpointChange::Kind::kUpsert, .spec = spec(name, address)};
}
EndpointChange suspend(const std::string& name) {
  return {.kind = EndpointChange::Kind::kSuspend, .id = "default/" + name};
}
EndpointChange removal(const std::string& name) {
  return {.kind = EndpointChange::Kind::kRemove, .id = "default/" + name};
}

class Recorder : public EndpointListener {
 public:
  explicit Recorder(const EndpointTable& table) : table_(table) {}
  void on_endpoint_added(const EndpointPtr& endpoint) override { note("+", endpoint); }
  void on_endpoint_removed(const EndpointPtr& endpoint) override { note("-", endpoint); }
  void on_endpoint_suspended(const EndpointPtr& endpoint) override { note("~", endpoint); }
  void on_published() override { ++publications; }

  std::vector<std::string> events;  // what, name, uid; whether a snapshot shows it
  int publications = 0;

 private:
  void note(const std::string& what, const EndpointPtr& endpoint) {
    const auto snapshot = table_.snapshot();
    const Endpoint* shown = snapshot->find(endpoint->id());
    const bool visible = shown != nullptr && shown->uid() == endpoint->uid();
    events.push_back(what + endpoint->spec().name + std::to_string(endpoint->uid()) + (visible ? " visible" : ""));
  }
  const EndpointTable& table_;
};

using Events = std::vector<std::string>;

class SuspensionTest : public testing::Test {
 protected:
  AttributeRegistry attributes;
  EndpointTable table{attributes};
  const epp_attr queue = attributes.intern("Queue/t", EPP_TYPE_F64, Storage::kSnapshot);
  const epp_attr inflight = attributes.intern("InFlight/t", EPP_TYPE_I64, Storage::kLive);

  EndpointPtr live(const std::string& name) {
    const auto snapshot = table.snapshot();
    const Endpoint* found = snapshot->find("default/" + name);
    return found ? snapshot->endpoint(found->slot()) : nullptr;
  }
  Events order() {
    Events names;
    const auto snapshot = table.snapshot();
    for (const uint32_t slot : snapshot->slots())
      names.push_back(snapshot->endpoint(slot)->spec().name);
    return names;
  }
};

TEST_F(SuspensionTest, StepsAreTakenInOrderAndPublishedOnce) {
  Recorder recorder(table);
  table.add_listener(&recorder);
  const auto generation = table.snapshot()->generation();
  EXPECT_EQ(table.apply({upsert("a"), upsert("b"), suspend("a"), removal("b"), upsert("b"), removal("none")}), 5U);
  EXPECT_EQ(table.snapshot()->generation(), generation + 1);
  EXPECT_EQ(recorder.publications, 1);
  EXPECT_EQ(order(), (Events{"b"}));
  EXPECT_EQ(table.suspended(), 1U);
  EXPECT_EQ(recorder.events, (Events{"+a1", "+b2", "+b3", "~a1", "-b2"}));
  table.remove_listener(&recorder);
}

TEST_F(SuspensionTest, WithoutEffectNothingIsPublished) {
  table.apply({upsert("a")});
  const auto generation = table.snapshot()->generation();
  EXPECT_EQ(table.apply({upsert("a"), suspend("b"), removal("b")}), 0U);
  EXPECT_EQ(table.apply({}), 0U);
  EXPECT_EQ(table.snapshot()->generation(), generation);
}

// A pod stops matching and matches again before anybody looked: listeners must not end with a word that it is away.
TEST_F(SuspensionTest, WhoIsBackWithinTheStepsHasNotLeft) {
  table.apply({upsert("a"), upsert("b")});
  Recorder recorder(table);
  table.add_listener(&recorder);
  recorder.events.clear();
  const auto generation = table.snapshot()->generation();
  EXPECT_EQ(table.apply({suspend("a"), upsert("a")}), 2U);
  EXPECT_EQ(recorder.events, Events());
  EXPECT_EQ(table.snapshot()->generation(), generation) << "nothing to publish";
  EXPECT_EQ(order(), (Events{"a", "b"}));
  EXPECT_EQ(table.suspended(), 0U);

  EXPECT_EQ(table.apply({suspend("a"), upsert("a", "10.0.0.2"), suspend("b")}), 3U);
  EXPECT_EQ(recorder.events, (Events{"+a1 visible", "~b2"})) << "only its identity is another";
  recorder.events.clear();

  EXPECT_EQ(table.apply({upsert("b"), suspend("b"), upsert("b")}), 3U);
  EXPECT_EQ(recorder.events, (Events{"+b2"})) << "back once";
  recorder.events.clear();

  EXPECT_EQ(table.apply({suspend("a"), upsert("a", "10.0.0.2"), suspend("a")}), 3U);
  EXPECT_EQ(recorder.events, (Events{"~a1"}));
  recorder.events.clear();

  EXPECT_EQ(table.apply({suspend("b"), upsert("b"), removal("b")}), 3U);
  EXPECT_EQ(recorder.events, (Events{"-b2"}));
  table.remove_listener(&recorder);
}

TEST_F(SuspensionTest, KeepsSlotUidCountersValuesAndPlace) {
  table.apply({upsert("a"), upsert("b")});
  const auto before = live("a");
  table.live_add(inflight, before->slot(), before->uid(), 3);
  ScrapedValues values;
  values.set(queue, 7.0);
  table.store(*before, values);

  Recorder recorder(table);
  table.add_listener(&recorder);
  recorder.events.clear();
  EXPECT_EQ(table.apply({suspend("a")}), 1U);
  EXPECT_EQ(live("a"), nullptr);
  EXPECT_EQ(table.apply({suspend("a")}), 0U);
  EXPECT_EQ(table.live_add(inflight, before->slot(), before->uid(), -1), 2);

  EXPECT_EQ(table.apply({upsert("a")}), 1U);
  const auto after = live("a");
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(after->uid(), before->uid());
  EXPECT_EQ(after->slot(), before->slot());
  EXPECT_EQ(table.live_column(inflight)[after->slot()], 2);
  EXPECT_EQ(table.snapshot()->f64(queue)[after->slot()], 7.0);
  EXPECT_EQ(order(), (Events{"a", "b"}));
  EXPECT_EQ(recorder.events, (Events{"~a1", "+a1"}));
  table.remove_listener(&recorder);
}

TEST_F(SuspensionTest, ComesBackUnderANewIdentity) {
  table.apply({upsert("a", "10.0.0.1")});
  const auto before = live("a");
  table.apply({suspend("a")});
  table.apply({upsert("a", "10.0.0.2")});
  EXPECT_EQ(live("a")->host_port(), "10.0.0.2:8000");
  EXPECT_EQ(live("a")->uid(), before->uid());
  EXPECT_EQ(live("a")->slot(), before->slot());
}

TEST_F(SuspensionTest, RemovalEndsItForGood) {
  table.apply({upsert("a")});
  const auto uid = live("a")->uid();
  Recorder recorder(table);
  table.add_listener(&recorder);
  table.apply({suspend("a")});
  recorder.events.clear();
  EXPECT_TRUE(table.remove("default/a"));
  EXPECT_EQ(recorder.events, (Events{"-a1"}));
  EXPECT_EQ(table.suspended(), 0U);
  table.apply({upsert("a")});
  EXPECT_NE(live("a")->uid(), uid);
  table.remove_listener(&recorder);
}

TEST_F(SuspensionTest, ReplaceKnowsTheSuspended) {
  table.apply({upsert("a"), upsert("b"), suspend("a"), suspend("b")});
  EXPECT_EQ(table.replace({spec("a"), spec("c")}), 3U);  // a is back, c is new, b is gone
  EXPECT_EQ(order(), (Events{"a", "c"}));
  EXPECT_EQ(live("a")->uid(), 1U);
  EXPECT_EQ(table.suspended(), 0U);
}

TEST_F(SuspensionTest, ALateListenerIsToldOfBoth) {
  table.apply({upsert("a"), upsert("b"), suspend("a")});
  Recorder recorder(table);
  table.add_listener(&recorder);
  EXPECT_EQ(recorder.events, (Events{"+b2 visible", "+a1", "~a1"}));
  table.remove_listener(&recorder);
}

TEST_F(SuspensionTest, TheSlotIsNotGivenToOthers) {
  table.apply({upsert("a")});
  const auto slot = live("a")->slot();
  table.apply({suspend("a")});
  table.apply({upsert("b")});
  EXPECT_NE(live("b")->slot(), slot);
}

}  // namespace
}  // namespace epp::endpoints
