#include "app/admin_guard.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <gtest/gtest.h>

namespace epp::app {
namespace {

class Exchange final : public net::HttpExchange {
 public:
  Exchange(std::string peer, net::Headers headers) : peer_(std::move(peer)) { request_.headers = std::move(headers); }
  const net::HttpRequest& request() const override { return request_; }
  std::string_view peer() const override { return peer_; }
  void respond(net::HttpResponse response) override { answer = std::move(response); }
  std::optional<net::HttpResponse> answer;

 private:
  std::string peer_;
  net::HttpRequest request_;
};

net::HttpResponse ask(const std::string& peer, net::Headers headers, AdminGuard guard = {}) {
  const auto exchange = std::make_shared<Exchange>(peer, std::move(headers));
  guarded(guard, [](const std::shared_ptr<net::HttpExchange>& allowed) {
    allowed->respond({.status = 200, .headers = {}, .body = "inside"});
  })(exchange);
  return exchange->answer.value_or(net::HttpResponse{.status = 0, .headers = {}, .body = {}});
}

TEST(AdminGuard, LoopbackAddresses) {
  for (const char* local : {"127.0.0.1", "127.1.2.3", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1"})
    EXPECT_TRUE(is_loopback(local)) << local;
  for (const char* other :
       {"", "10.0.0.1", "128.0.0.1", "0.0.0.0", "::", "::2", "::ffff:10.0.0.1", "localhost", "127.1"})
    EXPECT_FALSE(is_loopback(other)) << other;
}

TEST(AdminGuard, HostsThatNameThisMachine) {
  for (const char* local : {"localhost", "LocalHost:9090", "127.0.0.1:9090", "127.0.0.1", "[::1]:9090", "[::1]", "::1"})
    EXPECT_TRUE(names_loopback(local)) << local;
  for (const char* other : {"", "localhost.example", "example:9090", "127.0.0.1.example:1", "10.0.0.1:9090",
                            "[fe80::1]:1", "[::1", "evil.localhost"})
    EXPECT_FALSE(names_loopback(other)) << other;
}

TEST(AdminGuard, ThisMachineIsLetIn) {
  EXPECT_EQ(ask("127.0.0.1", {{"Host", "127.0.0.1:9090"}}).status, 200);
  EXPECT_EQ(ask("::1", {{"Host", "localhost:9090"}}).status, 200);
  EXPECT_EQ(ask("::ffff:127.0.0.1", {}).status, 200);
}

TEST(AdminGuard, OthersAreToldWhy) {
  const net::HttpResponse answer = ask("10.0.0.7", {{"Host", "10.0.0.1:9090"}});
  EXPECT_EQ(answer.status, 403);
  EXPECT_NE(answer.body.find("Only callers on this machine"), std::string::npos);
  EXPECT_EQ(ask("10.0.0.7", {{"Host", "localhost:9090"}}).status, 403) << "the Host proves nothing";
  EXPECT_EQ(ask("", {}).status, 403);
}

TEST(AdminGuard, ACertificateIsEnough) {
  EXPECT_EQ(ask("10.0.0.7", {{"Host", "epp:9090"}}, {.client_certificates = true}).status, 200);
}

TEST(AdminGuard, WebPagesAreRefusedWhoeverTheirReaderIs) {
  EXPECT_EQ(ask("127.0.0.1", {{"Host", "localhost:9090"}, {"Origin", "http://localhost:9090"}}).status, 403);
  EXPECT_EQ(ask("127.0.0.1", {{"Host", "rebound.example:9090"}}).status, 403);
  EXPECT_EQ(ask("10.0.0.7", {{"Origin", "null"}}, {.client_certificates = true}).status, 403);
}

}  // namespace
}  // namespace epp::app
