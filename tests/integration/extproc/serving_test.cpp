// Ports, health and the end of a server.
#include "extproc/health.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "integration/extproc/client.h"

#include <future>

#include <gtest/gtest.h>

namespace epp::extproc::testing {
namespace {

using lifecycle::testing::kCompletion;
using lifecycle::testing::World;
namespace health = grpc::health::v1;

struct Inputs final : HealthInputs {
  bool live() const override { return is_live; }
  bool protocol_matches() const override { return true; }
  bool plugins_ready() const override { return true; }
  bool draining() const override { return drains; }
  std::optional<bool> leader() const override { return std::nullopt; }
  std::atomic<bool> is_live{false};
  std::atomic<bool> drains{false};
};

std::unique_ptr<Server> serve(const ServerRoutes& routes, std::uint16_t port = 0) {
  ServerOptions options;
  options.address = "127.0.0.1";
  options.port = port;
  std::string error;
  auto server = Server::start(options, routes, error);
  EXPECT_TRUE(server) << error;
  return server;
}

int check(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  health::HealthCheckResponse response;
  const grpc::Status status = health::Health::NewStub(channel)->Check(&context, {}, &response);
  return status.ok() ? response.status() : -status.error_code();
}

TEST(ExtprocCheck, C36_HealthPortFollowsItsInputs) {
  Inputs inputs;
  HealthService service(inputs);
  ServerRoutes routes;
  routes.unary = {&service};
  const auto server = serve(routes);
  const auto channel = connect(*server);
  EXPECT_EQ(check(channel), health::HealthCheckResponse::NOT_SERVING);
  inputs.is_live = true;
  EXPECT_EQ(check(channel), health::HealthCheckResponse::SERVING);
  inputs.drains = true;
  EXPECT_EQ(check(channel), health::HealthCheckResponse::NOT_SERVING);

  grpc::ClientContext context;
  health::HealthCheckResponse response;
  const auto watch = health::Health::NewStub(channel)->Watch(&context, {});
  EXPECT_FALSE(watch->Read(&response));
  const grpc::Status status = watch->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(status.error_message(), "Watch is not implemented");
}

TEST(ExtprocCheck, HealthOnTheStreamPortIsOptIn) {
  World world;
  ServerRoutes routes;
  routes.process = &world.services;
  const auto plain = serve(routes);
  EXPECT_EQ(check(connect(*plain)), -grpc::StatusCode::UNIMPLEMENTED);
  Inputs inputs;
  HealthService service(inputs);
  routes.unary = {&service};
  const auto checked = serve(routes);
  EXPECT_EQ(check(connect(*checked)), health::HealthCheckResponse::NOT_SERVING);
  inputs.is_live = true;
  EXPECT_EQ(check(connect(*checked)), health::HealthCheckResponse::SERVING);
}

TEST(ExtprocWeakSpot, W37_ATakenPortIsAnErrorThatNamesIt) {
  World world;
  ServerRoutes routes;
  routes.process = &world.services;
  const auto first = serve(routes);
  ServerOptions options;
  options.address = "127.0.0.1";
  options.port = first->port();
  std::string error;
  EXPECT_FALSE(Server::start(options, routes, error));
  EXPECT_NE(error.find("port " + std::to_string(first->port())), std::string::npos) << error;
  EXPECT_NE(error.find("Address already in use"), std::string::npos) << error;
}

TEST(ExtprocCheck, DrainLetsOpenStreamsEnd) {
  World world;
  ServerRoutes routes;
  routes.process = &world.services;
  const auto server = serve(routes);
  const auto channel = connect(*server);
  ClientStream stream(channel);
  stream.request_headers();
  ASSERT_TRUE(eventually([&] { return server->open_calls() == 1; }));
  std::future<void> stopped = std::async(std::launch::async, [&] { server->shutdown(std::chrono::seconds(20)); });
  stream.request_body(kCompletion, true);
  EXPECT_TRUE(stream.read()->has_request_headers());
  EXPECT_TRUE(stream.read()->has_request_body());
  stream.half_close();
  EXPECT_TRUE(stream.status().ok());
  stopped.get();
  EXPECT_EQ(server->open_calls(), 0u);
}

TEST(ExtprocWeakSpot, W34_DrainHasALimit) {
  World world;
  ServerRoutes routes;
  routes.process = &world.services;
  const auto server = serve(routes);
  const auto channel = connect(*server);
  ClientStream stream(channel);
  stream.request_headers();
  ASSERT_TRUE(eventually([&] { return server->open_calls() == 1; }));
  server->shutdown(std::chrono::milliseconds(50));
  EXPECT_FALSE(stream.status().ok());
}

}  // namespace
}  // namespace epp::extproc::testing
