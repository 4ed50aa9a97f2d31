// The weak spots of the reference that are mended by default, by number.
#include "unit/lifecycle/gate.h"
#include "unit/lifecycle/hints.h"
#include "unit/lifecycle/world.h"

#include <gtest/gtest.h>

namespace epp::lifecycle::testing {
namespace {

const HeaderList kJson{{":status", "200"}, {"content-type", "application/json"}};
const HeaderList kSse{{":status", "200"}, {"content-type", "text/event-stream"}};

struct ExtprocWeakSpot : ::testing::Test {
  World world;
  std::unique_ptr<Exchange> exchange = std::make_unique<Exchange>(world);
  std::vector<std::uint32_t> causes;

  void restart() { exchange = std::make_unique<Exchange>(world); }
  void route(HeaderList headers = {}, std::string body = kCompletion) {
    restart();
    exchange->feed(request_headers(std::move(headers)));
    exchange->feed(request_body(std::move(body), true));
    ASSERT_EQ(exchange->outbox.take_script(), "qh qb/E");
  }
  const Sent& headers() const { return exchange->outbox.last(Sent::Kind::kHeaders); }
  std::string play(const Message& message) { return exchange->play(message); }
  void count_completions() {
    world.plugin("counter")->on_response_complete = [this](const epp_response&, std::uint32_t cause) {
      causes.push_back(cause);
    };
    world.rebuild();
  }
};

TEST_F(ExtprocWeakSpot, W01_TrailersEndTheRequest) {
  EXPECT_EQ(play(request_headers()), "");
  EXPECT_EQ(play(request_body(kCompletion, false)), "");
  EXPECT_EQ(play(request_trailers()), "qh qb qt");
  EXPECT_EQ(exchange->outbox.body(Direction::kRequest), kCompletion);
}

TEST_F(ExtprocWeakSpot, W02_ResponseThatEndsWithItsHeadersIsComplete) {
  count_completions();
  route();
  EXPECT_EQ(play(response_headers({{":status", "204"}}, true)), "sh");
  exchange.reset();
  EXPECT_EQ(causes, std::vector<std::uint32_t>{EPP_END_NATURAL});
}

TEST_F(ExtprocWeakSpot, W03_ResponseBodyWithoutItsHeaders) {
  route();
  EXPECT_EQ(play(response_body("{}", true)), "sb/E");
}

TEST_F(ExtprocWeakSpot, W04_MessagesWithoutHeadersAreHarmless) {
  EXPECT_EQ(play(request_headers()), "");
  EXPECT_EQ(play(request_body(kCompletion, true)), "qh qb/E");
  EXPECT_EQ(play(response_headers()), "sh");
  restart();
  EXPECT_EQ(play(request_body(kCompletion, true)), "qh qb/E");
}

TEST_F(ExtprocWeakSpot, W05_MetadataOfAStreamedResponseWithTrailers) {
  world.plugin("reporter")->on_response_body = [](TestPlugin::Context& context, const epp_response&, std::string_view,
                                                  bool end) {
    if (end) context.response_metadata.push_back({"envoy.lb", "cost", true, 3, {}});
  };
  world.rebuild();
  route();
  exchange->feed(response_headers(kSse));
  exchange->feed(response_body("data: 1\n\n", false));
  exchange->feed(response_trailers());
  EXPECT_EQ(exchange->outbox.last(Sent::Kind::kTrailers).metadata.at("envoy.lb").count("cost"), 1u);
}

TEST_F(ExtprocWeakSpot, W06_TrailersAreAnsweredOnce) {
  route();
  exchange->feed(response_headers(kSse));
  exchange->outbox.take_script();
  EXPECT_EQ(play(response_trailers()), "st");
  EXPECT_EQ(play(response_trailers()), "");
}

TEST_F(ExtprocWeakSpot, W07_BodiesAreBounded) {
  world.services.options.max_request_body_bytes = 100;
  restart();
  exchange->feed(request_headers());
  EXPECT_EQ(play(request_body(std::string(60, 'x'), false)), "");
  EXPECT_EQ(play(request_body(std::string(60, 'x'), false)), "imm413 end");
  EXPECT_EQ(exchange->outbox.sent[0].body, "inference error: PayloadTooLarge - request body exceeds 100 bytes");
}

TEST_F(ExtprocWeakSpot, W07_AllBodiesTogetherAreBounded) {
  MemoryBudget small(6'000);  // one first block of a body, not two
  world.services.budget = &small;
  {
    Exchange first(world);
    first.feed(request_headers());
    first.feed(request_body("x", false));
    Exchange second(world);
    second.feed(request_headers());
    EXPECT_EQ(second.play(request_body("x", false)), "imm503 end");
    EXPECT_EQ(second.outbox.sent[0].header("x-llm-d-request-dropped-reason"), "rejected-saturated");
  }
  EXPECT_EQ(small.used(), 0u);
  exchange.reset();
  world.services.budget = &world.budget;
}

TEST_F(ExtprocWeakSpot, W07_AHeldResponseThatGrowsTooLargeIsStreamed) {
  world.services.options.max_held_response_bytes = 8;
  route({{"x-llm-d-model-name-rewrite", "t"}});
  exchange->feed(response_headers(kJson));
  exchange->outbox.take_script();
  EXPECT_EQ(play(response_body("{\"mod", false)), "");
  EXPECT_NE(play(response_body("el\":\"t\",", false)), "");
  exchange->feed(response_body("\"a\":1}", true));
  EXPECT_EQ(exchange->outbox.body(Direction::kResponse), R"({"model":"m","a":1})");
  EXPECT_TRUE(exchange->outbox.sent.back().end_of_stream);
  EXPECT_EQ(world.metric("llm_d_epp_response_size_bytes_sum"), 19);
}

TEST_F(ExtprocWeakSpot, W09_ClientsCannotSteerTheSidecar) {
  route({{"x-prefiller-host-port", "evil:1"},
         {"X-Encoder-Hosts-Ports", "evil:2"},
         {"x-data-parallel-host-port", "e:3"},
         {"x-kv-cache-source-host-port", "e:4"}});
  const Sent reply = exchange->outbox.sent[0];
  for (std::string_view name : kSteeringHeaders) {
    EXPECT_FALSE(reply.header(name)) << name;
    EXPECT_EQ(std::count(reply.removed.begin(), reply.removed.end(), name), 1) << name;
  }
  exchange->stream.on_done(true);
  restart();
  exchange->feed(request_headers({{"x-prefiller-host-port", "evil:1"}}, true));
  EXPECT_EQ(exchange->outbox.sent[0].removed, std::vector<std::string>{"x-prefiller-host-port"});
}

TEST_F(ExtprocWeakSpot, W10_RepeatedHeadersSurvive) {
  route({{"x-forwarded-for", "a"}, {"X-Forwarded-For", "b"}, {"x-one", "1"}});
  EXPECT_FALSE(exchange->outbox.sent[0].header("x-forwarded-for"));
  EXPECT_EQ(exchange->outbox.sent[0].header("x-one"), "1");
  exchange->feed(response_headers({{":status", "200"}, {"set-cookie", "a=1"}, {"set-cookie", "b=2"}}));
  EXPECT_FALSE(headers().header("set-cookie"));
  EXPECT_TRUE(headers().removed.empty());
}

TEST_F(ExtprocWeakSpot, W11_OurTraceparentWins) {
  world.services.tracer = telemetry::Tracer(kRequestScope, telemetry::RatioSampler(0), &world.spans);
  const std::string client = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  route({{"traceparent", client}, {"tracestate", "a=b"}, {"baggage", "k=v"}});
  const Sent& reply = exchange->outbox.sent[0];
  int times = 0;
  for (const auto& [key, value] : reply.set)
    times += key == "traceparent";
  EXPECT_EQ(times, 1);
  EXPECT_NE(reply.header("traceparent"), client);
  EXPECT_EQ(reply.header("traceparent")->substr(3, 32), client.substr(3, 32));
  EXPECT_EQ(reply.header("tracestate"), "a=b");
  EXPECT_EQ(reply.header("baggage"), "k=v");
}

TEST_F(ExtprocWeakSpot, W12_AnEmptyRequestIdIsReplaced) {
  route({{"x-request-id", ""}});
  EXPECT_EQ(exchange->outbox.sent[0].header("x-request-id")->size(), 36u);
  route({{"x-request-id", "a"}, {"x-request-id", ""}});
  EXPECT_EQ(exchange->outbox.sent[0].header("x-request-id"), "a");
}

TEST_F(ExtprocWeakSpot, W13_ServerErrorsAreSeen) {
  route();
  exchange->feed(response_headers({{":status", "500"}}));
  exchange->feed(response_body("{}", true));
  exchange.reset();
  EXPECT_EQ(world.metric(R"(llm_d_epp_request_error_total{error_code="ModelServerError"})"), 1);
  route();
  exchange->feed(response_headers({{":status", "200"}, {"Content-Type", "Text/Event-Stream"}}));
  exchange->outbox.take_script();
  EXPECT_EQ(play(response_body("data: 1\n\n", false)), "sb");
}

TEST_F(ExtprocWeakSpot, W15_HeaderOnlyRequestsHonourTheirHint) {
  world.set_endpoints({{"fd00::1", "8000"}, {"10.0.0.2", "8000"}});
  Message headers = request_headers({{"x-request-id", "mine"}}, true);
  add_subset(headers, {"[fd00::1]:8000"});
  EXPECT_EQ(play(headers), "qh");
  EXPECT_EQ(exchange->outbox.sent[0].header("x-gateway-destination-endpoint"), "[fd00::1]:8000");
  EXPECT_FALSE(exchange->outbox.sent[0].header("x-request-id"));
  EXPECT_EQ(world.metric("llm_d_epp_request_total"), 1);

  restart();
  Message nowhere = request_headers({}, true);
  add_subset(nowhere, {"10.0.0.9"});
  EXPECT_EQ(play(nowhere), "imm503 end");
}

TEST_F(ExtprocWeakSpot, W16_MetadataOfTheHeadersCounts) {
  Message headers = request_headers();
  add_subset(headers, {"192.168.1.3:8000"});
  exchange->feed(headers);
  exchange->feed(request_body(kCompletion, true));
  EXPECT_EQ(exchange->outbox.sent[0].header("x-gateway-destination-endpoint"), "192.168.1.3:8000");
}

TEST_F(ExtprocWeakSpot, W19_HooksRunInManifestOrder) {
  std::string order;
  for (const char* name : {"c", "a", "b"}) {
    world.plugin(name)->on_request_header = [&order, name](TestPlugin::Context&, epp_error*) {
      order += name;
      return epp_status{EPP_OK};
    };
  }
  world.rebuild();
  for (int i = 0; i < 3; ++i)
    route();
  EXPECT_EQ(order, "cabcabcab");
}

TEST_F(ExtprocWeakSpot, W22_ALateProducerWritesNothing) {
  std::uint64_t token = 0;
  auto producer = world.plugin("slow");
  producer->on_produce = [&](TestPlugin::Context&, const epp_candidates&, std::uint64_t of, epp_error*) {
    token = of;
    return epp_status{EPP_PENDING};
  };
  world.rebuild();
  restart();
  exchange->feed(request_headers());
  EXPECT_EQ(play(request_body(kCompletion, true)), "");
  EXPECT_EQ(exchange->outbox.timer, std::chrono::milliseconds(400));
  exchange->stream.on_timer();
  EXPECT_EQ(exchange->outbox.take_script(), "qh qb/E");
  const int wakes = *exchange->outbox.wakes;
  world.completions.complete(*producer, token, EPP_OK, {}, {});
  EXPECT_EQ(*exchange->outbox.wakes, wakes);
}

TEST_F(ExtprocWeakSpot, W16_SubsetMatchesIpv6AndFailsClosedOnStrings) {
  const SubsetHint v6 = hint_of({"[fd00::1]:8000", "fd00::2", "[fd00::3]"});
  EXPECT_TRUE(v6.allows("fd00::1", "8000", true));
  EXPECT_FALSE(v6.allows("fd00::1", "8001", true));
  EXPECT_TRUE(v6.allows("fd00::2", "1", true));
  EXPECT_TRUE(v6.allows("fd00::3", "1", true));
  EXPECT_FALSE(v6.allows("fd00::4", "8000", false));

  SubsetHint text;
  text.read(hint_metadata(MetadataValue::of("10.0.0.1:1, 10.0.0.2:2")));
  EXPECT_TRUE(text.restricts());
  EXPECT_TRUE(text.allows("10.0.0.2", "2", true));
  EXPECT_FALSE(text.allows("10.0.0.3", "2", false));
}

TEST_F(ExtprocWeakSpot, W32_ADisconnectWithdrawsTheRequestAndAnswersNobody) {
  auto gate = std::make_shared<Gate>();
  world.admission = gate;
  world.rebuild();
  Exchange queued(world);
  queued.feed(request_headers());
  queued.feed(request_body(kCompletion, true));
  queued.stream.on_done(true);
  EXPECT_EQ(gate->withdrawn, 1);
  gate->open(std::nullopt);
  queued.stream.on_wake();
  EXPECT_EQ(queued.outbox.take_script(), "");
  EXPECT_EQ(*queued.outbox.wakes, 0);
}

class Tracker final : public InFlight {
 public:
  void track(const epp_running_request& request, std::shared_ptr<flowcontrol::Evictable> signal) override {
    signals[request.serial] = std::move(signal);
  }
  void progressed(std::uint64_t, std::uint64_t) override {}
  void untrack(std::uint64_t serial) override { signals.erase(serial); }
  std::map<std::uint64_t, std::shared_ptr<flowcontrol::Evictable>> signals;
};

TEST_F(ExtprocWeakSpot, W24_EqualRequestIdsAreTrackedApart) {
  auto tracker = std::make_shared<Tracker>();
  world.in_flight = tracker;
  world.rebuild();
  Exchange other(world);
  other.feed(request_headers({{"x-request-id", "same"}}));
  other.feed(request_body(kCompletion, true));
  route({{"x-request-id", "same"}});
  EXPECT_EQ(tracker->signals.size(), 2u);
  exchange.reset();
  EXPECT_EQ(tracker->signals.size(), 1u);
}

TEST_F(ExtprocWeakSpot, W25_OnlyTheModelNameChanges) {
  route({{"x-llm-d-model-name-rewrite", "t"}}, "{ \"z\":12345678901234567890, \"model\" : \"m\",\"prompt\":\"<&>\"}");
  EXPECT_EQ(exchange->outbox.body(Direction::kRequest),
            "{ \"z\":12345678901234567890, \"model\" : \"t\",\"prompt\":\"<&>\"}");
  world.services.options.splice_model_name = false;
  route({{"x-llm-d-model-name-rewrite", "b"}}, R"({"prompt":"p","model":"a","max_tokens":100})");
  EXPECT_EQ(exchange->outbox.body(Direction::kRequest), R"({"max_tokens":100,"model":"b","prompt":"p"})");
}

TEST_F(ExtprocWeakSpot, W26_ModelNameIsRestoredAcrossChunks) {
  const std::string text = "data: {\"model\":\"target-model\"}\n\n";
  for (std::size_t cut = 1; cut < text.size(); ++cut) {
    route({{"x-llm-d-model-name-rewrite", "target-model"}});
    exchange->feed(response_headers(kSse));
    exchange->feed(response_body(text.substr(0, cut), false));
    exchange->feed(response_body(text.substr(cut), false));
    exchange->feed(response_body("", true));
    ASSERT_EQ(exchange->outbox.body(Direction::kResponse), "data: {\"model\":\"m\"}\n\n") << cut;
    EXPECT_TRUE(exchange->outbox.sent.back().end_of_stream);
  }
}

TEST_F(ExtprocWeakSpot, W27_UsageSplitAcrossChunksIsCountedOnce) {
  const std::string text =
      "data: {\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":10,\"total_tokens\":17}}\n\ndata: [DONE]\n\n";
  int streams = 0;
  for (std::size_t cut = 1; cut < text.size(); cut += 7) {
    route();
    exchange->feed(response_headers(kSse));
    exchange->feed(response_body(text.substr(0, cut), false));
    exchange->feed(response_body(text.substr(cut), true));
    ++streams;
    ASSERT_EQ(world.metric("inference_objective_output_tokens_sum"), 10 * streams) << cut;
    ASSERT_EQ(world.metric("inference_objective_output_tokens_count"), streams) << cut;
  }
}

TEST_F(ExtprocWeakSpot, W28_AJsonErrorToAStreamingRequestIsReadAsAWhole) {
  route({}, R"({"model":"m","prompt":"hi","stream":true})");
  exchange->feed(response_headers(kJson));
  exchange->feed(response_body(R"({"usage":{"prompt_tokens":3,)", false));
  exchange->feed(response_body(R"("completion_tokens":4}})", true));
  EXPECT_EQ(world.metric("inference_objective_output_tokens_sum"), 4);
}

TEST_F(ExtprocWeakSpot, W29_AbortedRequestsAreMeasured) {
  route();
  exchange->feed(response_headers(kSse));
  exchange->feed(response_body("data: 1\n\n", false));
  world.clock.advance(std::chrono::seconds(1));
  exchange->stream.on_done(true);
  EXPECT_EQ(world.metric("llm_d_epp_request_duration_seconds_sum"), 1);
  EXPECT_EQ(world.metric("llm_d_epp_response_size_bytes_sum"), 9);
}

TEST_F(ExtprocWeakSpot, W29_EvictionsAndSendFailuresAreErrors) {
  auto tracker = std::make_shared<Tracker>();
  world.in_flight = tracker;
  count_completions();
  route();
  tracker->signals.begin()->second->evict("evicted");
  exchange->stream.on_wake();
  EXPECT_EQ(exchange->outbox.take_script(), "imm429 end");
  EXPECT_EQ(exchange->outbox.last(Sent::Kind::kImmediate).body, "request evicted by flow control");
  EXPECT_EQ(exchange->outbox.last(Sent::Kind::kImmediate).header("x-llm-d-request-dropped-reason"), "evicted");
  exchange->stream.on_done(false);
  EXPECT_EQ(causes, std::vector<std::uint32_t>{EPP_END_EVICTED});
  EXPECT_EQ(world.metric(R"(llm_d_epp_request_error_total{error_code="ResourceExhausted"})"), 1);
  route();
  exchange->stream.on_send_failure();
  exchange->stream.on_done(true);
  EXPECT_EQ(world.metric(R"(llm_d_epp_request_error_total{error_code="Unknown"})"), 1);
}

TEST_F(ExtprocWeakSpot, W29_AnEvictionAfterTheEndIsIgnored) {
  auto tracker = std::make_shared<Tracker>();
  world.in_flight = tracker;
  world.rebuild();
  route();
  const auto signal = tracker->signals.begin()->second;
  exchange->feed(response_headers(kJson));
  exchange->feed(response_body("{}", true));
  EXPECT_TRUE(tracker->signals.empty());
  exchange->outbox.take_script();
  signal->evict("evicted");
  exchange->stream.on_wake();
  EXPECT_EQ(exchange->outbox.take_script(), "");
}

TEST_F(ExtprocWeakSpot, W30_W31_HooksRunInlineAndLeaveNothingBehind) {
  std::vector<std::string> seen;
  world.plugin("reader")->on_response_body = [&](TestPlugin::Context&, const epp_response&, std::string_view chunk,
                                                 bool end) { seen.push_back(std::string(chunk) + (end ? "$" : "")); };
  world.rebuild();
  route();
  exchange->feed(response_headers(kSse));
  for (int i = 0; i < 500; ++i)
    exchange->feed(response_body("x", false));
  exchange->feed(response_body("", true));
  ASSERT_EQ(seen.size(), 501u);
  EXPECT_EQ(seen.back(), "$");
}

TEST_F(ExtprocWeakSpot, W36_UntypedPluginErrorsAreAnswered) {
  world.plugin("broken")->on_request_header = [](TestPlugin::Context&, epp_error* error) {
    fail_with(error, "no idea");
    return epp_status{EPP_ERR_UNTYPED};
  };
  world.rebuild();
  restart();
  exchange->feed(request_headers());
  EXPECT_EQ(play(request_body(kCompletion, true)), "imm500 end");
  EXPECT_EQ(exchange->outbox.sent[0].body, "inference error: Internal - no idea");
}

TEST_F(ExtprocWeakSpot, W20_ABrokenProfileHandlerIsAnAnswerNotACrash) {
  world.handler->handles_profiles = true;
  world.picker->on_pick = [](const epp_candidates&) { return std::vector<std::uint32_t>{}; };
  world.rebuild();
  restart();
  exchange->feed(request_headers());
  // The picker named nobody: the host picks, and the request still gets an endpoint.
  EXPECT_EQ(play(request_body(kCompletion, true)), "qh qb/E");
}

}  // namespace
}  // namespace epp::lifecycle::testing
