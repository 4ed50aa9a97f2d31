// Spans without an SDK. A room that makes spans is given a Tracer* and needs nothing but this header:
//
//   Span span = tracer->start("run_scheduler_profile", parent.context());
//   if (span.recording()) span.set("llm_d.epp.scheduling.profile.name", profile);
//   // ends with its scope, or at span.end()
//
// A span that is not sampled carries ids to propagate and records nothing. With tracing off (a default-constructed
// Tracer) spans have no valid context, and nothing must be injected.
#pragma once

#include "telemetry/trace_context.h"

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace epp::telemetry {

enum class SpanKind : std::uint8_t { kInternal = 1, kServer = 2, kClient = 3 };  // numbers of OTLP
enum class SpanStatus : std::uint8_t { kUnset = 0, kOk = 1, kError = 2 };

using AttributeValue =
    std::variant<std::string, std::int64_t, double, bool, std::vector<std::string>, std::vector<double>>;

struct Attribute {
  std::string key;
  AttributeValue value;
};

struct SpanEvent {
  std::string name;
  std::chrono::system_clock::time_point time;
  std::vector<Attribute> attributes;
};

/// A finished span, as exporters see it.
struct SpanData {
  SpanContext context;
  SpanId parent_span_id{};  ///< all zero: a root
  bool parent_remote = false;
  std::string name;
  const char* scope = "";  ///< instrumentation scope; static storage
  SpanKind kind = SpanKind::kInternal;
  std::chrono::system_clock::time_point start;
  std::chrono::system_clock::time_point end;
  std::vector<Attribute> attributes;
  std::vector<SpanEvent> events;
  SpanStatus status = SpanStatus::kUnset;
  std::string status_message;
};

/// Takes finished, sampled spans. [any thread, concurrent; must not block]
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  virtual void on_end(std::unique_ptr<SpanData> span) noexcept = 0;
};

/// Decides for roots by the trace id: the same trace gets the same answer in every process. A span with a parent
/// follows the parent.
class RatioSampler {
 public:
  /// `ratio` is clamped to 0..1.
  explicit RatioSampler(double ratio);
  bool sample(const TraceId& trace_id) const;

 private:
  std::uint64_t bound_;  // sampled when the 63 high bits of the id's second half are below
};

/// One span under way. Movable; used by one thread at a time. Ends at the latest when destroyed.
class Span {
 public:
  Span() = default;
  Span(Span&& other) noexcept = default;
  Span& operator=(Span&& other) noexcept;
  ~Span() { end(); }

  /// To be the parent of other spans and to be propagated. Invalid with tracing off.
  const SpanContext& context() const { return context_; }
  /// Whether attributes are kept: ask before computing expensive ones.
  bool recording() const { return data_ != nullptr; }

  void set(std::string_view key, AttributeValue value);
  void set(std::string_view key, std::string_view value);
  void set(std::string_view key, const char* value) { set(key, std::string_view(value)); }
  void set(std::string_view key, bool value) { set(key, AttributeValue(value)); }
  void set(std::string_view key, double value) { set(key, AttributeValue(value)); }
  template <std::integral T>
  void set(std::string_view key, T value) {
    set(key, AttributeValue(static_cast<std::int64_t>(value)));
  }
  void set_status(SpanStatus status, std::string_view message = {});
  /// An "exception" event with exception.type and exception.message, as OpenTelemetry names them.
  void record_error(std::string_view message, std::string_view type = "error");

  /// Idempotent.
  void end();

 private:
  friend class Tracer;
  SpanContext context_;
  std::unique_ptr<SpanData> data_;  // null: not sampled, or ended
  SpanSink* sink_ = nullptr;
};

/// Makes spans of one instrumentation scope. A value; copies share the sink, which must outlive their spans.
class Tracer {
 public:
  Tracer() = default;
  /// `scope` is a string literal.
  Tracer(const char* scope, RatioSampler sampler, SpanSink* sink) : scope_(scope), sampler_(sampler), sink_(sink) {}

  bool enabled() const { return sink_ != nullptr; }
  /// [any thread, concurrent] `parent` may be invalid: then the span is a root.
  Span start(std::string_view name, const SpanContext& parent, SpanKind kind = SpanKind::kInternal) const;
  Tracer scoped(const char* scope) const { return Tracer(scope, sampler_, sink_); }

 private:
  const char* scope_ = "";
  RatioSampler sampler_{0};
  SpanSink* sink_ = nullptr;
};

}  // namespace epp::telemetry
