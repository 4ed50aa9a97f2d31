#include "telemetry/json_text.h"
#include "telemetry/tracing.h"

#include <cstdio>

namespace epp::telemetry {
namespace {

std::int64_t nanoseconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

std::string_view kind_text(SpanKind kind) {
  switch (kind) {
    case SpanKind::kServer:
      return "server";
    case SpanKind::kClient:
      return "client";
    case SpanKind::kInternal:
      break;
  }
  return "internal";
}

std::string_view status_text(SpanStatus status) {
  switch (status) {
    case SpanStatus::kOk:
      return "Ok";
    case SpanStatus::kError:
      return "Error";
    case SpanStatus::kUnset:
      break;
  }
  return "Unset";
}

// Writes indented JSON; commas and line breaks are its business.
class PrettyJson {
 public:
  void open(char bracket) {
    out_ += bracket;
    ++depth_;
    first_ = true;
  }
  void close(char bracket) {
    --depth_;
    if (!first_) line();
    out_ += bracket;
    first_ = false;
  }
  void item() {
    if (!first_) out_ += ',';
    first_ = false;
    line();
  }
  void key(std::string_view name) {
    item();
    append_json_string(out_, name);
    out_ += ": ";
  }
  void text(std::string_view value) { append_json_string(out_, value); }
  void number(double value) { append_json_number(out_, value); }
  void raw(std::string_view value) { out_ += value; }
  void member(std::string_view name, std::string_view value) {
    key(name);
    text(value);
  }
  std::string take() && { return std::move(out_) + "\n"; }

 private:
  void line() {
    out_ += '\n';
    out_.append(depth_, '\t');
  }
  std::string out_;
  std::size_t depth_ = 0;
  bool first_ = true;
};

struct ValueWriter {
  PrettyJson& json;
  void operator()(const std::string& value) const { json.text(value); }
  void operator()(std::int64_t value) const { json.raw(std::to_string(value)); }
  void operator()(double value) const { json.number(value); }
  void operator()(bool value) const { json.raw(value ? "true" : "false"); }
  template <class T>
  void operator()(const std::vector<T>& values) const {
    json.open('[');
    for (const auto& value : values) {
      json.item();
      (*this)(value);
    }
    json.close(']');
  }
};

void write_attributes(PrettyJson& json, std::string_view name, const std::vector<Attribute>& attributes) {
  json.key(name);
  json.open('{');
  for (const auto& attribute : attributes) {
    json.key(attribute.key);
    std::visit(ValueWriter{json}, attribute.value);
  }
  json.close('}');
}

void write_pairs(PrettyJson& json, std::string_view name, const KeyValues& pairs) {
  json.key(name);
  json.open('{');
  for (const auto& [key, value] : pairs)
    json.member(key, value);
  json.close('}');
}

template <class Id>
std::string hex(const Id& id) {
  std::string text;
  append_hex(text, id.data(), id.size());
  return text;
}

class ConsoleExporter final : public SpanExporter {
 public:
  ConsoleExporter(const TracingConfig& config, std::function<void(std::string_view)> write)
      : resource_(config.resource), commit_(config.commit), write_(std::move(write)) {}

  bool export_batch(std::span<const std::unique_ptr<SpanData>> spans, std::string*) override {
    for (const auto& span : spans)
      write_(format(*span));
    return true;
  }

 private:
  std::string format(const SpanData& span) const {
    PrettyJson json;
    json.open('{');
    json.member("Name", span.name);
    json.key("SpanContext");
    json.open('{');
    json.member("TraceID", hex(span.context.trace_id));
    json.member("SpanID", hex(span.context.span_id));
    json.member("TraceFlags", span.context.sampled ? "01" : "00");
    json.member("TraceState", span.context.trace_state);
    json.close('}');
    json.member("ParentSpanID", hex(span.parent_span_id));
    json.member("SpanKind", kind_text(span.kind));
    json.key("StartTimeUnixNano");
    json.raw(std::to_string(nanoseconds(span.start)));
    json.key("EndTimeUnixNano");
    json.raw(std::to_string(nanoseconds(span.end)));
    write_attributes(json, "Attributes", span.attributes);
    json.key("Events");
    json.open('[');
    for (const auto& event : span.events) {
      json.item();
      json.open('{');
      json.member("Name", event.name);
      json.key("TimeUnixNano");
      json.raw(std::to_string(nanoseconds(event.time)));
      write_attributes(json, "Attributes", event.attributes);
      json.close('}');
    }
    json.close(']');
    json.key("Status");
    json.open('{');
    json.member("Code", status_text(span.status));
    json.member("Description", span.status_message);
    json.close('}');
    write_pairs(json, "Resource", resource_);
    json.key("InstrumentationScope");
    json.open('{');
    json.member("Name", span.scope);
    write_pairs(json, "Attributes", {{"commit-sha", commit_}});
    json.close('}');
    json.close('}');
    return std::move(json).take();
  }

  const KeyValues resource_;
  const std::string commit_;
  const std::function<void(std::string_view)> write_;
};

void write_to_stdout(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace

std::unique_ptr<SpanExporter> make_console_exporter(const TracingConfig& config,
                                                    std::function<void(std::string_view)> write) {
  return std::make_unique<ConsoleExporter>(config, write ? std::move(write) : write_to_stdout);
}

}  // namespace epp::telemetry
