#include "telemetry/trace.h"

#include "telemetry/tracing.h"

#include <future>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace epp::telemetry {
namespace {

using namespace std::chrono_literals;

class Collected final : public SpanSink {
 public:
  void on_end(std::unique_ptr<SpanData> span) noexcept override { spans.push_back(std::move(span)); }
  std::vector<std::unique_ptr<SpanData>> spans;
};

SpanContext remote_parent(bool sampled) {
  return *parse_traceparent(sampled ? "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
                                    : "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
}

TEST(DatalayerCheck, C36_AChildKeepsTheTraceIdAndGetsANewSpanId) {
  Collected sink;
  const Tracer tracer("scope", RatioSampler(1), &sink);
  SpanContext parent = remote_parent(true);
  parent.trace_state = "vendor=1";
  Span span = tracer.start("gateway.request", parent, SpanKind::kServer);
  EXPECT_EQ(span.context().trace_id, parent.trace_id);
  EXPECT_NE(span.context().span_id, parent.span_id);
  EXPECT_EQ(span.context().trace_state, "vendor=1");
  EXPECT_TRUE(format_traceparent(span.context()).starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
  EXPECT_TRUE(format_traceparent(span.context()).ends_with("-01"));
}

TEST(ExtprocCheck, C38_OrchestrationIsAChildOfTheRequestSpanWithItsAttributes) {
  Collected sink;
  const Tracer tracer("llm-d-router/pkg/epp/handlers", RatioSampler(0), &sink);  // the parent's flag decides
  {
    Span request = tracer.start("gateway.request", remote_parent(true), SpanKind::kServer);
    Span orchestration = tracer.scoped("llm-d-router/pkg/epp/requestcontrol")
                             .start("gateway.request_orchestration", request.context(), SpanKind::kServer);
    orchestration.set("target_model", "llama");
    orchestration.set("request_prio", 0);
    orchestration.record_error("no endpoints");
    orchestration.set_status(SpanStatus::kError, "no endpoints");
  }
  ASSERT_EQ(sink.spans.size(), 2u);
  const SpanData& orchestration = *sink.spans[0];
  const SpanData& request = *sink.spans[1];
  EXPECT_EQ(request.name, "gateway.request");
  EXPECT_EQ(request.parent_span_id, remote_parent(true).span_id);
  EXPECT_TRUE(request.parent_remote);
  EXPECT_EQ(orchestration.parent_span_id, request.context.span_id);
  EXPECT_FALSE(orchestration.parent_remote);
  EXPECT_STREQ(orchestration.scope, "llm-d-router/pkg/epp/requestcontrol");
  ASSERT_EQ(orchestration.attributes.size(), 2u);
  EXPECT_EQ(std::get<std::string>(orchestration.attributes[0].value), "llama");
  EXPECT_EQ(std::get<std::int64_t>(orchestration.attributes[1].value), 0);
  ASSERT_EQ(orchestration.events.size(), 1u);
  EXPECT_EQ(orchestration.events[0].name, "exception");
  EXPECT_EQ(orchestration.status, SpanStatus::kError);
  EXPECT_LE(orchestration.start, orchestration.end);
}

TEST(Trace, UnsampledSpansPropagateAndRecordNothing) {
  Collected sink;
  const Tracer tracer("scope", RatioSampler(1), &sink);
  {
    Span span = tracer.start("x", remote_parent(false));
    EXPECT_FALSE(span.recording());
    span.set("k", "v");
    span.record_error("e");
    span.set_status(SpanStatus::kError, "e");
    EXPECT_TRUE(span.context().valid());
    EXPECT_TRUE(format_traceparent(span.context()).ends_with("-00"));
    const Span child = tracer.start("y", span.context());
    EXPECT_FALSE(child.recording());
    EXPECT_EQ(child.context().trace_id, span.context().trace_id);
  }
  EXPECT_TRUE(sink.spans.empty());
}

TEST(Trace, WithTracingOffThereIsNothingToInject) {
  const Tracer tracer;
  EXPECT_FALSE(tracer.enabled());
  const Span span = tracer.start("x", remote_parent(true));
  EXPECT_FALSE(span.context().valid());
  EXPECT_FALSE(span.recording());
}

TEST(Trace, TheRatioDecidesByTraceId) {
  TraceId low{};
  low[0] = 1;
  TraceId high;
  high.fill(0xFF);
  EXPECT_TRUE(RatioSampler(0.1).sample(low));
  EXPECT_FALSE(RatioSampler(0.9).sample(high));
  EXPECT_TRUE(RatioSampler(1).sample(high));
  EXPECT_FALSE(RatioSampler(0).sample(low));
  EXPECT_FALSE(RatioSampler(-1).sample(low));
  int sampled = 0;
  const RatioSampler tenth(0.1);
  for (int i = 0; i < 20'000; ++i)
    sampled += tenth.sample(random_trace_id());
  EXPECT_NEAR(sampled, 2000, 300);
}

TEST(Trace, SpansEndOnceAndLaterValuesReplaceEarlierOnes) {
  Collected sink;
  const Tracer tracer("scope", RatioSampler(1), &sink);
  Span span = tracer.start("x", {});
  span.set("k", 1);
  span.set("k", 2.5);
  span.set_status(SpanStatus::kOk);
  span.set_status(SpanStatus::kError, "too late");
  Span moved = std::move(span);
  moved.end();
  moved.end();
  moved = tracer.start("y", {});
  moved = Span();
  ASSERT_EQ(sink.spans.size(), 2u);
  ASSERT_EQ(sink.spans[0]->attributes.size(), 1u);
  EXPECT_EQ(std::get<double>(sink.spans[0]->attributes[0].value), 2.5);
  EXPECT_EQ(sink.spans[0]->status, SpanStatus::kOk);
  EXPECT_EQ(sink.spans[1]->name, "y");
}

TEST(Trace, TheConsoleExporterWritesOneJsonObjectASpan) {
  TracingConfig config{.ratio = 1, .resource = {{"service.name", "llm-d-epp"}}, .commit = "abc"};
  std::vector<std::string> written;
  {
    Tracing tracing(make_console_exporter(config, [&](std::string_view text) { written.emplace_back(text); }), config);
    const Tracer tracer = tracing.tracer("the-scope");
    Span span = tracer.start("pick_endpoints", {});
    span.set("llm_d.epp.picker.top_endpoints", AttributeValue(std::vector<std::string>{"a", "b"}));
    span.set("llm_d.epp.picker.top_scores", AttributeValue(std::vector<double>{0.5, 1}));
    span.set("quote", "\"\xFF\n");
    span.record_error("bad");
    span.set_status(SpanStatus::kError, "bad");
  }
  ASSERT_EQ(written.size(), 1u);
  const auto object = nlohmann::json::parse(written[0]);
  EXPECT_EQ(object["Name"], "pick_endpoints");
  EXPECT_EQ(object["SpanContext"]["TraceID"].get<std::string>().size(), 32u);
  EXPECT_EQ(object["ParentSpanID"], "0000000000000000");
  EXPECT_EQ(object["SpanKind"], "internal");
  EXPECT_EQ(object["Attributes"]["llm_d.epp.picker.top_endpoints"], (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(object["Attributes"]["llm_d.epp.picker.top_scores"][0], 0.5);
  EXPECT_EQ(object["Events"][0]["Attributes"]["exception.message"], "bad");
  EXPECT_EQ(object["Status"]["Code"], "Error");
  EXPECT_EQ(object["Resource"]["service.name"], "llm-d-epp");
  EXPECT_EQ(object["InstrumentationScope"]["Name"], "the-scope");
  EXPECT_EQ(object["InstrumentationScope"]["Attributes"]["commit-sha"], "abc");
}

// Holds every batch until it is opened.
class GatedExporter final : public SpanExporter {
 public:
  GatedExporter(std::shared_future<void> gate, std::promise<void>& entered, bool good)
      : gate_(std::move(gate)), entered_(entered), good_(good) {}
  bool export_batch(std::span<const std::unique_ptr<SpanData>>, std::string* error) override {
    if (!std::exchange(told_, true)) entered_.set_value();
    gate_.wait();
    if (!good_) *error = "refused";
    return good_;
  }

 private:
  std::shared_future<void> gate_;
  std::promise<void>& entered_;
  bool good_;
  bool told_ = false;
};

TEST(Trace, AFullQueueDropsNewSpansAndNeverBlocks) {
  std::promise<void> open;
  std::promise<void> entered;
  const TracingConfig config{.ratio = 1, .queue_spans = 4, .batch_spans = 1};
  {
    Tracing tracing(std::make_unique<GatedExporter>(open.get_future().share(), entered, true), config);
    const Tracer tracer = tracing.tracer("s");
    tracer.start("first", {});
    entered.get_future().wait();  // the exporter is stuck with the first
    for (int i = 0; i < 10; ++i)
      tracer.start("more", {});
    EXPECT_EQ(tracing.processor().dropped(), 6u);
    open.set_value();
    tracing.processor().flush();
    EXPECT_EQ(tracing.processor().exported(), 5u);
  }
}

TEST(Trace, LostBatchesAreCountedAndReported) {
  std::promise<void> open;
  std::promise<void> entered;
  open.set_value();
  std::vector<std::string> failures;
  const TracingConfig config{.ratio = 1};
  Tracing tracing(std::make_unique<GatedExporter>(open.get_future().share(), entered, false), config,
                  [&](std::string_view reason) { failures.emplace_back(reason); });
  tracing.tracer("s").start("x", {});
  tracing.processor().flush();
  EXPECT_EQ(tracing.processor().dropped(), 1u);
  EXPECT_EQ(failures, std::vector<std::string>{"refused"});
}

TEST(Trace, SpansOfManyThreadsAllArrive) {
  const TracingConfig config{.ratio = 1, .queue_spans = 10'000, .batch_spans = 64};
  int written = 0;
  {
    Tracing tracing(make_console_exporter(config, [&](std::string_view) { ++written; }), config);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([tracer = tracing.tracer("s")] {
        for (int i = 0; i < 250; ++i)
          tracer.start("x", {}).set("i", i);
      });
    }
    for (auto& thread : threads)
      thread.join();
  }
  EXPECT_EQ(written, 1000);
}

}  // namespace
}  // namespace epp::telemetry
