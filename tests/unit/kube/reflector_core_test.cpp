// What a reflector asks next, given how its requests went: no sockets, no clock.
#include "kube/reflector_core.h"

#include "kube/object_reader.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Ask = ReflectorCore::Ask;
using Story = std::vector<std::string>;

std::string pod(const std::string& name, int version) {
  return R"({"metadata":{"name":")" + name + R"(","namespace":"ns","resourceVersion":")" + std::to_string(version) +
         "\"}}";
}
std::string event(const std::string& type, const std::string& name, int version) {
  return R"({"type":")" + type + R"(","object":)" + pod(name, version) + "}\n";
}
std::string bookmark(int version) {
  return R"({"type":"BOOKMARK","object":{"kind":"Pod","metadata":{"resourceVersion":")" + std::to_string(version) +
         "\"}}}\n";
}
std::string error_event(int code, const std::string& reason) {
  return R"({"type":"ERROR","object":{"kind":"Status","code":)" + std::to_string(code) + R"(,"reason":")" + reason +
         R"(","message":"m"}})" + "\n";
}
std::string list(int version, const std::vector<std::string>& items, const std::string& next = "") {
  std::string text = R"({"kind":"PodList","metadata":{"resourceVersion":")" + std::to_string(version) +
                     R"(","continue":")" + next + R"("},"items":[)";
  for (std::size_t i = 0; i < items.size(); ++i)
    text += (i == 0 ? "" : ",") + items[i];
  return text + "]}\n";
}

ApiResult answer(unsigned status, const std::string& reason = "") {
  ApiResult result;
  result.what = "GET /pods";
  result.status = status;
  result.reason = reason;
  return result;
}
ApiResult lost(net::NetError error = net::NetError::kClosed) {
  ApiResult result;
  result.what = "GET /pods";
  result.error = error;
  result.message = "gone";
  return result;
}

class ReflectorCoreTest : public ::testing::Test, protected ObjectSink, protected ReflectorObserver {
 protected:
  static ReflectorOptions options() {
    ReflectorOptions given;
    given.resource = "pods";
    given.path = "/pods";
    given.label_selector = "app=m";
    given.page_size = 2;
    given.max_object_bytes = 2000;
    return given;
  }

  // The story so far, and a new page.
  Story told() { return std::exchange(story, {}); }
  // One whole request.
  Ask answer_with(const std::string& body, milliseconds lasting = milliseconds(10)) {
    core.opened(now);
    now += lasting;
    core.data(body, now);
    return core.ended(answer(200), now);
  }
  // A list that went well: the watch that follows.
  Ask listed(int version = 10, const std::vector<std::string>& items = {pod("a", 3)}) {
    (void)core.start();
    const Ask ask = answer_with(list(version, items));
    told();
    return ask;
  }

  void list_begin() override { story.emplace_back("begin"); }
  void item(const Json& object) override { story.push_back("item " + object_key(object)); }
  void list_end() override { story.emplace_back("end"); }
  void upsert(const Json& object) override { story.push_back("upsert " + object_key(object)); }
  void erase(const Json& object) override { story.push_back("erase " + object_key(object)); }
  void flush() override { story.emplace_back("flush"); }
  void on_listed(std::string_view, std::size_t items) override { story.push_back("listed " + std::to_string(items)); }
  void on_watch_connected(std::string_view) override { story.emplace_back("connected"); }
  void on_watch_ended(std::string_view) override { ++watches_ended; }
  void on_failed(std::string_view, std::string_view text, milliseconds wait) override {
    story.push_back("failed " + std::string(text) + " +" + std::to_string(wait.count()));
  }
  void on_relist(std::string_view, std::string_view why) override { story.push_back("relist " + std::string(why)); }
  void on_absent(std::string_view) override { story.emplace_back("absent"); }
  void on_invalid(std::string_view, std::string_view object, const Invalid& why) override {
    story.push_back("invalid " + std::string(object) + " " + why.field + ": " + why.text);
  }

  Story story;
  int watches_ended = 0;
  double random = 0;  // backoffs are then half of their step
  ReflectorCore::TimePoint now{std::chrono::hours(1)};
  ReflectorCore core{options(), *this, this, [this] { return random; }};
};

TEST_F(ReflectorCoreTest, ListsPageByPageAndWatches) {
  const Ask first = core.start();
  EXPECT_FALSE(first.watch);
  EXPECT_EQ(first.query, "limit=2&labelSelector=app%3Dm");
  EXPECT_EQ(first.timeout, seconds(30));
  EXPECT_EQ(first.wait.count(), 0);
  const Ask second = answer_with(list(10, {pod("a", 3), pod("b", 4)}, "next page="));
  EXPECT_EQ(second.query, "limit=2&continue=next%20page%3D&labelSelector=app%3Dm");
  EXPECT_THAT(told(), ElementsAre("begin", "item ns/a", "item ns/b"));
  EXPECT_FALSE(core.synced());

  const Ask watch = answer_with(list(10, {pod("c", 5)}));
  EXPECT_THAT(told(), ElementsAre("item ns/c", "end", "flush", "listed 3"));
  EXPECT_TRUE(core.synced());
  EXPECT_TRUE(watch.watch);
  EXPECT_EQ(watch.query, "watch=1&resourceVersion=10&allowWatchBookmarks=true&timeoutSeconds=30&labelSelector=app%3Dm");
  EXPECT_EQ(watch.timeout.count(), 0);
  EXPECT_EQ(watch.idle_timeout, seconds(60));
  EXPECT_EQ(watch.head_timeout, seconds(10));
}

TEST_F(ReflectorCoreTest, AsksForWatchesShorterThanItsPatience) {
  const std::pair<int, std::pair<const char*, const char*>> cases[] = {
      {60, {"=30", "=44"}}, {2, {"=1", "=1"}}, {10, {"=5", "=7"}}, {7200, {"=600", "=600"}}, {0, {"=300", "=599"}}};
  for (const auto& [idle, expected] : cases) {
    for (const bool most : {false, true}) {
      ReflectorOptions given = options();
      given.label_selector.clear();
      given.idle_timeout = seconds(idle);
      ReflectorCore other(given, *this, nullptr, [&] { return most ? 0.999 : 0.0; });
      (void)other.start();
      other.opened(now);
      other.data(list(1, {}), now);
      EXPECT_TRUE(other.ended(answer(200), now).query.ends_with(most ? expected.second : expected.first)) << idle;
    }
  }
}

TEST_F(ReflectorCoreTest, TellsEventsInOrderAndFlushesOncePerPiece) {
  listed();
  core.opened(now);
  EXPECT_TRUE(core.watching());
  const std::string more = event("MODIFIED", "b", 12);
  EXPECT_TRUE(core.data(event("ADDED", "b", 11) + more.substr(0, 20), now));
  EXPECT_TRUE(core.data(more.substr(20) + event("DELETED", "a", 13), now));
  EXPECT_TRUE(core.data("\n", now));
  EXPECT_THAT(told(), ElementsAre("connected", "upsert ns/b", "flush", "upsert ns/b", "erase ns/a", "flush"));
}

TEST_F(ReflectorCoreTest, C14_GoesOnFromTheLastResourceVersion) {
  listed();
  Ask ask = answer_with(event("ADDED", "b", 11) + event("MODIFIED", "b", 12), seconds(30));
  EXPECT_TRUE(ask.watch);
  EXPECT_THAT(ask.query, HasSubstr("resourceVersion=12&"));
  EXPECT_EQ(ask.wait.count(), 0);
  EXPECT_FALSE(core.watching());
  // One that closes soon after its events is no failure, yet is not asked for without end.
  ask = answer_with(event("MODIFIED", "b", 13), milliseconds(900));
  EXPECT_THAT(ask.query, HasSubstr("resourceVersion=13&"));
  EXPECT_EQ(ask.wait, milliseconds(100));
  EXPECT_THAT(told(),
              ElementsAre("connected", "upsert ns/b", "upsert ns/b", "flush", "connected", "upsert ns/b", "flush"));
}

TEST_F(ReflectorCoreTest, C15_AnErrorEventWith410MakesANewList) {
  for (const auto& text : {error_event(410, "Expired"), error_event(410, ""), error_event(500, "Expired")}) {
    listed();
    core.opened(now);
    now += seconds(30);
    EXPECT_FALSE(core.data(text, now));
    const Ask ask = core.ended(lost(net::NetError::kCancelled), now);
    EXPECT_FALSE(ask.watch);
    EXPECT_EQ(ask.query, "limit=2&labelSelector=app%3Dm") << "the latest state";
    EXPECT_EQ(ask.wait.count(), 0);
    EXPECT_THAT(told(), ElementsAre("connected", HasSubstr("relist ERROR event: ")));
    EXPECT_THAT(answer_with(list(90, {pod("b", 80)})).query, HasSubstr("resourceVersion=90&"));
    EXPECT_THAT(told(), ElementsAre("begin", "item ns/b", "end", "flush", "listed 1"));
  }
}

TEST_F(ReflectorCoreTest, C16_BookmarksMoveTheResourceVersion) {
  listed();
  const Ask ask = answer_with(event("ADDED", "b", 11) + bookmark(500), seconds(30));
  EXPECT_THAT(ask.query, HasSubstr("watch=1&resourceVersion=500&"));
  EXPECT_THAT(told(), ElementsAre("connected", "upsert ns/b", "flush"));
}

TEST_F(ReflectorCoreTest, AWatchRefusedWith410MakesANewListOnceAtOnce) {
  listed();
  now += seconds(5);
  Ask ask = core.ended(answer(410, "Expired"), now);
  EXPECT_FALSE(ask.watch);
  EXPECT_EQ(ask.wait.count(), 0);
  // A server that calls too old what it has just given is not well.
  ask = answer_with(list(20, {}));
  ask = core.ended(answer(410, "Expired"), now);
  EXPECT_FALSE(ask.watch);
  EXPECT_EQ(ask.wait, milliseconds(100));
}

TEST_F(ReflectorCoreTest, A410WhilePagingRestartsInOnePiece) {
  (void)core.start();
  (void)answer_with(list(10, {pod("a", 3), pod("b", 4)}, "next"));
  told();
  Ask ask = core.ended(answer(410, "Expired"), now);
  EXPECT_EQ(ask.query, "labelSelector=app%3Dm");
  EXPECT_EQ(ask.timeout, seconds(120));
  EXPECT_EQ(ask.wait.count(), 0);
  ask = answer_with(list(11, {pod("a", 3), pod("b", 4), pod("c", 5)}));
  EXPECT_TRUE(ask.watch);
  EXPECT_THAT(told(), ElementsAre(HasSubstr("relist"), "begin", "item ns/a", "item ns/b", "item ns/c", "end", "flush",
                                  "listed 3"));
  // The next one is in pages again.
  now += seconds(5);
  EXPECT_THAT(core.ended(answer(410), now).query, HasSubstr("limit=2"));
}

TEST_F(ReflectorCoreTest, ReconnectsQuicklyWhileTheServerIsAway) {
  listed();
  core.opened(now);
  now += seconds(20);
  std::vector<long> waits;
  Ask ask = core.ended(lost(), now);
  for (int i = 0; i < 8; ++i) {
    waits.push_back(static_cast<long>(ask.wait.count()));
    EXPECT_TRUE(ask.watch);
    EXPECT_THAT(ask.query, HasSubstr("resourceVersion=10&"));
    now += ask.wait;
    random = 0.999;
    ask = core.ended(lost(net::NetError::kConnect), now);
  }
  EXPECT_THAT(waits, ElementsAre(100, 399, 799, 1599, 1999, 1999, 1999, 1999)) << "never beyond longest_wait";
  told();
  // Events after the return reset it.
  now += ask.wait;
  core.opened(now);
  EXPECT_THAT(told(), ElementsAre("connected"));
  now += seconds(6);
  random = 0;
  EXPECT_EQ(core.ended(lost(), now).wait, milliseconds(100));
}

TEST_F(ReflectorCoreTest, WaitsLongerForAServerThatRefuses) {
  (void)core.start();
  long longest = 0;
  random = 0.999;
  for (int i = 0; i < 12; ++i) {
    const Ask ask = core.ended(answer(403, "Forbidden"), now);
    EXPECT_FALSE(ask.watch);
    longest = static_cast<long>(ask.wait.count());
    now += ask.wait;
  }
  EXPECT_EQ(longest, 29'985);
  EXPECT_FALSE(core.synced());
  // One that is not well may be so again soon.
  EXPECT_LE(core.ended(answer(503), now).wait, seconds(2));
  for (int i = 0; i < 12; ++i)
    EXPECT_LE(core.ended(answer(500), now).wait, seconds(2));
  // A list resets it.
  random = 0;
  (void)answer_with(list(1, {}));
  EXPECT_EQ(core.ended(answer(403), now).wait, milliseconds(100));
}

TEST_F(ReflectorCoreTest, AKindThatIsNotServedIsToldOnceAndAskedForAgain) {
  (void)core.start();
  for (int i = 0; i < 3; ++i) {
    const Ask ask = core.ended(answer(404), now);
    EXPECT_FALSE(ask.watch);
    EXPECT_EQ(ask.wait, milliseconds(7500));
    now += ask.wait;
  }
  EXPECT_THAT(told(), ElementsAre("absent"));
  EXPECT_TRUE(answer_with(list(1, {})).watch);
  told();
  // Its definition is deleted, and made again.
  now += seconds(5);
  const Ask ask = core.ended(answer(404), now);
  EXPECT_FALSE(ask.watch);
  EXPECT_THAT(told(), ElementsAre("relist GET /pods: 404"));
  (void)core.ended(answer(404), now);
  EXPECT_THAT(told(), ElementsAre("absent"));
}

TEST_F(ReflectorCoreTest, AWatchThatEndsAtOnceIsAFailure) {
  listed();
  Ask ask = answer_with("");
  EXPECT_TRUE(ask.watch);
  EXPECT_EQ(ask.wait, milliseconds(100));
  EXPECT_THAT(told(), ElementsAre("connected", HasSubstr("the watch ended at once")));
  ask = answer_with("");
  EXPECT_TRUE(ask.watch);
  EXPECT_EQ(ask.wait, milliseconds(200));
  // What the list gave means nothing to this server: ask it anew.
  ask = answer_with("");
  EXPECT_FALSE(ask.watch);
  EXPECT_EQ(ask.wait, milliseconds(400));
}

TEST_F(ReflectorCoreTest, AWatchRefusedThreeTimesMakesANewList) {
  listed();
  EXPECT_TRUE(core.ended(answer(504, "Timeout"), now).watch);
  EXPECT_TRUE(core.ended(lost(net::NetError::kConnect), now).watch) << "no answer says nothing about our version";
  EXPECT_TRUE(core.ended(answer(504, "Timeout"), now).watch);
  EXPECT_FALSE(core.ended(answer(504, "Timeout"), now).watch);
}

TEST_F(ReflectorCoreTest, OtherErrorEventsBackOffAndGoOn) {
  listed();
  core.opened(now);
  EXPECT_FALSE(core.data(event("ADDED", "b", 11) + error_event(429, "TooManyRequests"), now));
  const Ask ask = core.ended(lost(net::NetError::kCancelled), now);
  EXPECT_TRUE(ask.watch);
  EXPECT_THAT(ask.query, HasSubstr("resourceVersion=11&"));
  EXPECT_EQ(ask.wait, milliseconds(100));
  EXPECT_THAT(told(),
              ElementsAre("connected", "upsert ns/b", "flush", "failed ERROR event: 429 TooManyRequests: m +100"));
}

TEST_F(ReflectorCoreTest, AWatchCutInsideAnEventGoesOnBeforeIt) {
  listed();
  const std::string second = event("ADDED", "c", 12);
  Ask ask = answer_with(event("ADDED", "b", 11) + second.substr(0, 30), seconds(30));
  EXPECT_THAT(ask.query, HasSubstr("resourceVersion=11&"));
  EXPECT_THAT(told(), ElementsAre("connected", "upsert ns/b", "flush", HasSubstr("the watch ended inside an event")));
  ask = answer_with(second, seconds(30));
  EXPECT_THAT(told(), ElementsAre("connected", "upsert ns/c", "flush"));
}

TEST_F(ReflectorCoreTest, ListsThatAreNoListsAreBegunAgain) {
  const std::pair<std::string, const char*> cases[] = {
      {"<html>welcome</html>", "the answer is no list"},
      {list(1, {pod("a", 1)}).substr(0, 40), "the list is cut short"},
      {"", "the list is cut short"},
      {R"({"kind":"PodList","metadata":{},"items":[]})", "the list has no resourceVersion"},
      {R"({"kind":"Status"})", "the list has no resourceVersion"},
  };
  (void)core.start();
  for (const auto& [body, why] : cases) {
    const Ask ask = answer_with(body);
    EXPECT_FALSE(ask.watch) << body;
    EXPECT_GT(ask.wait.count(), 0) << body;
    EXPECT_THAT(told().back(), HasSubstr(why)) << body;
  }
  EXPECT_FALSE(core.synced());
  // Pages that lead nowhere.
  EXPECT_THAT(answer_with(list(1, {}, "same")).query, HasSubstr("continue=same"));
  EXPECT_THAT(answer_with(list(1, {}, "same")).query, Not(HasSubstr("continue")));
  EXPECT_THAT(told().back(), HasSubstr("the list does not advance"));
}

TEST_F(ReflectorCoreTest, OneBadItemDisturbsNoOther) {
  (void)core.start();
  const std::string large = R"({"metadata":{"name":"large"},"x":")" + std::string(3000, 'x') + "\"}";
  const Ask ask = answer_with(list(7, {pod("a", 1), "7", R"({"metadata":{"name":"b"},"x":nul})", R"({"metadata":{}})",
                                       large, "{\"metadata\":{\"name\":\"c\"},\"x\":\"\xff\"}", pod("d", 2)}));
  EXPECT_TRUE(ask.watch);
  EXPECT_THAT(told(),
              ElementsAre("begin", "item ns/a", "invalid  : must be an object", "invalid b : no JSON at byte 33",
                          "invalid / metadata.name: must be a name", "invalid large : larger than 2000 bytes",
                          "invalid c : no JSON at byte 31", "item ns/d", "end", "flush", "listed 6"));
}

TEST_F(ReflectorCoreTest, OneBadEventDisturbsNoOtherAndMakesANewListInTheEnd) {
  listed();
  core.opened(now);
  now += seconds(2);
  const std::string large =
      R"({"type":"ADDED","object":{"metadata":{"name":"large"},"x":")" + std::string(3000, 'x') + "\"}}\n";
  EXPECT_TRUE(core.data(event("ADDED", "b", 11) + "garbage\n" + large +
                            "{\"type\":\"ADDED\",\"object\":{\"a\":nul}}\n" +
                            R"({"type":"MODIFIED","object":{"metadata":{}}})" +
                            R"({"type":"ODD","object":{"metadata":{}}})" + event("ADDED", "c", 12),
                        now));
  EXPECT_THAT(told(),
              ElementsAre("connected", "upsert ns/b", "invalid  : no JSON", "invalid large : larger than 2000 bytes",
                          HasSubstr("invalid  : no JSON at byte"), "invalid / metadata.name: must be a name",
                          HasSubstr("invalid / type: must be ADDED"), "upsert ns/c", "flush"));
  // Lists are not had one after the other for it ...
  now += seconds(7);
  EXPECT_TRUE(core.data(event("ADDED", "d", 13), now));
  // ... but it may have been a deletion.
  now += seconds(2);
  EXPECT_FALSE(core.data(event("ADDED", "e", 14), now));
  const Ask ask = core.ended(lost(net::NetError::kCancelled), now);
  EXPECT_FALSE(ask.watch);
  EXPECT_EQ(ask.wait.count(), 0);
  EXPECT_EQ(told().back(), "relist an event could not be read");
}

TEST_F(ReflectorCoreTest, AServerThatOnlyTalksGarbageIsNotAskedWithoutEnd) {
  listed();
  random = 0.999;
  milliseconds waited{0};
  for (int i = 0; i < 10; ++i) {
    Ask ask = answer_with("garbage\n");
    EXPECT_FALSE(ask.watch);
    waited += ask.wait;
    now += ask.wait;
    ask = answer_with(list(10, {}));
    EXPECT_TRUE(ask.watch);
    waited += ask.wait;
  }
  EXPECT_GE(waited, seconds(10));
}

TEST_F(ReflectorCoreTest, TellsTheEndOfEachWatchThatWasOpen) {
  listed();
  EXPECT_EQ(watches_ended, 0);
  answer_with("", seconds(30));
  EXPECT_EQ(watches_ended, 1);
  (void)core.ended(lost(net::NetError::kConnect), now);
  (void)core.ended(answer(403), now);
  EXPECT_EQ(watches_ended, 1);
  core.opened(now);
  (void)core.ended(lost(), now);
  EXPECT_EQ(watches_ended, 2);
}

TEST_F(ReflectorCoreTest, TellsAnewWhatASinkDidNotTake) {
  listed();
  core.opened(now);
  const Ask ask = core.faulted("bad_alloc", now);
  EXPECT_FALSE(ask.watch);
  EXPECT_GT(ask.wait.count(), 0);
  EXPECT_FALSE(core.watching());
}

}  // namespace
}  // namespace epp::kube
