#include "opentelemetry/proto/collector/trace/v1/trace_service.grpc.pb.h"
#include "telemetry/json_text.h"
#include "telemetry/tracing.h"

#include <fstream>
#include <map>
#include <sstream>

#include <grpcpp/grpcpp.h>

namespace epp::telemetry {
namespace {

namespace otlp_collector = opentelemetry::proto::collector::trace::v1;
namespace otlp_common = opentelemetry::proto::common::v1;
namespace otlp_trace = opentelemetry::proto::trace::v1;

constexpr std::uint32_t kSampledFlag = 0x001;
constexpr std::uint32_t kRemoteKnownFlag = 0x100;
constexpr std::uint32_t kRemoteFlag = 0x200;

std::uint64_t nanoseconds(std::chrono::system_clock::time_point time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count());
}

template <class Id>
std::string bytes(const Id& id) {
  return std::string(reinterpret_cast<const char*>(id.data()), id.size());
}

struct ValueFiller {
  otlp_common::AnyValue* out;
  // protobuf refuses strings that are not UTF-8.
  void operator()(const std::string& value) const { out->set_string_value(to_utf8(value)); }
  void operator()(std::int64_t value) const { out->set_int_value(value); }
  void operator()(double value) const { out->set_double_value(value); }
  void operator()(bool value) const { out->set_bool_value(value); }
  template <class T>
  void operator()(const std::vector<T>& values) const {
    auto* array = out->mutable_array_value();
    for (const auto& value : values)
      ValueFiller{array->add_values()}(value);
  }
};

template <class Repeated>
void fill_attributes(const std::vector<Attribute>& attributes, Repeated* out) {
  for (const auto& attribute : attributes) {
    auto* pair = out->Add();
    pair->set_key(attribute.key);
    std::visit(ValueFiller{pair->mutable_value()}, attribute.value);
  }
}

void fill_span(const SpanData& span, otlp_trace::Span* out) {
  out->set_trace_id(bytes(span.context.trace_id));
  out->set_span_id(bytes(span.context.span_id));
  out->set_trace_state(span.context.trace_state);
  if (span.parent_span_id != SpanId{}) out->set_parent_span_id(bytes(span.parent_span_id));
  out->set_name(to_utf8(span.name));
  out->set_kind(static_cast<otlp_trace::Span::SpanKind>(span.kind));
  out->set_start_time_unix_nano(nanoseconds(span.start));
  out->set_end_time_unix_nano(nanoseconds(span.end));
  out->set_flags((span.context.sampled ? kSampledFlag : 0) | kRemoteKnownFlag | (span.parent_remote ? kRemoteFlag : 0));
  fill_attributes(span.attributes, out->mutable_attributes());
  for (const auto& event : span.events) {
    auto* filled = out->add_events();
    filled->set_name(event.name);
    filled->set_time_unix_nano(nanoseconds(event.time));
    fill_attributes(event.attributes, filled->mutable_attributes());
  }
  if (span.status != SpanStatus::kUnset) {
    out->mutable_status()->set_code(static_cast<otlp_trace::Status::StatusCode>(span.status));
    out->mutable_status()->set_message(to_utf8(span.status_message));
  }
}

class OtlpExporter final : public SpanExporter {
 public:
  OtlpExporter(const TracingConfig& config, const std::shared_ptr<grpc::ChannelCredentials>& credentials)
      : config_(config),
        stub_(otlp_collector::TraceService::NewStub(grpc::CreateChannel(config.otlp.target, credentials))) {}

  bool export_batch(std::span<const std::unique_ptr<SpanData>> spans, std::string* error) override {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + config_.otlp.timeout);
    context.set_wait_for_ready(true);  // a collector that restarts costs no batch if it is back within the deadline
    for (const auto& [key, value] : config_.otlp.headers)
      context.AddMetadata(key, value);
    otlp_collector::ExportTraceServiceResponse response;
    const auto status = stub_->Export(&context, request(spans), &response);
    if (status.ok() && response.partial_success().rejected_spans() == 0) return true;
    *error = status.ok() ? "collector rejected spans: " + response.partial_success().error_message()
                         : "cannot export spans to " + config_.otlp.target + ": " + status.error_message();
    return status.ok();
  }

 private:
  otlp_collector::ExportTraceServiceRequest request(std::span<const std::unique_ptr<SpanData>> spans) const {
    otlp_collector::ExportTraceServiceRequest request;
    auto* resource_spans = request.add_resource_spans();
    for (const auto& [key, value] : config_.resource) {
      auto* pair = resource_spans->mutable_resource()->add_attributes();
      pair->set_key(to_utf8(key));
      pair->mutable_value()->set_string_value(to_utf8(value));
    }
    std::map<std::string_view, otlp_trace::ScopeSpans*> scopes;
    for (const auto& span : spans) {
      auto*& scope = scopes[span->scope];
      if (scope == nullptr) {
        scope = resource_spans->add_scope_spans();
        scope->mutable_scope()->set_name(span->scope);
        auto* commit = scope->mutable_scope()->add_attributes();
        commit->set_key("commit-sha");
        commit->mutable_value()->set_string_value(config_.commit);
      }
      fill_span(*span, scope->add_spans());
    }
    return request;
  }

  const TracingConfig config_;
  const std::unique_ptr<otlp_collector::TraceService::Stub> stub_;
};

}  // namespace

std::unique_ptr<SpanExporter> make_otlp_exporter(const TracingConfig& config, std::string* error) {
  if (config.otlp.insecure) return std::make_unique<OtlpExporter>(config, grpc::InsecureChannelCredentials());
  grpc::SslCredentialsOptions tls;
  if (!config.otlp.certificate_file.empty()) {
    std::ifstream file(config.otlp.certificate_file);
    std::stringstream content;
    content << file.rdbuf();
    if (!file || content.str().empty()) {
      if (error != nullptr) *error = "cannot read OTLP certificate " + config.otlp.certificate_file;
      return nullptr;
    }
    tls.pem_root_certs = content.str();
  }
  return std::make_unique<OtlpExporter>(config, grpc::SslCredentials(tls));
}

}  // namespace epp::telemetry
