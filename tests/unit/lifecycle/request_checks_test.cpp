// The request side's numbered checks that need no wire.
#include "objectives/objective_table.h"
#include "objectives/rewrite_table.h"
#include "unit/lifecycle/world.h"

#include <map>
#include <regex>

#include <gtest/gtest.h>

namespace epp::lifecycle::testing {
namespace {

struct ExtprocCheck : ::testing::Test {
  World world;

  Sent route(HeaderList headers, std::string body = kCompletion) {
    Exchange exchange(world);
    exchange.feed(request_headers(std::move(headers)));
    exchange.feed(request_body(std::move(body), true));
    sent = exchange.outbox.sent;
    return sent.front();
  }
  std::string forwarded() const {
    std::string body;
    for (const Sent& entry : sent)
      if (entry.kind == Sent::Kind::kBody) body += entry.body;
    return body;
  }

  std::vector<Sent> sent;
};

TEST_F(ExtprocCheck, C02_OrderOfSetHeaders) {
  const Sent reply = route({{":path", "/v1/completions"}, {"hi", "mom"}, {"x-request-id", "id-1"}});
  EXPECT_TRUE(reply.clear_route_cache);
  ASSERT_GE(reply.set.size(), 2u);
  EXPECT_EQ(reply.set[0], (std::pair<std::string, std::string>("x-gateway-destination-endpoint", "192.168.1.1:8000")));
  EXPECT_EQ(reply.set[1], (std::pair<std::string, std::string>("Content-Length", std::to_string(forwarded().size()))));
  EXPECT_EQ(reply.header("hi"), "mom");
}

TEST_F(ExtprocCheck, C03_DynamicMetadataNamesTheDestination) {
  const Sent reply = route({});
  EXPECT_EQ(reply.metadata.size(), 1u);
  EXPECT_EQ(reply.metadata.at("envoy.lb").size(), 1u);
  EXPECT_EQ(reply.metadata.at("envoy.lb").at("x-gateway-destination-endpoint"), "192.168.1.1:8000");
  EXPECT_TRUE(sent[1].metadata.empty());
}

TEST_F(ExtprocCheck, C05_UnchangedBodyIsForwardedByteByByte) {
  const std::string odd = "{ \"b\" :1,\n \"model\":\t\"m\" , \"prompt\":\"\\u0061\", \"n\":12345678901234567890 }";
  route({}, odd);
  EXPECT_EQ(forwarded(), odd);
}

TEST_F(ExtprocCheck, C06_ChunkingAt62000) {
  const auto sizes = [&](std::size_t total) {
    std::string body = R"({"model":"m","prompt":")";
    body += std::string(total - body.size() - 2, 'x') + "\"}";
    route({}, body);
    std::vector<std::pair<std::size_t, bool>> result;
    for (const Sent& entry : sent)
      if (entry.kind == Sent::Kind::kBody) result.emplace_back(entry.body.size(), entry.end_of_stream);
    return result;
  };
  using Sizes = std::vector<std::pair<std::size_t, bool>>;
  EXPECT_EQ(sizes(125'000), (Sizes{{62'000, false}, {62'000, false}, {1'000, true}}));
  EXPECT_EQ(sizes(62'000), (Sizes{{62'000, true}}));
  EXPECT_EQ(sizes(62'001), (Sizes{{62'000, false}, {1, true}}));
}

TEST_F(ExtprocCheck, C08_NewRewriteHeaderWinsOverItsAlias) {
  route({{"x-gateway-model-name-rewrite", "old"}, {"x-llm-d-model-name-rewrite", "new"}});
  EXPECT_EQ(forwarded(), R"({"model":"new","prompt":"hi"})");
  route({{"x-gateway-model-name-rewrite", "old"}});
  EXPECT_EQ(forwarded(), R"({"model":"old","prompt":"hi"})");
}

TEST_F(ExtprocCheck, C09_ARuleBeatsTheHeader) {
  objectives::RewriteTable rules;
  rules.replace({{.name_space = "ns",
                  .name = "rule",
                  .created_ns = 1,
                  .rules = {{.generic = false, .models = {"m"}, .targets = {{"r", std::nullopt}}}}}});
  world.services.rewrites = &rules;
  route({{"x-llm-d-model-name-rewrite", "t"}});
  EXPECT_EQ(forwarded(), R"({"model":"r","prompt":"hi"})");
  EXPECT_EQ(world.metric(R"(llm_d_epp_model_rewrite_decisions_total{model_name="m",target_model="r"})"), 1);
}

TEST_F(ExtprocCheck, C12_C13_C14_BadBodies) {
  route({}, R"({"prompt":"p"})");
  EXPECT_EQ(sent[0].status, 400);
  EXPECT_EQ(sent[0].body, "inference error: BadRequest - model not found in request body");
  route({}, "no healthy upstream");
  EXPECT_TRUE(sent[0].body.starts_with("inference error: BadRequest - error unmarshaling request bodyMap: "));
  route({}, "");
  EXPECT_EQ(sent[0].status, 400);
  route({{":path", "/v1/chat/completions"}}, R"({"model":"m","messages":[]})");
  EXPECT_EQ(sent[0].body,
            "inference error: BadRequest - invalid chat completions request: must have valid messages field");
}

TEST_F(ExtprocCheck, C15_HeaderOnlyWithoutEndpoints) {
  world.set_endpoints({});
  Exchange exchange(world);
  EXPECT_EQ(exchange.play(request_headers({}, true)), "imm500 end");
  EXPECT_EQ(exchange.outbox.sent[0].body, "inference error: Internal - no pods available in datastore");
}

TEST_F(ExtprocCheck, C16_HeaderOnlyPicksAnyEndpoint) {
  std::map<std::string, int> chosen;
  for (int i = 0; i < 300; ++i) {
    Exchange exchange(world);
    ASSERT_EQ(exchange.play(request_headers({}, true)), "qh");
    EXPECT_FALSE(exchange.outbox.sent[0].header("Content-Length"));
    ++chosen[exchange.outbox.sent[0].header("x-gateway-destination-endpoint").value()];
  }
  EXPECT_EQ(chosen.size(), 3u);
  for (const auto& [endpoint, count] : chosen)
    EXPECT_GE(count, 60) << endpoint;
}

TEST_F(ExtprocCheck, C17_RequestId) {
  static const std::regex kUuid("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  EXPECT_TRUE(std::regex_match(route({}).header("x-request-id").value(), kUuid));
  EXPECT_EQ(route({{"X-Request-Id", "mine"}}).header("x-request-id"), "mine");
}

TEST_F(ExtprocCheck, C18_SubsetHint) {
  const auto play = [&](std::initializer_list<std::string_view> entries) {
    Exchange exchange(world);
    exchange.feed(request_headers());
    Message body = request_body(kCompletion, true);
    add_subset(body, entries);
    exchange.feed(body);
    return exchange.outbox.sent[0];
  };
  EXPECT_EQ(play({"192.168.1.3:8000"}).header("x-gateway-destination-endpoint"), "192.168.1.3:8000");
  for (const Sent& refused : {play({"192.168.1.99:8000"}), play({})}) {
    EXPECT_EQ(refused.status, 503);
    EXPECT_EQ(refused.body,
              "inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request");
    EXPECT_EQ(refused.header("x-llm-d-request-dropped-reason"), "rejected-no-endpoints");
  }
  world.services.options.disable_endpoint_subset_filter = true;
  EXPECT_EQ(play({"192.168.1.99:8000"}).kind, Sent::Kind::kHeaders);
}

TEST_F(ExtprocCheck, C19_SeveralTargetsAreJoined) {
  world.picker->on_pick = [](const epp_candidates&) { return std::vector<std::uint32_t>{2, 0}; };
  const Sent reply = route({});
  EXPECT_EQ(reply.header("x-gateway-destination-endpoint"), "192.168.1.3:8000,192.168.1.1:8000");
  EXPECT_EQ(reply.metadata.at("envoy.lb").at("x-gateway-destination-endpoint"), "192.168.1.3:8000,192.168.1.1:8000");
}

TEST_F(ExtprocCheck, C20_EndpointScoresOnlyWhenAsked) {
  EXPECT_EQ(route({}).metadata.at("envoy.lb").count("x-gateway-destination-endpoint-scores"), 0u);
  world.services.options.emit_endpoint_scores = true;
  const std::string scores = route({}).metadata.at("envoy.lb").at("x-gateway-destination-endpoint-scores");
  EXPECT_EQ(std::count(scores.begin(), scores.end(), ';'), 3);
}

TEST_F(ExtprocCheck, C21_ControlHeadersAreNotEchoed) {
  const Sent reply = route({{"x-llm-d-inference-objective", "o"},
                            {"x-llm-d-inference-fairness-id", "f"},
                            {"x-gateway-destination-endpoint", "1.1.1.1:1"},
                            {"content-length", "99999"},
                            {"x-user-data", "a"}});
  EXPECT_FALSE(reply.header("x-llm-d-inference-objective"));
  EXPECT_FALSE(reply.header("x-llm-d-inference-fairness-id"));
  EXPECT_FALSE(reply.header("content-length"));
  EXPECT_EQ(reply.header("x-gateway-destination-endpoint"), "192.168.1.1:8000");
  EXPECT_EQ(reply.header("x-user-data"), "a");
}

TEST_F(ExtprocCheck, C28_SheddableRequestsAreShedWhenSaturated) {
  objectives::ObjectiveTable objectives;
  objectives.replace({{"batch", {.priority = -1}}});
  world.services.objectives = &objectives;
  double saturation = 1.0;
  world.plugin("detector")->on_saturation = [&](const epp_candidates&) { return saturation; };
  world.rebuild();
  const Sent refused = route({{"x-llm-d-inference-objective", "batch"}});
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.body, "inference error: ResourceExhausted - system saturated, sheddable request dropped");
  EXPECT_TRUE(refused.set.empty());
  EXPECT_EQ(route({}).kind, Sent::Kind::kHeaders);
  saturation = 0.5;
  EXPECT_EQ(route({{"x-llm-d-inference-objective", "batch"}}).kind, Sent::Kind::kHeaders);
}

TEST_F(ExtprocCheck, C29_FiltersThatLeaveNothing) {
  world.plugin("nobody")->on_filter = [](const epp_candidates&) { return std::vector<std::uint32_t>{}; };
  world.rebuild();
  const Sent refused = route({});
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.body, "inference error: ResourceExhausted - no endpoints available for the given request");
  EXPECT_EQ(refused.header("x-llm-d-request-dropped-reason"), "rejected-saturated");
}

TEST_F(ExtprocCheck, C30_ConditionalDecode) {
  const Sent refused = route({{"prefer", "if-available"}});
  EXPECT_EQ(refused.status, 412);
  EXPECT_EQ(refused.body, "inference error: PreconditionFailed - no decode worker has the requested KV cache");
  EXPECT_EQ(route({{"prefer", "return=minimal"}}).kind, Sent::Kind::kHeaders);

  const epp_attr blocks =
      world.attributes.intern("PrefixCacheMatchInfoDataKey/approx-prefix-cache-producer#match_blocks", EPP_TYPE_I64,
                              endpoints::Storage::kPerRequest);
  world.plugin("prefix")->on_produce = [&](TestPlugin::Context& context, const epp_candidates& candidates,
                                           std::uint64_t, epp_error*) {
    auto* column = static_cast<std::int64_t*>(context.write_column(blocks, EPP_TYPE_I64));
    column[candidates.slots[0]] = 4;
    return epp_status{EPP_OK};
  };
  world.rebuild();
  EXPECT_EQ(route({{"prefer", "return=minimal, If-Available;x=1"}}).kind, Sent::Kind::kHeaders);
}

TEST_F(ExtprocCheck, C34_UnknownPathPassesUnparsed) {
  const Sent reply = route({{":path", "/foo"}}, "anything");
  EXPECT_EQ(reply.kind, Sent::Kind::kHeaders);
  EXPECT_EQ(forwarded(), "anything");
  EXPECT_EQ(world.metric(R"(llm_d_epp_request_total{model_name="",target_model_name=""})"), 1);
  world.set_parsers({"openai-parser"});
  world.rebuild();
  route({{":path", "/foo"}}, "anything");
  EXPECT_EQ(sent[0].status, 400);
  EXPECT_EQ(sent[0].body, "inference error: BadRequest - no parser registered matching path suffix for: /foo");
}

TEST_F(ExtprocCheck, C38_SpansFollowTheRemoteParent) {
  world.services.tracer = telemetry::Tracer(kRequestScope, telemetry::RatioSampler(0), &world.spans);
  const Sent reply = route({{"traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}});
  const auto request = world.spans.find("gateway.request");
  const auto orchestration = world.spans.find("gateway.request_orchestration");
  ASSERT_TRUE(request && orchestration);
  EXPECT_EQ(telemetry::format_traceparent(request->context).substr(3, 32), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_TRUE(request->parent_remote);
  EXPECT_EQ(orchestration->parent_span_id, request->context.span_id);
  std::map<std::string, int> keys;
  for (const telemetry::Attribute& attribute : orchestration->attributes)
    ++keys[attribute.key];
  EXPECT_EQ(keys.count("target_model"), 1u);
  EXPECT_EQ(keys.count("request_prio"), 1u);
  EXPECT_EQ(reply.header("traceparent"), telemetry::format_traceparent(request->context));
}

TEST_F(ExtprocCheck, FairnessComesFromHeadersThenTheAgentThenTheDefault) {
  std::string seen;
  const epp_attr agent = world.attributes.intern("agent-identity/", EPP_TYPE_STR, endpoints::Storage::kRequest);
  bool identify = false;
  auto plugin = world.plugin("agent");
  plugin->on_request_header = [&](TestPlugin::Context& context, epp_error*) {
    if (identify) {
      epp_value value{};
      value.type = EPP_TYPE_STR;
      value.u.str = EPP_STR_INIT("agent-7");
      context.set_value(agent, value);
    }
    return epp_status{EPP_OK};
  };
  plugin->on_admit = [&](TestPlugin::Context& context, epp_error*) {
    seen = context.fairness_id;
    return epp_status{EPP_OK};
  };
  world.rebuild();
  route({});
  EXPECT_EQ(seen, "default-flow");
  identify = true;
  route({});
  EXPECT_EQ(seen, "agent-7");
  route({{"x-gateway-inference-fairness-id", "tenant"}});
  EXPECT_EQ(seen, "tenant");
}

TEST_F(ExtprocCheck, DenialsOfAdmittersAre500) {
  world.plugin("door")->on_admit = [](TestPlugin::Context&, epp_error* error) {
    fail_with(error, "too busy");
    return epp_status{EPP_ERR_RESOURCE_EXHAUSTED};
  };
  world.rebuild();
  const Sent refused = route({});
  EXPECT_EQ(refused.status, 500);
  EXPECT_EQ(refused.body,
            "inference error: Internal - request cannot be admitted: inference error: ResourceExhausted - too busy");
}

TEST_F(ExtprocCheck, PreRequestFailures) {
  int calls = 0;
  auto first = world.plugin("first");
  auto second = world.plugin("second");
  epp_status answer = EPP_ERR_UNAVAILABLE;
  first->on_pre_request = [&](TestPlugin::Context&, const epp_profile_results&, epp_error* error) {
    ++calls;
    fail_with(error, "a broke");
    return answer;
  };
  second->on_pre_request = [&](TestPlugin::Context&, const epp_profile_results&, epp_error*) {
    ++calls;
    return epp_status{EPP_OK};
  };
  world.rebuild();
  EXPECT_EQ(route({}).body, "inference error: ServiceUnavailable - a broke");
  EXPECT_EQ(calls, 2);
  answer = EPP_ERR_UNTYPED;
  EXPECT_EQ(route({}).body, "inference error: Internal - PreRequest \"first/first\" failed: a broke");
}

TEST_F(ExtprocCheck, ScreenersAreIntersectedInOrder) {
  world.plugin("a")->on_screen = [](const epp_candidates& c) {
    return std::vector<std::uint32_t>{c.slots[2], c.slots[1]};
  };
  world.plugin("b")->on_screen = [](const epp_candidates& c) {
    return std::vector<std::uint32_t>{c.slots[1], c.slots[2]};
  };
  world.rebuild();
  EXPECT_EQ(route({}).header("x-gateway-destination-endpoint"), "192.168.1.2:8000");
  world.plugin("c")->on_screen = [](const epp_candidates& c) { return std::vector<std::uint32_t>{c.slots[0]}; };
  world.rebuild();
  EXPECT_EQ(route({}).body, "inference error: ServiceUnavailable - screeners eliminated all endpoint candidates");
}

TEST_F(ExtprocCheck, PluginsMayChangeHeadersDestinationAndMetadata) {
  world.plugin("changer")->on_pre_request = [](TestPlugin::Context& context, const epp_profile_results&, epp_error*) {
    context.request_mutations.push_back({"x-prefiller-host-port", "10.0.0.9:1", false});
    context.destination = "10.0.0.8:2";
    context.request_metadata.push_back({"mine", "key", true, 4, {}});
    return epp_status{EPP_OK};
  };
  world.rebuild();
  const Sent reply = route({});
  EXPECT_EQ(reply.header("x-prefiller-host-port"), "10.0.0.9:1");
  EXPECT_EQ(reply.header("x-gateway-destination-endpoint"), "10.0.0.8:2");
  EXPECT_EQ(reply.metadata.at("envoy.lb").at("x-gateway-destination-endpoint"), "10.0.0.8:2");
  EXPECT_EQ(reply.metadata.at("mine").at("key"), "4.000000");
}

TEST_F(ExtprocCheck, RandomUuidsDiffer) {
  EXPECT_NE(random_uuid(), random_uuid());
}

}  // namespace
}  // namespace epp::lifecycle::testing
