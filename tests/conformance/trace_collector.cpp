#include "conformance/trace_collector.h"

#include "opentelemetry/proto/collector/trace/v1/trace_service.grpc.pb.h"

#include <mutex>

#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

namespace epp::conformance {
namespace {

namespace collector = opentelemetry::proto::collector::trace::v1;
using opentelemetry::proto::common::v1::AnyValue;

std::string hex(const std::string& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4U];
    text += kDigits[static_cast<unsigned char>(byte) & 15U];
  }
  return text;
}

std::string text_of(const AnyValue& value) {
  if (value.has_string_value()) return value.string_value();
  if (value.has_int_value()) return std::to_string(value.int_value());
  if (value.has_double_value()) return std::to_string(value.double_value());
  return value.ShortDebugString();
}

}  // namespace

struct TraceCollector::Impl final : collector::TraceService::Service {
  grpc::Status Export(grpc::ServerContext*, const collector::ExportTraceServiceRequest* request,
                      collector::ExportTraceServiceResponse*) override {
    const std::lock_guard lock(mutex);
    for (const auto& resource : request->resource_spans()) {
      std::string service;
      for (const auto& attribute : resource.resource().attributes()) {
        if (attribute.key() == "service.name") service = attribute.value().string_value();
      }
      for (const auto& scope : resource.scope_spans()) {
        for (const auto& span : scope.spans()) {
          ReceivedSpan& received = spans.emplace_back();
          received = {.name = span.name(),
                      .scope = scope.scope().name(),
                      .service = service,
                      .trace_id = hex(span.trace_id()),
                      .span_id = hex(span.span_id()),
                      .parent_id = hex(span.parent_span_id()),
                      .attributes = {}};
          for (const auto& attribute : span.attributes()) {
            received.attributes[attribute.key()] = text_of(attribute.value());
          }
        }
      }
    }
    return grpc::Status::OK;
  }

  mutable std::mutex mutex;
  std::vector<ReceivedSpan> spans;
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

TraceCollector::TraceCollector() : impl_(std::make_unique<Impl>()) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &impl_->port);
  builder.RegisterService(impl_.get());
  impl_->server = builder.BuildAndStart();
}

TraceCollector::~TraceCollector() {
  impl_->server->Shutdown();
}

std::uint16_t TraceCollector::port() const {
  return static_cast<std::uint16_t>(impl_->port);
}

std::vector<ReceivedSpan> TraceCollector::spans() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->spans;
}

}  // namespace epp::conformance
