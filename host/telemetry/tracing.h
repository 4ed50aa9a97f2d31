// Tracing put together: settings from the OTEL_* environment, the batch exporter's thread, and the tracer.
#pragma once

#include "telemetry/trace.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace epp::telemetry {

using KeyValues = std::vector<std::pair<std::string, std::string>>;
/// Reads one environment variable; empty and absent are the same.
using Environment = std::function<std::string(const char* name)>;
Environment process_environment();

/// OTEL_EXPORTER_OTLP_*; each variable's TRACES_ form wins over the generic one.
struct OtlpConfig {
  std::string target = "localhost:4317";  ///< host:port or unix:path
  bool insecure = true;                   ///< plaintext; by scheme http://, by *_INSECURE, or when nothing is set
  std::string certificate_file{};         ///< PEM roots for TLS; empty: the system's
  KeyValues headers{};                    ///< gRPC metadata, lower-case names
  std::chrono::milliseconds timeout{10'000};
};

struct TracingConfig {
  enum class Exporter { kConsole, kOtlp };
  Exporter exporter = Exporter::kConsole;
  double ratio = 0.1;
  KeyValues resource{};  ///< service.name, service.version and what the environment adds
  std::string commit{};  ///< instrumentation scope attribute commit-sha
  OtlpConfig otlp{};
  // OTEL_BSP_*: how spans are gathered.
  std::size_t queue_spans = 2048;
  std::size_t batch_spans = 512;
  std::chrono::milliseconds delay{5000};
  std::vector<std::string> warnings{};  ///< settings that were repaired; for the log
};

/// Reads OTEL_TRACES_EXPORTER ("console", the default, or "otlp"; anything else is an error: empty result and `error`),
/// OTEL_TRACES_SAMPLER (only parentbased_traceidratio; another gives a warning and ratio 0.1), OTEL_TRACES_SAMPLER_ARG
/// (default 0.1), OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_EXPORTER_OTLP_*, OTEL_BSP_*.
std::optional<TracingConfig> tracing_config_from_env(const Environment& env, std::string_view build_ref,
                                                     std::string_view commit, std::string* error);

/// Sends batches somewhere. Used by one thread.
class SpanExporter {
 public:
  virtual ~SpanExporter() = default;
  /// False, with a reason in `error`, if the batch is lost.
  virtual bool export_batch(std::span<const std::unique_ptr<SpanData>> spans, std::string* error) = 0;
};

/// Pretty JSON, one object a span, through `write` (default: standard output).
std::unique_ptr<SpanExporter> make_console_exporter(const TracingConfig& config,
                                                    std::function<void(std::string_view)> write = {});
/// OTLP over gRPC. Connects lazily; retries nothing that the deadline does not allow.
std::unique_ptr<SpanExporter> make_otlp_exporter(const TracingConfig& config, std::string* error);

/// A bounded queue and the thread that empties it into an exporter, when a batch is full or the delay has passed. A
/// thread of its own, because exporters block on the network or on standard output. A full queue drops the new span.
class BatchProcessor final : public SpanSink {
 public:
  /// `on_failure` is called by the thread with the reason of each lost batch.
  BatchProcessor(std::unique_ptr<SpanExporter> exporter, const TracingConfig& config,
                 std::function<void(std::string_view)> on_failure = {});
  /// Exports what is queued, then stops.
  ~BatchProcessor() override;

  void on_end(std::unique_ptr<SpanData> span) noexcept override;
  /// Returns once the spans that ended before the call were handed to the exporter.
  void flush();
  std::uint64_t exported() const;
  std::uint64_t dropped() const;  ///< queue full, or lost with their batch

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Owns exporter and thread. Destroy it after everybody who makes spans.
class Tracing {
 public:
  /// Null with the reason in `error` if the exporter cannot be made (an unreadable certificate).
  static std::unique_ptr<Tracing> create(const TracingConfig& config, std::string* error,
                                         std::function<void(std::string_view)> on_failure = {});
  Tracing(std::unique_ptr<SpanExporter> exporter, const TracingConfig& config,
          std::function<void(std::string_view)> on_failure = {});

  /// `scope`: a string literal, e.g. "llm-d-router/pkg/epp/handlers".
  Tracer tracer(const char* scope) { return Tracer(scope, sampler_, &processor_); }
  BatchProcessor& processor() { return processor_; }

 private:
  RatioSampler sampler_;
  BatchProcessor processor_;
};

}  // namespace epp::telemetry
