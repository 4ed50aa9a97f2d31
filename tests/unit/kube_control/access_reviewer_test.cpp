#include "kube/access/access_reviewer.h"

#include "kube/access/review_call.h"
#include "net/io_pool.h"
#include "unit/kube/fake_api.h"
#include "unit/net/events.h"

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::kube {
namespace {

using Json = nlohmann::json;
using std::chrono::milliseconds;
using testing::FakeApi;
using ::testing::HasSubstr;

const std::string kTokens = "/apis/authentication.k8s.io/v1/tokenreviews";
const std::string kAccesses = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

class AccessReviewerTest : public ::testing::Test {
 protected:
  // Token "t-NAME" is of user NAME; "reader" may.
  FakeApi::Reply answer(const FakeApi::Request& request) {
    const Json body = Json::parse(request.body);
    if (request.target() == kTokens) {
      ++token_reviews;
      if (failures.load() > 0) return --failures, FakeApi::Reply{.status = 500};
      if (gate.valid()) gate.wait();
      const std::string token = body.at("spec").at("token");
      if (!token.starts_with("t-")) return reply({{"authenticated", false}, {"error", "unknown"}});
      return reply({{"authenticated", true},
                    {"user",
                     {{"username", token.substr(2)},
                      {"uid", "u"},
                      {"groups", {"g1", "g2"}},
                      {"extra", {{"k", {"v1", "v2"}}}}}}});
    }
    ++access_reviews;
    last_access = body;
    if (access_status != 0) return {.status = access_status, .body = "{}"};
    return reply({{"allowed", body.at("spec").at("user") == "reader"}});
  }
  static FakeApi::Reply reply(const Json& status) { return {.status = 201, .body = Json{{"status", status}}.dump()}; }

  void make(const ReviewerOptions& options) {
    reviewer.reset();
    reviewer = std::make_unique<AccessReviewer>(client, pool, options);
  }
  static ReviewerOptions quick() {
    ReviewerOptions options;
    options.first_wait = milliseconds(1);
    return options;
  }
  ReviewAnswer ask(const std::string& token, const std::string& path = "/metrics") {
    std::promise<ReviewAnswer> promise;
    reviewer->review(token, path, "get", [&](ReviewAnswer answer) { promise.set_value(std::move(answer)); });
    return promise.get_future().get();
  }
  static ClusterConfig config(std::uint16_t port) {
    ClusterConfig config;
    config.server = {false, "127.0.0.1", std::to_string(port)};
    return config;
  }

  std::atomic<int> token_reviews = 0;
  std::atomic<int> access_reviews = 0;
  std::atomic<int> failures = 0;
  unsigned access_status = 0;
  std::shared_future<void> gate;
  Json last_access;
  FakeApi api{[this](const FakeApi::Request& request) { return answer(request); }};
  net::IoPool pool{2, "test"};
  Client client{pool, config(api.port())};
  std::unique_ptr<AccessReviewer> reviewer = std::make_unique<AccessReviewer>(client, pool, quick());
};

TEST_F(AccessReviewerTest, Verdicts) {
  EXPECT_EQ(ask("t-reader").verdict, Verdict::kAllowed);
  EXPECT_EQ(ask("nonsense").verdict, Verdict::kUnauthenticated);
  const ReviewAnswer denied = ask("t-bob");
  EXPECT_EQ(denied.verdict, Verdict::kDenied);
  EXPECT_EQ(denied.user, "bob");
}

TEST_F(AccessReviewerTest, NoTokenIsNotAskedAbout) {
  EXPECT_EQ(ask("").verdict, Verdict::kUnauthenticated);
  EXPECT_EQ(token_reviews, 0);
}

TEST_F(AccessReviewerTest, WhatIsAskedAboutAUser) {
  ask("t-bob", "/debug/endpoints");
  const Json spec = last_access.at("spec");
  EXPECT_EQ(spec, Json::parse(R"({"user":"bob","uid":"u","groups":["g1","g2"],"extra":{"k":["v1","v2"]},
                                  "nonResourceAttributes":{"path":"/debug/endpoints","verb":"get"}})"));
}

TEST_F(AccessReviewerTest, C32_TenScrapesAreReviewedOnce) {
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(ask("t-reader").verdict, Verdict::kAllowed);
  EXPECT_EQ(token_reviews, 1);
  EXPECT_EQ(access_reviews, 1);
  ask("t-reader", "/debug/endpoints");
  EXPECT_EQ(token_reviews, 1);
  EXPECT_EQ(access_reviews, 2) << "another path is another question";
}

TEST_F(AccessReviewerTest, AnswersAreForgottenInTime) {
  ReviewerOptions options = quick();
  options.token_ttl = options.allowed_ttl = milliseconds(1);
  make(options);
  ask("t-reader");
  ASSERT_TRUE(testing::eventually([&] {
    ask("t-reader");
    return token_reviews > 1 && access_reviews > 1;
  }));
}

TEST_F(AccessReviewerTest, UnknownTokensAreNotRemembered) {
  ask("nonsense");
  ask("nonsense");
  EXPECT_EQ(token_reviews, 2);
}

TEST_F(AccessReviewerTest, EqualQuestionsAreAskedOnce) {
  std::promise<void> open;
  gate = open.get_future().share();
  testing::Events<Verdict> verdicts;
  for (int i = 0; i < 5; ++i)
    reviewer->review("t-reader", "/metrics", "get", [&](const ReviewAnswer& answer) { verdicts.push(answer.verdict); });
  ASSERT_TRUE(testing::eventually([&] { return token_reviews == 1; }));
  open.set_value();
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(verdicts.next(), Verdict::kAllowed);
  EXPECT_EQ(token_reviews, 1);
  EXPECT_EQ(access_reviews, 1);
}

TEST_F(AccessReviewerTest, AServerThatIsNotWellIsAskedAgain) {
  failures = 4;
  EXPECT_EQ(ask("t-reader").verdict, Verdict::kAllowed);
  EXPECT_EQ(token_reviews, 5);
  failures = 5;
  EXPECT_EQ(ask("t-bob").verdict, Verdict::kAuthenticationFailed);
  EXPECT_EQ(token_reviews, 10);
}

TEST_F(AccessReviewerTest, ARefusalIsFinal) {
  std::vector<std::string> calls;
  ReviewerOptions options = quick();
  options.on_call = [&](std::string_view why) { calls.emplace_back(why); };
  make(options);
  access_status = 403;
  const ReviewAnswer answer = ask("t-reader");
  EXPECT_EQ(answer.verdict, Verdict::kAuthorizationFailed);
  EXPECT_EQ(answer.user, "reader");
  EXPECT_EQ(access_reviews, 1);
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0], "");
  EXPECT_THAT(calls[1], HasSubstr("403"));
}

TEST_F(AccessReviewerTest, TooManyDifferentQuestionsFail) {
  std::promise<void> open;
  gate = open.get_future().share();
  ReviewerOptions options = quick();
  options.max_open = 1;
  make(options);
  testing::Events<Verdict> verdicts;
  reviewer->review("t-reader", "/metrics", "get", [&](const ReviewAnswer& answer) { verdicts.push(answer.verdict); });
  EXPECT_EQ(ask("t-bob").verdict, Verdict::kAuthenticationFailed);
  open.set_value();
  EXPECT_EQ(verdicts.next(), Verdict::kAllowed);
}

TEST_F(AccessReviewerTest, MayEndWithQuestionsOpen) {
  std::promise<void> open;
  gate = open.get_future().share();
  bool called = false;
  reviewer->review("t-reader", "/metrics", "get", [&](const ReviewAnswer&) { called = true; });
  ASSERT_TRUE(testing::eventually([&] { return token_reviews == 1; }));
  reviewer.reset();
  open.set_value();
  pool.stop(milliseconds(100));
  EXPECT_FALSE(called);
}

TEST(ReviewCall, Waits) {
  EXPECT_EQ(review_wait(milliseconds(500), 1, 0), milliseconds(500));
  EXPECT_EQ(review_wait(milliseconds(500), 2, 0), milliseconds(750));
  EXPECT_EQ(review_wait(milliseconds(500), 4, 0), milliseconds(1687));
  EXPECT_EQ(review_wait(milliseconds(500), 1, 0.5), milliseconds(550));
}

TEST(ReviewCall, TokensAreKeptAsDigestsOnly) {
  EXPECT_EQ(digest("abc").size(), 32U);
  EXPECT_EQ(static_cast<unsigned char>(digest("abc")[0]), 0xba);
}

}  // namespace
}  // namespace epp::kube
