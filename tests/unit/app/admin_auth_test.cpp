#include "app/admin_auth.h"

#include "kube/access/access_reviewer.h"
#include "net/io_pool.h"
#include "unit/kube/fake_api.h"
#include "unit/net/events.h"

#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::app {
namespace {

using Json = nlohmann::json;
using testing::FakeApi;

TEST(AdminAuth, BearerTokens) {
  EXPECT_EQ(bearer_token("Bearer abc"), "abc");
  EXPECT_EQ(bearer_token("bearer  abc "), "abc");
  for (const char* none : {"", "Bearer", "Bearer ", "Basic abc", "Bearerabc", "Bearer a b"})
    EXPECT_EQ(bearer_token(none), "") << none;
}

class Exchange final : public net::HttpExchange {
 public:
  explicit Exchange(net::HttpRequest request) : request_(std::move(request)) {}
  const net::HttpRequest& request() const override { return request_; }
  std::string_view peer() const override { return "127.0.0.1"; }
  void respond(net::HttpResponse response) override { answers.push(std::move(response)); }
  testing::Events<net::HttpResponse> answers;

 private:
  net::HttpRequest request_;
};

class AdminAuthTest : public ::testing::Test {
 protected:
  // Token "TOKEN-STATUS": STATUS is how the access review is answered; 0: it is no user's.
  FakeApi::Reply answer(const FakeApi::Request& request) {
    const Json spec = Json::parse(request.body).at("spec");
    if (spec.contains("token")) {
      const std::string token = spec.at("token");
      if (token == "broken") return {.status = 403};
      const Json status{{"authenticated", token != "unknown"}, {"user", {{"username", token}}}};
      return {.status = 201, .body = Json{{"status", status}}.dump()};
    }
    asked.push(spec.at("nonResourceAttributes").dump());
    const std::string user = spec.at("user");
    if (user == "unsure") return {.status = 403};
    return {.status = 201, .body = Json{{"status", {{"allowed", user == "reader"}}}}.dump()};
  }

  net::HttpResponse ask(const std::string& authorization, bool with_reviewer = true) {
    net::HttpRequest request{.method = "GET", .target = "/metrics?name=x", .headers = {}, .body = {}};
    if (!authorization.empty()) request.headers.set("Authorization", authorization);
    const auto exchange = std::make_shared<Exchange>(std::move(request));
    protect(with_reviewer ? &reviewer : nullptr, [](const std::shared_ptr<net::HttpExchange>& allowed) {
      allowed->respond({.status = 200, .headers = {}, .body = "page"});
    })(exchange);
    return exchange->answers.next().value_or(net::HttpResponse{.status = 0, .headers = {}, .body = {}});
  }
  void expect(const net::HttpResponse& answer, unsigned status, const std::string& body) {
    EXPECT_EQ(answer.status, status);
    EXPECT_EQ(answer.body, body);
  }
  static kube::ClusterConfig config(std::uint16_t port) {
    kube::ClusterConfig config;
    config.server = {false, "127.0.0.1", std::to_string(port)};
    return config;
  }

  testing::Events<std::string> asked;
  FakeApi api{[this](const FakeApi::Request& request) { return answer(request); }};
  net::IoPool pool{1, "test"};
  kube::Client client{pool, config(api.port())};
  kube::AccessReviewer reviewer{client, pool};
};

TEST_F(AdminAuthTest, C32_StatusesAndTexts) {
  expect(ask(""), 401, "Unauthorized\n");
  expect(ask("Bearer unknown"), 401, "Unauthorized\n");
  expect(ask("Bearer broken"), 500, "Authentication failed\n");
  expect(ask("Bearer bob"), 403, "Authorization denied for user bob\n");
  expect(ask("Bearer unsure"), 500, "Authorization for user unsure failed\n");
  expect(ask("Bearer reader"), 200, "page");
}

TEST_F(AdminAuthTest, AsksForThePathWithoutItsQuery) {
  ask("Bearer reader");
  EXPECT_EQ(Json::parse(asked.next().value_or("{}")), (Json{{"path", "/metrics"}, {"verb", "get"}}));
}

TEST_F(AdminAuthTest, WithoutReviewerEverybodyMay) {
  expect(ask("", false), 200, "page");
}

}  // namespace
}  // namespace epp::app
