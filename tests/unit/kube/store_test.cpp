#include "kube/store.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Thing {
  Metadata meta;
  int value = 0;
};

Read<Thing> read_thing(const Json& object) {
  Thing thing;
  thing.meta.name = metadata_text(object, "name");
  thing.meta.name_space = metadata_text(object, "namespace");
  thing.meta.uid = metadata_text(object, "uid");
  thing.meta.resource_version = metadata_text(object, "resourceVersion");
  const auto value = object.find("value");
  if (value == object.end() || !value->is_number_integer()) return Invalid{"value", "must be an integer"};
  thing.value = value->get<int>();
  return thing;
}

Json thing(const std::string& name, const std::string& version, int value, const std::string& uid = "u") {
  return {{"metadata", {{"name", name}, {"namespace", "ns"}, {"uid", uid}, {"resourceVersion", version}}},
          {"value", value}};
}

Json bad(const std::string& name) {
  return {{"metadata", {{"name", name}, {"namespace", "ns"}}}};
}

class StoreTest : public ::testing::Test, protected ReflectorObserver {
 protected:
  void on_invalid(std::string_view resource, std::string_view object, const Invalid& why) override {
    invalid.push_back(std::string(resource) + " " + std::string(object) + " " + why.field + ": " + why.text);
  }

  void list(const std::vector<Json>& objects) {
    store.list_begin();
    for (const Json& object : objects)
      store.item(object);
    store.list_end();
    store.flush();
  }

  std::vector<std::string> upserted;
  std::vector<std::string> removed;
  std::vector<std::string> invalid;
  int calls = 0;
  bool listed = false;
  Store<Thing> store{"things", read_thing,
                     [this](const Store<Thing>&, Store<Thing>::Changes& changes) {
                       ++calls;
                       listed = changes.listed;
                       upserted.clear();
                       removed.clear();
                       for (const Thing* one : changes.upserted)
                         upserted.push_back(one->meta.name + "=" + std::to_string(one->value));
                       for (const Thing& one : changes.removed)
                         removed.push_back(one.meta.name + "=" + std::to_string(one.value) + "/" + one.meta.uid);
                     },
                     this};
};

TEST_F(StoreTest, TellsTheDifferenceBetweenLists) {
  list({thing("a", "1", 1), thing("b", "2", 2), thing("c", "3", 3)});
  EXPECT_THAT(upserted, ElementsAre("a=1", "b=2", "c=3"));
  EXPECT_TRUE(listed);
  list({thing("a", "1", 1), thing("c", "4", 4), thing("d", "5", 5)});
  EXPECT_THAT(upserted, ElementsAre("c=4", "d=5")) << "an unchanged resourceVersion is no event";
  EXPECT_THAT(removed, ElementsAre("b=2/u"));
}

TEST_F(StoreTest, TellsOfAnEmptyList) {
  list({});
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(listed);
  store.flush();
  EXPECT_EQ(calls, 1) << "nothing has changed";
}

TEST_F(StoreTest, LosesNothingToAListThatFailsOnItsWay) {
  list({thing("a", "1", 1), thing("b", "2", 2)});
  store.list_begin();
  store.item(thing("b", "2", 2));
  list({thing("a", "1", 1), thing("b", "2", 2)});
  EXPECT_THAT(removed, IsEmpty());
}

TEST_F(StoreTest, BatchesEventsByObject) {
  list({thing("a", "1", 1)});
  store.upsert(thing("a", "2", 2));
  store.upsert(thing("a", "3", 3));
  store.upsert(thing("b", "4", 4));
  store.erase(thing("b", "5", 5));
  store.flush();
  EXPECT_THAT(upserted, ElementsAre("a=3"));
  EXPECT_THAT(removed, ElementsAre("b=5/u")) << "with its last state";
  EXPECT_FALSE(listed);
  EXPECT_EQ(store.objects().size(), 1u);
}

TEST_F(StoreTest, TellsTheOldOneOfANameFromTheNew) {
  list({thing("a", "1", 1, "old")});
  store.upsert(thing("a", "2", 2, "new"));
  store.flush();
  EXPECT_THAT(removed, ElementsAre("a=1/old"));
  EXPECT_THAT(upserted, ElementsAre("a=2"));
  store.erase(thing("a", "3", 3, "new"));
  store.upsert(thing("a", "4", 4, "newer"));
  store.flush();
  EXPECT_THAT(removed, ElementsAre("a=3/new"));
  EXPECT_THAT(upserted, ElementsAre("a=4"));
}

TEST_F(StoreTest, ReportsAndDropsWhatIsInvalidAndNothingElse) {
  list({thing("a", "1", 1), bad("b"), thing("c", "3", 3)});
  EXPECT_THAT(upserted, ElementsAre("a=1", "c=3"));
  EXPECT_THAT(invalid, ElementsAre("things ns/b value: must be an integer"));
  store.upsert(bad("a"));
  store.upsert(thing("c", "4", 4));
  store.flush();
  EXPECT_THAT(removed, ElementsAre("a=1/u")) << "its last good state is no longer true";
  EXPECT_THAT(upserted, ElementsAre("c=4"));
  store.erase(bad("c"));
  store.flush();
  EXPECT_THAT(removed, ElementsAre("c=4/u"));
}

TEST_F(StoreTest, KeepsTheLastGoodStateWhereAsked) {
  Store<Thing> keeping{"things", read_thing, [](const Store<Thing>&, Store<Thing>::Changes&) {}, this, Spoilt::kKept};
  keeping.upsert(thing("a", "1", 1));
  keeping.upsert(bad("a"));
  keeping.upsert(bad("b"));
  keeping.list_begin();
  keeping.item(bad("a"));
  keeping.list_end();
  keeping.flush();
  ASSERT_EQ(keeping.objects().size(), 1u);
  EXPECT_EQ(keeping.objects().begin()->second.value, 1);
  EXPECT_EQ(invalid.size(), 3u) << "and says so";
  keeping.list_begin();
  keeping.list_end();
  EXPECT_TRUE(keeping.objects().empty()) << "what is gone is gone";
}

TEST_F(StoreTest, ErasesTheUnknownSilently) {
  store.erase(thing("a", "1", 1));
  store.flush();
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace epp::kube
