// The spans of a request, as a collector receives them.
#include "conformance/exchange.h"
#include "conformance/lab.h"
#include "conformance/trace_collector.h"
#include "support/wait.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace epp::conformance {
namespace {

using ::testing::MatchesRegex;

const std::string kTraceId = "4bf92f3577b34da6a3ce929d0e0e4736";
const std::string kParent = "00f067aa0ba902b7";
const Request kTraced{.headers = {{"traceparent", "00-" + kTraceId + "-" + kParent + "-01"}}};

// An EPP that traces everything to a collector.
class Traced : public ::testing::Test {
 protected:
  static Flags flags() { return with("plugins:\n- type: queue-scorer\n", {silent_endpoint(1), "--tracing=true"}); }
  std::vector<std::string> environment() const {
    return {"OTEL_TRACES_EXPORTER=otlp", "OTEL_TRACES_SAMPLER_ARG=1", "OTEL_BSP_SCHEDULE_DELAY=50",
            "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:" + std::to_string(collector_.port())};
  }
  // Waits for a span of this name.
  ReceivedSpan span(const std::string& name) const {
    ReceivedSpan found;
    testing::wait_until([&] {
      const std::vector<ReceivedSpan> spans = collector_.spans();
      const auto at = std::find_if(spans.begin(), spans.end(), [&](const auto& s) { return s.name == name; });
      if (at != spans.end()) found = *at;
      return at != spans.end();
    });
    return found;
  }

  TraceCollector collector_;
  EppServer epp_{{.arguments = flags(), .environment = environment()}};
};

class DatalayerCheck : public Traced {};
class ExtprocCheck : public Traced {};

TEST_F(DatalayerCheck, C36_TheTraceGoesOnWithASpanOfItsOwn) {
  const Decision decision = Client(epp_.grpc_port()).complete(kTraced);
  const std::string traceparent = value_of(decision.headers, "traceparent");
  EXPECT_EQ(count_of(decision.headers, "traceparent"), 1U);
  ASSERT_THAT(traceparent, MatchesRegex("00-" + kTraceId + "-[0-9a-f]{16}-01"));
  EXPECT_NE(traceparent.substr(36, 16), kParent);
  EXPECT_EQ(span("gateway.request").span_id, traceparent.substr(36, 16));
}

TEST_F(ExtprocCheck, C38_SpansOfARequest) {
  Client(epp_.grpc_port()).complete(kTraced);
  const ReceivedSpan request = span("gateway.request");
  EXPECT_EQ(request.trace_id, kTraceId);
  EXPECT_EQ(request.parent_id, kParent);
  EXPECT_EQ(request.service, "llm-d-epp");
  EXPECT_EQ(request.scope, "llm-d-router/pkg/epp/handlers");
  const ReceivedSpan orchestration = span("gateway.request_orchestration");
  EXPECT_EQ(orchestration.parent_id, request.span_id);
  EXPECT_EQ(orchestration.scope, "llm-d-router/pkg/epp/requestcontrol");
  EXPECT_EQ(orchestration.attributes.at("target_model"), "m");
  EXPECT_EQ(orchestration.attributes.at("request_prio"), "0");
  const ReceivedSpan profile = span("run_scheduler_profile");
  EXPECT_EQ(profile.parent_id, orchestration.span_id);
  EXPECT_EQ(profile.attributes.at("llm_d.epp.scheduling.profile.name"), "default");
  EXPECT_EQ(span("filter_endpoints").attributes.at("llm_d.epp.filter.candidate_endpoints"), "1");
  EXPECT_EQ(span("llm_d.epp.scorer.queue-scorer").parent_id, span("llm_d.epp.scoring").span_id);
  EXPECT_EQ(span("pick_endpoints").parent_id, profile.span_id);
}

}  // namespace
}  // namespace epp::conformance
