#include "support/fake_api_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::testing {
namespace {

using ::testing::HasSubstr;

const std::string kPods = "/api/v1/namespaces/ns/pods";

Json named(const std::string& name, const std::string& app) {
  return {{"metadata", {{"name", name}, {"labels", {{"app", app}}}}}};
}

class FakeApiServerTest : public ::testing::Test {
 protected:
  FakeApiServerTest() { api.serve(kPods, "Pod"); }

  HttpExchange ask(const std::string& target) const { return HttpExchange(api.port(), {.path = target}); }
  Json get(const std::string& target) const { return Json::parse(http_get(api.port(), target).body); }

  FakeApiServer api{/*tls=*/false};
};

TEST_F(FakeApiServerTest, ListsPagesAndSelects) {
  for (const char* name : {"a", "b", "c"})
    api.put(kPods, named(name, name == std::string("b") ? "n" : "m"));
  EXPECT_EQ(get(kPods).at("items").size(), 3U);
  EXPECT_EQ(get(kPods + "?labelSelector=app%3Dm").at("items").size(), 2U);
  const Json first = get(kPods + "?limit=2");
  EXPECT_EQ(first.at("items").size(), 2U);
  EXPECT_EQ(
      get(kPods + "?limit=2&continue=" + first.at("metadata").at("continue").get<std::string>()).at("items").size(),
      1U);
  EXPECT_EQ(http_get(api.port(), "/apis/llm-d.ai/v1alpha2").status, 404);
  EXPECT_EQ(get(kPods + "/a").at("metadata").at("name"), "a");
}

TEST_F(FakeApiServerTest, WatchesTellWhatChangesForThem) {
  const std::string version = api.put(kPods, named("a", "m"));
  HttpExchange watch = ask(kPods + "?watch=1&labelSelector=app%3Dm&resourceVersion=" + version);
  EXPECT_EQ(watch.head().status, 200);
  const auto next = [&] { return Json::parse(*watch.read()).at("type").get<std::string>(); };
  api.put(kPods, named("b", "n"));
  api.put(kPods, named("b", "m"));
  EXPECT_EQ(next(), "ADDED");
  api.put(kPods, named("a", "m"));
  EXPECT_EQ(next(), "MODIFIED");
  api.put(kPods, named("a", "n"));
  EXPECT_EQ(next(), "DELETED");
  api.remove(kPods, "b");
  EXPECT_EQ(next(), "DELETED");
  api.bookmark(kPods, "500");
  EXPECT_EQ(next(), "BOOKMARK");
  api.end_watches(kPods);
  EXPECT_FALSE(watch.read().has_value());
}

TEST_F(FakeApiServerTest, WatchesFail) {
  HttpExchange cut = ask(kPods + "?watch=1");
  cut.head();
  ASSERT_TRUE(wait_until([&] { return api.open_watches(kPods) == 1; }));
  api.cut_watches(kPods);
  EXPECT_THROW(cut.read(), std::runtime_error);

  HttpExchange muted(api.port(), {.path = kPods + "?watch=1&timeoutSeconds=1"}, std::chrono::milliseconds(100));
  muted.head();
  ASSERT_TRUE(wait_until([&] { return api.open_watches(kPods) == 1; }));
  api.mute_watches(kPods);
  api.put(kPods, named("a", "m"));
  EXPECT_THROW(muted.read(), std::runtime_error);

  api.forget_history();
  HttpExchange old = ask(kPods + "?watch=1&resourceVersion=100");
  EXPECT_THAT(*old.read(), HasSubstr("\"code\":410"));
  EXPECT_FALSE(old.read().has_value());
}

TEST_F(FakeApiServerTest, AnswersAsTold) {
  api.intercept([](const ApiRequestSeen& request) -> std::optional<ApiReply> {
    if (request.token() == "old") return ApiReply{.status = 401};
    if (request.parameter("cut") == "1") return ApiReply{.body = "0123456789", .cut_after = 4};
    return std::nullopt;
  });
  EXPECT_EQ(http(api.port(), {.path = kPods, .headers = {{"authorization", "Bearer old"}}}).status, 401);
  HttpExchange cut = ask(kPods + "?cut=1");
  EXPECT_EQ(cut.read(), "0123");
  EXPECT_THROW(cut.read(), std::runtime_error);
  EXPECT_EQ(http_get(api.port(), kPods).status, 200);
  EXPECT_EQ(api.wait_for([](const ApiRequestSeen& seen) { return seen.token() == "old"; }).path, kPods);
  EXPECT_EQ(api.count([](const ApiRequestSeen& seen) { return seen.is_list_of(kPods); }), 3U);
}

TEST_F(FakeApiServerTest, ObjectsAreReplacedByVersion) {
  const Json lease = {{"metadata", {{"name", "a"}}}, {"spec", 1}};
  EXPECT_EQ(http_post(api.port(), kPods, lease.dump()).status, 201);
  EXPECT_EQ(http_post(api.port(), kPods, lease.dump()).status, 409);
  Json now = api.object(kPods, "a");
  now["spec"] = 2;
  const auto replace = [&] {
    return http(api.port(), {.method = "PUT", .path = kPods + "/a", .body = now.dump()}).status;
  };
  EXPECT_EQ(replace(), 200);
  EXPECT_EQ(replace(), 409);
  EXPECT_EQ(api.object(kPods, "a").at("spec"), 2);
}

}  // namespace
}  // namespace epp::testing
