// The numbered checks over a real connection.
#include "integration/extproc/client.h"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

namespace epp::extproc::testing {
namespace {

using lifecycle::testing::kCompletion;
using lifecycle::testing::TestPlugin;
using lifecycle::testing::World;

const HeaderList kSse{{":status", "200"}, {"content-type", "text/event-stream"}};
const HeaderList kJson{{":status", "200"}, {"content-type", "application/json"}};

struct ExtprocCheck : ::testing::Test {
  World world;
  std::unique_ptr<Server> server;
  std::shared_ptr<grpc::Channel> channel;

  void SetUp() override { serve({}); }
  void serve(ServerOptions options) {
    server.reset();
    options.address = "127.0.0.1";
    ServerRoutes routes;
    routes.process = &world.services;
    std::string error;
    server = Server::start(options, routes, error);
    ASSERT_TRUE(server) << error;
    channel = connect(*server);
  }
  void route(ClientStream& stream, const HeaderList& headers = {}, const std::string& body = kCompletion) {
    stream.request_headers(headers);
    stream.request_body(body, true);
    ASSERT_TRUE(stream.read()->has_request_headers());
    ASSERT_TRUE(stream.read()->has_request_body());
  }
};

TEST_F(ExtprocCheck, C01_HeadersAloneAreNotAnswered) {
  ClientStream stream(channel);
  stream.request_headers({{":path", "/v1/completions"}});
  // The server saw the headers (it counts the stream) before the body is sent, and still answers in this order.
  ASSERT_TRUE(eventually([&] { return server->open_calls() == 1; }));
  stream.request_body(kCompletion, true);
  EXPECT_TRUE(stream.read()->has_request_headers());
  EXPECT_TRUE(stream.read()->has_request_body());
  stream.half_close();
  EXPECT_FALSE(stream.read());
  EXPECT_TRUE(stream.status().ok());
}

TEST_F(ExtprocCheck, C02_C03_HeaderReplyOnTheWire) {
  ClientStream stream(channel);
  stream.request_headers({{"hi", "mom"}});
  stream.request_body(kCompletion, true);
  const pb::ProcessingResponse reply = stream.read().value();
  const pb::CommonResponse& common = reply.request_headers().response();
  EXPECT_TRUE(common.clear_route_cache());
  const auto& first = common.header_mutation().set_headers(0);
  EXPECT_EQ(first.header().key(), "x-gateway-destination-endpoint");
  EXPECT_TRUE(first.header().value().empty());
  EXPECT_EQ(first.append_action(), 0);
  const auto& second = common.header_mutation().set_headers(1);
  EXPECT_EQ(second.header().key(), "Content-Length");
  EXPECT_EQ(second.header().raw_value(), std::to_string(std::string(kCompletion).size()));
  EXPECT_EQ(reply.dynamic_metadata()
                .fields()
                .at("envoy.lb")
                .struct_value()
                .fields()
                .at("x-gateway-destination-endpoint")
                .string_value(),
            first.header().raw_value());
  EXPECT_FALSE(stream.read()->has_dynamic_metadata());
}

TEST_F(ExtprocCheck, C04_C06_LargeBodiesInAnyPieces) {
  std::string body = R"({"max_tokens":100,"model":"sql-lora","prompt":")";
  body += std::string(125'000 - body.size() - 2, 'x') + "\"}";
  ClientStream stream(channel);
  stream.request_headers();
  stream.request_body(body.substr(0, 37), false);
  stream.request_body(body.substr(37), true);
  ASSERT_TRUE(stream.read()->has_request_headers());
  std::string joined;
  std::vector<std::size_t> sizes;
  for (;;) {
    const pb::ProcessingResponse piece = stream.read().value();
    joined += body_of(piece);
    sizes.push_back(body_of(piece).size());
    if (ends(piece)) break;
  }
  EXPECT_EQ(joined, body);
  EXPECT_EQ(sizes, (std::vector<std::size_t>{62'000, 62'000, 1'000}));
}

TEST_F(ExtprocCheck, C07_RewrittenModelIsRestoredOnTheWire) {
  ClientStream stream(channel);
  stream.request_headers({{"x-llm-d-model-name-rewrite", "t"}});
  stream.request_body(kCompletion, true);
  stream.read();
  EXPECT_EQ(body_of(stream.read().value()), R"({"model":"t","prompt":"hi"})");
  stream.response_headers(kSse);
  stream.read();
  stream.response_body("data: {\"mod", false);
  stream.response_body("el\":\"t\"}\n\n", false);
  stream.response_body("", true);
  std::string joined;
  for (;;) {
    const pb::ProcessingResponse piece = stream.read().value();
    joined += body_of(piece);
    if (ends(piece)) break;
  }
  EXPECT_EQ(joined, "data: {\"model\":\"m\"}\n\n");
}

TEST_F(ExtprocCheck, C12_RejectionEndsTheStreamWithOk) {
  ClientStream stream(channel);
  stream.request_headers();
  stream.request_body(R"({"prompt":"p"})", true);
  const pb::ProcessingResponse reply = stream.read().value();
  EXPECT_EQ(reply.immediate_response().status().code(), 400);
  EXPECT_EQ(reply.immediate_response().body(), "inference error: BadRequest - model not found in request body");
  EXPECT_FALSE(stream.read());
  EXPECT_TRUE(stream.status().ok());
}

TEST_F(ExtprocCheck, C18_SubsetMetadataOnTheWire) {
  ClientStream stream(channel);
  stream.request_headers();
  pb::ProcessingRequest request;
  request.mutable_request_body()->set_body(kCompletion);
  request.mutable_request_body()->set_end_of_stream(true);
  auto& hint = (*(*request.mutable_metadata_context()->mutable_filter_metadata())["envoy.lb.subset_hint"]
                     .mutable_fields())["x-gateway-destination-endpoint-subset"];
  hint.mutable_list_value()->add_values()->set_string_value("192.168.1.3:8000");
  hint.mutable_list_value()->add_values()->set_number_value(12345);
  stream.write(request);
  EXPECT_EQ(set_header(stream.read().value(), "x-gateway-destination-endpoint"), "192.168.1.3:8000");
}

TEST_F(ExtprocCheck, C22_C23_C24_ResponsesOnTheWire) {
  ClientStream held(channel);
  route(held);
  held.response_headers(kJson);
  const pb::ProcessingResponse headers = held.read().value();
  EXPECT_EQ(set_header(headers, "x-went-into-resp-headers"), "true");
  EXPECT_FALSE(headers.response_headers().response().clear_route_cache());
  const std::string part(50'000, 'y');
  held.response_body(part, false);
  held.response_body(part, true);
  const pb::ProcessingResponse first = held.read().value();
  const pb::ProcessingResponse second = held.read().value();
  EXPECT_EQ(body_of(first) + body_of(second), part + part);
  EXPECT_FALSE(ends(first));
  EXPECT_TRUE(ends(second));

  ClientStream streamed(channel);
  route(streamed);
  streamed.response_headers(kSse);
  streamed.read();
  for (int i = 0; i < 5; ++i) {
    const std::string chunk = "data: " + std::string(static_cast<std::size_t>(i) * 900, 'z') + "\n\n";
    streamed.response_body(chunk, false);
    EXPECT_EQ(body_of(streamed.read().value()), chunk);
  }
  streamed.response_body("", true);
  EXPECT_TRUE(ends(streamed.read().value()));
}

TEST_F(ExtprocCheck, C25_TrailersOnTheWire) {
  ClientStream stream(channel);
  route(stream);
  stream.response_headers(kSse);
  stream.read();
  stream.response_body("frame", false);
  EXPECT_FALSE(ends(stream.read().value()));
  stream.response_trailers();
  EXPECT_TRUE(stream.read()->has_response_trailers());
}

TEST_F(ExtprocCheck, C32_CancelMidResponse) {
  std::promise<std::uint32_t> cause;
  std::atomic<int> calls{0};
  world.plugin("counter")->on_response_complete = [&](const epp_response&, std::uint32_t of) {
    if (calls++ == 0) cause.set_value(of);
  };
  world.rebuild();
  ClientStream stream(channel);
  route(stream);
  stream.response_headers(kSse);
  stream.read();
  stream.response_body("data: 1\n\n", false);
  stream.read();
  EXPECT_EQ(world.metric("llm_d_epp_request_running"), 1);
  stream.cancel();
  EXPECT_EQ(stream.status().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(cause.get_future().get(), EPP_END_CLIENT_DISCONNECT);
  ASSERT_TRUE(eventually([&] { return server->open_calls() == 0; }));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(world.metric("llm_d_epp_request_running"), 0);
  EXPECT_EQ(world.metric(R"(llm_d_epp_extproc_streams_total{code="Canceled"})"), 1);
}

TEST_F(ExtprocCheck, C32_HalfCloseBeforeTheEndIsAnError) {
  std::promise<std::uint32_t> cause;
  world.plugin("counter")->on_response_complete = [&](const epp_response&, std::uint32_t of) { cause.set_value(of); };
  world.rebuild();
  ClientStream stream(channel);
  route(stream);
  stream.half_close();
  EXPECT_TRUE(stream.status().ok());
  EXPECT_EQ(cause.get_future().get(), EPP_END_ERROR);
}

TEST_F(ExtprocCheck, C33_SkippedResponsesEndTheStream) {
  ClientStream stream(channel);
  stream.request_headers({{":path", "/v1/messages/count_tokens"}});
  stream.request_body(R"({"model":"m","messages":[{"role":"user","content":"x"}]})", true);
  EXPECT_TRUE(stream.read()->has_request_headers());
  EXPECT_TRUE(stream.read()->has_request_body());
  EXPECT_FALSE(stream.read());
  EXPECT_TRUE(stream.status().ok());
}

TEST_F(ExtprocCheck, C35_MessageSizes) {
  const std::string body = R"({"model":"m","prompt":")" + std::string(5 << 20, 'x') + "\"}";
  {
    ClientStream stream(channel);
    stream.request_headers();
    stream.request_body(body, true);
    EXPECT_FALSE(stream.status().ok());
  }
  ServerOptions options;
  options.max_receive_bytes = 10 << 20;
  serve(options);
  ClientStream stream(channel);
  stream.request_headers();
  stream.request_body(body, true);
  EXPECT_TRUE(stream.read()->has_request_headers());
}

TEST_F(ExtprocCheck, C40_RequestsEndedByTrailersAreAnswered) {
  ClientStream stream(channel);
  stream.request_headers();
  stream.request_body(kCompletion, false);
  stream.request_trailers();
  EXPECT_TRUE(stream.read()->has_request_headers());
  const pb::ProcessingResponse body = stream.read().value();
  EXPECT_EQ(body_of(body), kCompletion);
  EXPECT_FALSE(ends(body));
  EXPECT_TRUE(stream.read()->has_request_trailers());
}

TEST_F(ExtprocCheck, MalformedMessagesEndTheStream) {
  ClientStream stream(channel);
  pb::ProcessingRequest request;
  for (int i = 0; i < 5000; ++i)
    request.mutable_request_headers()->mutable_headers()->add_headers();
  stream.write(request);
  const grpc::Status status = stream.status();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNKNOWN);
  EXPECT_EQ(status.error_message(), "cannot receive stream request: malformed ProcessingRequest");
}

TEST_F(ExtprocCheck, AnAsynchronousProducerResumesTheStreamFromAForeignThread) {
  std::atomic<std::uint64_t> token{0};
  auto producer = world.plugin("async");
  producer->on_produce = [&](TestPlugin::Context&, const epp_candidates&, std::uint64_t of, epp_error*) {
    token = of;
    return epp_status{EPP_PENDING};
  };
  world.rebuild();
  for (int i = 0; i < 50; ++i) {
    token = 0;
    ClientStream stream(channel);
    stream.request_headers();
    stream.request_body(kCompletion, true);
    ASSERT_TRUE(eventually([&] { return token != 0; }));
    world.completions.complete(*producer, token, EPP_OK, {}, {});
    EXPECT_TRUE(stream.read()->has_request_headers());
    EXPECT_TRUE(stream.read()->has_request_body());
  }
}

TEST_F(ExtprocCheck, AProducersTimeLimitIsKeptByAnAlarm) {
  world.plugin("never")->on_produce = [](TestPlugin::Context&, const epp_candidates&, std::uint64_t, epp_error*) {
    return epp_status{EPP_PENDING};
  };
  world.rebuild();
  ClientStream stream(channel);
  route(stream);
}

TEST_F(ExtprocCheck, ManyStreamsAtOnce) {
  std::vector<std::thread> clients;
  std::atomic<int> good{0};
  for (int c = 0; c < 4; ++c) {
    clients.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        ClientStream stream(channel);
        stream.request_headers({{"x-request-id", "same"}});
        stream.request_body(kCompletion, true);
        if (!stream.read() || !stream.read()) continue;
        if (i % 5 == 0) {
          stream.cancel();
          ++good;
          continue;
        }
        stream.response_headers(kJson);
        stream.read();
        stream.response_body("{}", true);
        if (stream.read() && i % 2 == 0) stream.half_close();
        ++good;
      }
    });
  }
  for (std::thread& client : clients)
    client.join();
  EXPECT_EQ(good, 200);
  ASSERT_TRUE(eventually([&] { return server->open_calls() == 0; }));
  EXPECT_EQ(world.metric("llm_d_epp_request_running"), 0);
  EXPECT_EQ(world.budget.used(), 0u);
}

}  // namespace
}  // namespace epp::extproc::testing
