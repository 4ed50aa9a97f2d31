// A reflector against a server that answers whatever the test wants.
#include "kube/reflector.h"

#include "kube/object_reader.h"
#include "kube/store.h"
#include "net/io_pool.h"
#include "unit/kube/fake_api.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Events;
using testing::eventually;
using testing::FakeApi;
using ::testing::HasSubstr;
using Reply = FakeApi::Reply;

Read<Pod> read_name_only(const Json& object) {
  Pod pod;
  pod.meta.name = metadata_text(object, "name");
  pod.meta.resource_version = metadata_text(object, "resourceVersion");
  if (object.contains("bad")) return Invalid{"bad", "must not be"};
  return pod;
}

std::string pod(const std::string& name, int version) {
  return R"({"metadata":{"name":")" + name + R"(","resourceVersion":")" + std::to_string(version) + "\"}}";
}
std::string event(const std::string& type, const std::string& name, int version) {
  return R"({"type":")" + type + R"(","object":)" + pod(name, version) + "}\n";
}
std::string list(int version, const std::vector<std::string>& items, const std::string& next = "") {
  std::string text =
      R"({"metadata":{"resourceVersion":")" + std::to_string(version) + R"(","continue":")" + next + R"("},"items":[)";
  for (std::size_t i = 0; i < items.size(); ++i)
    text += (i == 0 ? "" : ",") + items[i];
  return text + "]}\n";
}

class ReflectorTest : public ::testing::Test, protected ReflectorObserver {
 protected:
  ReflectorTest() {
    cluster.server = {false, "127.0.0.1", std::to_string(api.port())};
    options.resource = "pods";
    options.path = "/pods";
    options.first_wait = milliseconds(10);
    options.longest_wait = milliseconds(50);
    options.absent_retry = milliseconds(20);
  }

  // The observer is this very object.
  void TearDown() override {
    reflector.reset();
    client.reset();
  }

  void start() {
    client.emplace(pool, cluster);
    reflector.emplace(*client, pool, options, store, static_cast<ReflectorObserver*>(this));
    reflector->start();
  }
  // The next watch that is asked for.
  FakeApi::Request next_watch() {
    for (;;) {
      auto request = api.requests.next();
      if (!request) return {};
      if (request->watches()) return *request;
    }
  }
  // "+a" and "-a" as the store tells them, "=" after a list.
  std::string next_change() { return changes.next().value_or("nothing"); }

  void on_invalid(std::string_view, std::string_view object, const Invalid& why) override {
    invalid.push(std::string(object) + " " + why.text);
  }
  void on_absent(std::string_view) override { absent.push(true); }
  void on_watch_connected(std::string_view) override { ++connected; }
  void on_failed(std::string_view, std::string_view text, milliseconds) override { failed.push(std::string(text)); }

  std::mutex mutex;
  Reply list_reply{.body = list(10, {pod("a", 1)})};
  Reply watch_reply{.stream = true};
  std::string accepted;  // Authorization
  // Outlives the test's body: it owns what it counts.
  std::function<std::optional<Reply>(const FakeApi::Request&)> special;
  FakeApi api{[this](const FakeApi::Request& request) {
    std::lock_guard lock(mutex);
    if (special) {
      if (auto reply = special(request)) return *reply;
    }
    return request.watches() ? watch_reply : list_reply;
  }};

  Events<std::string> changes;
  Events<std::string> invalid;
  Events<std::string> failed;
  Events<bool> absent;
  std::atomic<int> connected{0};
  net::IoPool pool{2};
  ClusterConfig cluster;
  ReflectorOptions options;
  Store<Pod> store{"pods", read_name_only,
                   [this](const Store<Pod>&, Store<Pod>::Changes& seen) {
                     std::string text;
                     for (const Pod& one : seen.removed)
                       text += "-" + one.meta.name;
                     for (const Pod* one : seen.upserted)
                       text += "+" + one->meta.name;
                     changes.push(text + (seen.listed ? "=" : ""));
                   },
                   this};
  std::optional<Client> client;
  std::optional<Reflector> reflector;
};

TEST_F(ReflectorTest, FollowsACollection) {
  start();
  EXPECT_EQ(next_change(), "+a=");
  EXPECT_TRUE(eventually([&] { return reflector->watching(); }));
  EXPECT_TRUE(reflector->synced());
  api.say(event("ADDED", "b", 11));
  EXPECT_EQ(next_change(), "+b");
  api.say(event("DELETED", "a", 12) + event("MODIFIED", "b", 13));
  EXPECT_EQ(next_change(), "-a+b");
}

TEST_F(ReflectorTest, C14_GoesOnAfterEachEndWithoutAnyFlap) {
  start();
  EXPECT_EQ(next_change(), "+a=");
  EXPECT_EQ(next_watch().parameter("resourceVersion"), "10");
  for (int i = 0; i < 3; ++i) {
    api.say(event("MODIFIED", "a", 20 + i));
    EXPECT_EQ(next_change(), "+a");
    api.end();
    EXPECT_EQ(next_watch().parameter("resourceVersion"), std::to_string(20 + i));
  }
  EXPECT_EQ(failed.size(), 0u);
}

TEST_F(ReflectorTest, C15_A410MakesANewListThatTellsWhatIsGone) {
  start();
  EXPECT_EQ(next_change(), "+a=");
  api.say(event("ADDED", "b", 11));
  EXPECT_EQ(next_change(), "+b");
  {
    std::lock_guard lock(mutex);
    list_reply.body = list(40, {pod("b", 11), pod("c", 30)});
  }
  api.say(R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})");
  EXPECT_EQ(next_change(), "-a+c=");
  (void)next_watch();
  EXPECT_EQ(next_watch().parameter("resourceVersion"), "40");
}

TEST_F(ReflectorTest, C16_ABookmarkIsWhereTheNextWatchBegins) {
  start();
  EXPECT_EQ(next_change(), "+a=");
  EXPECT_EQ(next_watch().parameter("allowWatchBookmarks"), "true");
  api.say(R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"500"}}})");
  api.cut();
  EXPECT_EQ(next_watch().parameter("resourceVersion"), "500");
}

TEST_F(ReflectorTest, C17_AnswersA401WithAFreshToken) {
  std::string file = (std::filesystem::temp_directory_path() / "epp-reflector-XXXXXX").string();
  const int fd = ::mkstemp(file.data());
  ASSERT_GE(fd, 0);
  ASSERT_EQ(::write(fd, "one", 3), 3);
  cluster.token_file = file;
  accepted = "Bearer one";
  special = [this](const FakeApi::Request& request) -> std::optional<Reply> {
    if (request.header("Authorization") != accepted) return Reply{.status = 401};
    return std::nullopt;
  };
  start();
  EXPECT_EQ(next_change(), "+a=");
  EXPECT_EQ(next_watch().header("Authorization"), "Bearer one");
  {
    std::lock_guard lock(mutex);
    accepted = "Bearer two";
    ASSERT_EQ(::pwrite(fd, "two", 3, 0), 3);
  }
  api.cut();
  EXPECT_EQ(next_watch().header("Authorization"), "Bearer one");
  EXPECT_EQ(next_watch().header("Authorization"), "Bearer two");
  api.say(event("ADDED", "b", 11));
  EXPECT_EQ(next_change(), "+b");
  ::close(fd);
  ::unlink(file.c_str());
}

TEST_F(ReflectorTest, C18_WhatIsKnownStaysWhileTheServerIsAway) {
  start();
  EXPECT_EQ(next_change(), "+a=");
  EXPECT_TRUE(eventually([&] { return reflector->watching(); }));
  {
    std::lock_guard lock(mutex);
    special = [](const FakeApi::Request&) { return Reply{.status = 500}; };
  }
  api.cut();
  EXPECT_TRUE(eventually([&] { return failed.size() > 5; }));
  EXPECT_FALSE(reflector->watching());
  EXPECT_TRUE(reflector->synced());
  EXPECT_EQ(changes.size(), 0u);
  {
    std::lock_guard lock(mutex);
    special = nullptr;
  }
  EXPECT_TRUE(eventually([&] { return reflector->watching(); }));
  EXPECT_GE(connected, 2);
  api.say(event("ADDED", "b", 11));
  EXPECT_EQ(next_change(), "+b");
}

TEST_F(ReflectorTest, ReadsPagesInAnyPieces) {
  special = [](const FakeApi::Request& request) -> std::optional<Reply> {
    if (request.watches()) return std::nullopt;
    const std::string from = request.parameter("continue");
    if (from.empty()) return Reply{.body = list(10, {pod("a", 1)}, "p2")};
    if (from == "p2") return Reply{.body = list(10, {pod("b", 2)}, "p3")};
    return Reply{.body = "", .stream = true};
  };
  start();
  const std::string last = list(10, {pod("c", 3)});
  for (const char c : last)
    api.say(std::string(1, c));
  api.end();
  EXPECT_EQ(next_change(), "+a+b+c=");
}

TEST_F(ReflectorTest, BeginsAListAgainThatIsCutShort) {
  special = [cut = true](const FakeApi::Request& request) mutable -> std::optional<Reply> {
    if (request.watches()) return std::nullopt;
    if (request.parameter("continue").empty()) return Reply{.body = list(10, {pod("a", 1), pod("x", 2)}, "p2")};
    if (std::exchange(cut, false)) return Reply{.body = list(10, {pod("b", 2)}).substr(0, 60), .missing = 100};
    return Reply{.body = list(10, {pod("b", 2)})};
  };
  start();
  EXPECT_EQ(next_change(), "+a+b+x=");
  EXPECT_EQ(failed.size(), 1u);
}

TEST_F(ReflectorTest, NoticesAConnectionThatSaysNothing) {
  options.idle_timeout = milliseconds(100);
  start();
  EXPECT_EQ(next_change(), "+a=");
  EXPECT_EQ(next_watch().parameter("resourceVersion"), "10");
  EXPECT_EQ(next_watch().parameter("resourceVersion"), "10") << "the silent one was given up";
  const auto text = failed.next();
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("deadline exceeded"));
}

TEST_F(ReflectorTest, WaitsForAKindThatIsNotServed) {
  special = [asked = 0](const FakeApi::Request&) mutable -> std::optional<Reply> {
    if (++asked <= 3) return Reply{.status = 404};
    return std::nullopt;
  };
  start();
  EXPECT_EQ(next_change(), "+a=");
  EXPECT_EQ(absent.size(), 1u);
}

TEST_F(ReflectorTest, OneBadObjectDisturbsNoOther) {
  options.max_object_bytes = 1000;
  list_reply.body = list(10, {pod("a", 1), "{\"metadata\":{\"name\":\"b\"},\"bad\":1}", pod("c", 2)});
  start();
  EXPECT_EQ(next_change(), "+a+c=");
  EXPECT_EQ(*invalid.next(), "/b must not be");
  api.say("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"d\"},\"x\":nul}}\n" + event("ADDED", "e", 11));
  EXPECT_EQ(next_change(), "+e");
  EXPECT_EQ(*invalid.next(), "d no JSON at byte 58");
  api.say("{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"f\"},\"x\":\"" + std::string(5000, 'x') + "\"}}\n");
  api.say(event("ADDED", "g", 12));
  EXPECT_EQ(next_change(), "+g");
  EXPECT_EQ(*invalid.next(), "f larger than 1000 bytes");
  EXPECT_EQ(connected, 1) << "on the same watch";
}

// The sink holds a call until it may go on; stop() on another thread waits for it.
TEST_F(ReflectorTest, NoCallOfTheSinkRunsAfterStop) {
  struct SlowSink final : ObjectSink {
    void list_begin() override {}
    void item(const Json&) override {
      entered.set_value();
      may_leave.get_future().wait();
      left = true;
    }
    void list_end() override { ++calls; }
    void upsert(const Json&) override { ++calls; }
    void erase(const Json&) override { ++calls; }
    void flush() override { ++calls; }
    std::promise<void> entered;
    std::promise<void> may_leave;
    std::atomic<bool> left{false};
    std::atomic<int> calls{0};
  } sink;
  client.emplace(pool, cluster);
  Reflector slow(*client, pool, options, sink);
  slow.start();
  sink.entered.get_future().wait();
  std::promise<bool> stopped;
  std::thread stopper([&] {
    slow.stop();
    stopped.set_value(sink.left);
  });
  auto outcome = stopped.get_future();
  EXPECT_EQ(outcome.wait_for(milliseconds(20)), std::future_status::timeout);
  sink.may_leave.set_value();
  EXPECT_TRUE(outcome.get());
  stopper.join();
  EXPECT_EQ(sink.calls, 0);
  slow.stop();
  EXPECT_FALSE(slow.watching());
}

TEST_F(ReflectorTest, MayBeStoppedFromInsideItsSink) {
  struct Stopper final : ObjectSink {
    void list_begin() override {}
    void item(const Json&) override {}
    void list_end() override {}
    void upsert(const Json&) override {}
    void erase(const Json&) override {}
    void flush() override {
      reflector->reset();
      done.set_value();
    }
    std::optional<Reflector>* reflector = nullptr;
    std::promise<void> done;
  } sink;
  sink.reflector = &reflector;
  client.emplace(pool, cluster);
  reflector.emplace(*client, pool, options, sink);
  reflector->start();
  EXPECT_EQ(sink.done.get_future().wait_for(testing::kPatience), std::future_status::ready);
}

TEST_F(ReflectorTest, ASinkThatThrowsIsToldAgain) {
  struct Thrower final : ObjectSink {
    void list_begin() override {}
    void item(const Json&) override {}
    void list_end() override {
      if (++lists < 3) throw std::runtime_error("no room");
      done.set_value();
    }
    void upsert(const Json&) override {}
    void erase(const Json&) override {}
    void flush() override {}
    int lists = 0;
    std::promise<void> done;
  } sink;
  client.emplace(pool, cluster);
  Reflector other(*client, pool, options, sink, this);
  other.start();
  EXPECT_EQ(sink.done.get_future().wait_for(testing::kPatience), std::future_status::ready);
  EXPECT_EQ(*failed.next(), "no room");
}

TEST_F(ReflectorTest, IsGoneAtOnceWhileItWaits) {
  list_reply = Reply{.status = 403};
  options.first_wait = options.longest_refused_wait = seconds(3600);
  start();
  ASSERT_TRUE(failed.next());
  reflector.reset();
  client.reset();
}

}  // namespace
}  // namespace epp::kube
