#include "telemetry/trace.h"

#include <algorithm>
#include <cmath>

namespace epp::telemetry {

RatioSampler::RatioSampler(double ratio) {
  constexpr double kAll = 9223372036854775808.0;  // 2^63
  if (!(ratio > 0)) {
    bound_ = 0;
  } else {
    bound_ = ratio >= 1 ? std::uint64_t{1} << 63 : static_cast<std::uint64_t>(ratio * kAll);
  }
}

bool RatioSampler::sample(const TraceId& trace_id) const {
  std::uint64_t value = 0;
  for (std::size_t i = 8; i < 16; ++i)
    value = value << 8 | trace_id[i];
  return value >> 1 < bound_;
}

Span Tracer::start(std::string_view name, const SpanContext& parent, SpanKind kind) const {
  Span span;
  if (!enabled()) return span;
  auto& context = span.context_;
  context.span_id = random_span_id();
  if (parent.valid()) {
    context.trace_id = parent.trace_id;
    context.trace_state = parent.trace_state;
    context.sampled = parent.sampled;
  } else {
    context.trace_id = random_trace_id();
    context.sampled = sampler_.sample(context.trace_id);
  }
  if (!context.sampled) return span;
  span.sink_ = sink_;
  span.data_ = std::make_unique<SpanData>();
  auto& data = *span.data_;
  data.context = context;
  data.parent_span_id = parent.valid() ? parent.span_id : SpanId{};
  data.parent_remote = parent.remote;
  data.name = name;
  data.scope = scope_;
  data.kind = kind;
  data.start = std::chrono::system_clock::now();
  return span;
}

Span& Span::operator=(Span&& other) noexcept {
  if (this != &other) {
    end();
    context_ = std::move(other.context_);
    data_ = std::move(other.data_);
    sink_ = other.sink_;
  }
  return *this;
}

void Span::set(std::string_view key, AttributeValue value) {
  if (!data_) return;
  auto& attributes = data_->attributes;
  const auto known = std::find_if(attributes.begin(), attributes.end(), [&](const auto& a) { return a.key == key; });
  if (known != attributes.end()) {
    known->value = std::move(value);
  } else {
    attributes.push_back({std::string(key), std::move(value)});
  }
}

void Span::set(std::string_view key, std::string_view value) {
  if (data_) set(key, AttributeValue(std::string(value)));
}

void Span::set_status(SpanStatus status, std::string_view message) {
  // Ok is final, and only errors have a description.
  if (!data_ || data_->status == SpanStatus::kOk) return;
  data_->status = status;
  data_->status_message = status == SpanStatus::kError ? message : std::string_view();
}

void Span::record_error(std::string_view message, std::string_view type) {
  if (!data_) return;
  data_->events.push_back({"exception",
                           std::chrono::system_clock::now(),
                           {{"exception.type", std::string(type)}, {"exception.message", std::string(message)}}});
}

void Span::end() {
  if (!data_) return;
  data_->end = std::chrono::system_clock::now();
  sink_->on_end(std::move(data_));
}

}  // namespace epp::telemetry
