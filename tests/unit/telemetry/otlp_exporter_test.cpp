// A collector on loopback receives what the exporter really sends.
#include "opentelemetry/proto/collector/trace/v1/trace_service.grpc.pb.h"
#include "telemetry/tracing.h"

#include <condition_variable>
#include <map>
#include <mutex>

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#if defined(__SANITIZE_THREAD__)
// Debian's gRPC is not instrumented, so ThreadSanitizer does not see its locks.
extern "C" const char* __tsan_default_suppressions() {
  return "race:libgrpc\nrace:libabsl\nrace:grpc::\nmutex:libgrpc\ndeadlock:libgrpc\n";
}
#endif

namespace epp::telemetry {
namespace {

namespace collector = opentelemetry::proto::collector::trace::v1;
using opentelemetry::proto::trace::v1::Span_SpanKind_SPAN_KIND_INTERNAL;
using opentelemetry::proto::trace::v1::Span_SpanKind_SPAN_KIND_SERVER;
using opentelemetry::proto::trace::v1::Status_StatusCode_STATUS_CODE_ERROR;

class Collector final : public collector::TraceService::Service {
 public:
  Collector() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Collector() override { server_->Shutdown(); }

  grpc::Status Export(grpc::ServerContext* context, const collector::ExportTraceServiceRequest* request,
                      collector::ExportTraceServiceResponse*) override {
    std::lock_guard lock(mutex_);
    requests_.push_back(*request);
    for (const auto& [key, value] : context->client_metadata()) {
      metadata_[std::string(key.data(), key.size())] = std::string(value.data(), value.size());
    }
    return answer;
  }

  TracingConfig config() const {
    TracingConfig config{.exporter = TracingConfig::Exporter::kOtlp,
                         .ratio = 1,
                         .resource = {{"service.name", "llm-d-epp"}, {"service.version", "v1"}},
                         .commit = "abc"};
    config.otlp.target = "127.0.0.1:" + std::to_string(port_);
    config.otlp.headers = {{"x-tenant", "t"}};
    return config;
  }
  std::vector<collector::ExportTraceServiceRequest> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }
  std::string metadata(const std::string& key) {
    std::lock_guard lock(mutex_);
    return metadata_[key];
  }

  grpc::Status answer = grpc::Status::OK;

 private:
  int port_ = 0;
  std::mutex mutex_;
  std::vector<collector::ExportTraceServiceRequest> requests_;
  std::map<std::string, std::string> metadata_;
  std::unique_ptr<grpc::Server> server_;
};

TEST(OtlpExporter, NamesParentsAttributesAndResourceArrive) {
  Collector server;
  const auto remote = *parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
  {
    std::string error;
    const auto tracing = Tracing::create(server.config(), &error);
    ASSERT_TRUE(tracing) << error;
    const Tracer handlers = tracing->tracer("llm-d-router/pkg/epp/handlers");
    const Tracer scheduling = tracing->tracer("llm-d-router/pkg/epp/scheduling");
    Span request = handlers.start("gateway.request", remote, SpanKind::kServer);
    request.record_error("boom");
    request.set_status(SpanStatus::kError, "boom");
    Span scorer = scheduling.start("llm_d.epp.scorer.queue-scorer", request.context());
    scorer.set("llm_d.epp.scorer.name", "queue");
    scorer.set("llm_d.epp.scorer.weight", 2.0);
    scorer.set("llm_d.epp.scorer.candidate_endpoints", 3);
    scorer.set("flag", true);
    scorer.set("broken", "\xFF");
    scorer.set("llm_d.epp.picker.top_scores", AttributeValue(std::vector<double>{0.5, 0.25}));
    scorer.end();
    request.end();
  }  // destruction flushes

  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 1u);
  ASSERT_EQ(requests[0].resource_spans_size(), 1);
  const auto& resource_spans = requests[0].resource_spans(0);
  ASSERT_EQ(resource_spans.resource().attributes_size(), 2);
  EXPECT_EQ(resource_spans.resource().attributes(0).key(), "service.name");
  EXPECT_EQ(resource_spans.resource().attributes(0).value().string_value(), "llm-d-epp");
  ASSERT_EQ(resource_spans.scope_spans_size(), 2);
  const auto& scoring = resource_spans.scope_spans(0);
  const auto& handling = resource_spans.scope_spans(1);
  EXPECT_EQ(scoring.scope().name(), "llm-d-router/pkg/epp/scheduling");
  EXPECT_EQ(handling.scope().attributes(0).key(), "commit-sha");
  EXPECT_EQ(handling.scope().attributes(0).value().string_value(), "abc");

  const auto& request = handling.spans(0);
  EXPECT_EQ(request.name(), "gateway.request");
  EXPECT_EQ(request.kind(), Span_SpanKind_SPAN_KIND_SERVER);
  EXPECT_EQ(request.trace_id(), std::string(remote.trace_id.begin(), remote.trace_id.end()));
  EXPECT_EQ(request.parent_span_id(), std::string(remote.span_id.begin(), remote.span_id.end()));
  EXPECT_EQ(request.status().code(), Status_StatusCode_STATUS_CODE_ERROR);
  EXPECT_EQ(request.status().message(), "boom");
  ASSERT_EQ(request.events_size(), 1);
  EXPECT_EQ(request.events(0).name(), "exception");
  EXPECT_EQ(request.flags(), 0x301u) << "sampled, and the parent is remote";
  EXPECT_GE(request.end_time_unix_nano(), request.start_time_unix_nano());

  const auto& scorer = scoring.spans(0);
  EXPECT_EQ(scorer.name(), "llm_d.epp.scorer.queue-scorer");
  EXPECT_EQ(scorer.kind(), Span_SpanKind_SPAN_KIND_INTERNAL);
  EXPECT_EQ(scorer.trace_id(), request.trace_id());
  EXPECT_EQ(scorer.parent_span_id(), request.span_id());
  std::map<std::string, opentelemetry::proto::common::v1::AnyValue> attributes;
  for (const auto& attribute : scorer.attributes())
    attributes[attribute.key()] = attribute.value();
  EXPECT_EQ(attributes["llm_d.epp.scorer.name"].string_value(), "queue");
  EXPECT_EQ(attributes["llm_d.epp.scorer.weight"].double_value(), 2.0);
  EXPECT_EQ(attributes["llm_d.epp.scorer.candidate_endpoints"].int_value(), 3);
  EXPECT_TRUE(attributes["flag"].bool_value());
  EXPECT_EQ(attributes["broken"].string_value(), "\xEF\xBF\xBD");
  EXPECT_EQ(attributes["llm_d.epp.picker.top_scores"].array_value().values(1).double_value(), 0.25);
  EXPECT_EQ(server.metadata("x-tenant"), "t");
}

TEST(OtlpExporter, ARefusalIsReportedAndCounted) {
  Collector server;
  server.answer = grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "who are you");
  std::string reason;
  auto tracing = Tracing::create(server.config(), nullptr, [&](std::string_view text) { reason = text; });
  tracing->tracer("s").start("x", {});
  tracing->processor().flush();
  EXPECT_EQ(tracing->processor().dropped(), 1u);
  EXPECT_EQ(tracing->processor().exported(), 0u);
  EXPECT_THAT(reason, ::testing::HasSubstr("who are you"));
}

TEST(OtlpExporter, AnAbsentCollectorCostsTheDeadlineAndNoMore) {
  auto config = [] {
    Collector gone;
    return gone.config();
  }();
  config.otlp.timeout = std::chrono::milliseconds(50);
  std::string reason;
  auto tracing = Tracing::create(config, nullptr, [&](std::string_view text) { reason = text; });
  tracing->tracer("s").start("x", {});
  tracing->processor().flush();
  EXPECT_EQ(tracing->processor().dropped(), 1u);
  EXPECT_NE(reason, "");
}

}  // namespace
}  // namespace epp::telemetry
