#include "extproc/health.h"

#include "grpc/health/v1/health.pb.h"

#include <gtest/gtest.h>

namespace epp::extproc {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;

struct Inputs final : HealthInputs {
  bool live() const override { return is_live; }
  bool protocol_matches() const override { return matches; }
  bool plugins_ready() const override { return ready; }
  bool draining() const override { return drains; }
  std::optional<bool> leader() const override { return leads; }
  bool is_live = true, matches = true, ready = true, drains = false;
  std::optional<bool> leads;
};

int check(UnaryService& health, const std::string& service) {
  HealthCheckRequest request;
  request.set_service(service);
  const std::optional<UnaryReply> reply = health.call("/grpc.health.v1.Health/Check", request.SerializeAsString());
  if (!reply || reply->code != kRpcOk) return reply ? -reply->code : -100;
  HealthCheckResponse response;
  EXPECT_TRUE(response.ParseFromString(reply->message));
  return response.status();
}

constexpr int kServing = HealthCheckResponse::SERVING;
constexpr int kNot = HealthCheckResponse::NOT_SERVING;

TEST(ExtprocCheck, C36_HealthPortWithoutLeaderElection) {
  Inputs inputs;
  HealthService health(inputs);
  for (const char* name : {"", "liveness", "readiness", "envoy.service.ext_proc.v3.ExternalProcessor", "whatever"})
    EXPECT_EQ(check(health, name), kServing) << name;
  inputs.ready = false;
  EXPECT_EQ(check(health, ""), kNot);
  EXPECT_EQ(check(health, "readiness"), kNot);
  EXPECT_EQ(check(health, "liveness"), kServing);
  EXPECT_EQ(check(health, "whatever"), kServing);
  inputs.ready = true;
  for (bool* input : {&inputs.is_live, &inputs.matches}) {
    *input = false;
    for (const char* name : {"", "readiness", "whatever"})
      EXPECT_EQ(check(health, name), kNot) << name;
    *input = true;
  }
  inputs.drains = true;
  EXPECT_EQ(check(health, "readiness"), kNot);
}

TEST(KubernetesWeakSpot, W04_LivenessDependsOnNothing) {
  Inputs inputs;
  inputs.is_live = inputs.matches = inputs.ready = false;
  inputs.drains = true;
  HealthService health(inputs);
  EXPECT_EQ(check(health, "liveness"), kServing);
  EXPECT_EQ(check(health, "readiness"), kNot);
}

TEST(ExtprocCheck, C36_HealthPortWithLeaderElection) {
  Inputs inputs;
  inputs.leads = false;
  HealthService health(inputs);
  EXPECT_EQ(check(health, "liveness"), kServing);
  EXPECT_EQ(check(health, "readiness"), kNot);
  EXPECT_EQ(check(health, "whatever"), HealthCheckResponse::SERVICE_UNKNOWN);
  inputs.leads = true;
  EXPECT_EQ(check(health, "readiness"), kServing);
  inputs.is_live = false;
  EXPECT_EQ(check(health, ""), kNot);
  EXPECT_EQ(check(health, "liveness"), kServing);
}

TEST(ExtprocCheck, C36_WatchIsNotImplemented) {
  Inputs inputs;
  HealthService health(inputs);
  const std::optional<UnaryReply> reply = health.call("/grpc.health.v1.Health/Watch", "");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->code, kRpcUnimplemented);
  EXPECT_EQ(reply->error, "Watch is not implemented");
  EXPECT_FALSE(health.call("/other.Service/Method", ""));
}

TEST(Health, ListIsAMapOfTheServices) {
  Inputs inputs;
  inputs.leads = false;
  HealthService health(inputs);
  const std::optional<UnaryReply> reply = health.call("/grpc.health.v1.Health/List", "");
  ASSERT_TRUE(reply);
  grpc::health::v1::HealthListResponse response;
  ASSERT_TRUE(response.ParseFromString(reply->message));
  EXPECT_EQ(response.statuses_size(), 3);
  EXPECT_EQ(response.statuses().at("liveness").status(), HealthCheckResponse::SERVING);
  EXPECT_EQ(response.statuses().at("readiness").status(), HealthCheckResponse::NOT_SERVING);
}

TEST(Health, MalformedRequestsAreRefused) {
  Inputs inputs;
  HealthService health(inputs);
  EXPECT_EQ(health.call("/grpc.health.v1.Health/Check", "\x0a\x7f")->code, kRpcInvalidArgument);
}

}  // namespace
}  // namespace epp::extproc
