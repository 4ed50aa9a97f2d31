#include "request/usage.h"

#include "request/json_reader.h"
#include "request/json_text.h"
#include "request/usage_scanner.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string>

namespace epp::request {
namespace {

std::int64_t to_count(double value) {
  if (!(value > 0)) return 0;
  constexpr double kMax = 4.0e18;  // so that two of them can be added
  return static_cast<std::int64_t>(std::min(value, kMax));
}

std::int64_t parse_count(std::string_view text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end ? to_count(value) : 0;
}

// Consumes any value. nullopt for null; 0 for what is no count.
std::optional<std::int64_t> read_count(JsonReader& json, bool strings) {
  JsonKind kind{};
  if (!json.peek(kind)) return std::nullopt;
  switch (kind) {
    case JsonKind::kNumber:
      return to_count(parse_double(json.number()));
    case JsonKind::kString: {
      std::string text;
      append_decoded(text, json.string());
      return strings ? parse_count(text) : 0;
    }
    case JsonKind::kNull:
      json.null();
      return std::nullopt;
    default:
      json.skip();
      return 0;
  }
}

// `cached_tokens` of a details object; any other value is skipped.
std::optional<std::int64_t> read_cached(JsonReader& json) {
  JsonKind kind{};
  if (!json.peek(kind)) return std::nullopt;
  if (kind != JsonKind::kObject) {
    json.skip();
    return std::nullopt;
  }
  std::optional<std::int64_t> cached;
  std::string_view key;
  json.enter_object();
  while (json.next_member(key)) {
    if (key == "cached_tokens") {
      cached = read_count(json, true);
    } else {
      json.skip();
    }
  }
  return cached;
}

bool enter_object(JsonReader& json) {
  JsonKind kind{};
  return json.peek(kind) && kind == JsonKind::kObject && json.enter_object();
}

// True if a raw JSON value is this string.
bool is_string(std::string_view raw, std::string_view wanted) {
  JsonReader json(raw);
  JsonKind kind{};
  if (!json.peek(kind) || kind != JsonKind::kString) return false;
  std::string text;
  append_decoded(text, json.string());
  return text == wanted;
}

using Slot = UsageScanner::Slot;

std::optional<Usage> openai_document(const UsageScanner& document) {
  return read_openai_usage(document.value(Slot::kUsage));
}

std::optional<Usage> openai_event(const UsageScanner& event) {
  if (auto usage = read_openai_usage(event.value(Slot::kUsage))) return usage;
  if (!is_string(event.value(Slot::kType), "response.completed")) return std::nullopt;
  return read_openai_usage(event.value(Slot::kResponseUsage));
}

std::optional<Usage> anthropic_document(const UsageScanner& document) {
  return read_anthropic_usage(document.value(Slot::kUsage));
}

// The start tells the input, the deltas the output.
std::optional<Usage> anthropic_event(const UsageScanner& event) {
  const std::string_view type = event.value(Slot::kType);
  if (is_string(type, "message_start")) {
    auto usage = read_anthropic_usage(event.value(Slot::kMessageUsage));
    if (usage) {
      usage->completion_tokens = 0;
      usage->total_tokens = usage->prompt_tokens;
    }
    return usage;
  }
  if (!is_string(type, "message_delta")) return std::nullopt;
  const auto said = read_anthropic_usage(event.value(Slot::kUsage));
  if (!said) return std::nullopt;
  return Usage{
      .completion_tokens = said->completion_tokens, .total_tokens = said->completion_tokens, .cached_tokens = {}};
}

using Reader = std::optional<Usage> (*)(const UsageScanner&);

class JsonExtractor final : public UsageExtractor {
 public:
  explicit JsonExtractor(Reader reader) : reader_(reader) {}

  bool feed(std::string_view bytes) override {
    scanner_.feed(bytes);
    return false;
  }
  bool finish() override {
    if (scanner_.complete()) {
      if (const auto said = reader_(scanner_)) merge_usage(usage_.emplace(), *said);
    }
    return usage_.has_value();
  }

 private:
  Reader reader_;
  UsageScanner scanner_;
};

/// Lines end with LF, CRLF or CR; only `data:` lines count, each for itself, with or without a space after the colon.
class EventExtractor final : public UsageExtractor {
 public:
  EventExtractor(Reader reader, bool counts_events) : reader_(reader), counts_events_(counts_events) {}

  bool feed(std::string_view bytes) override;
  bool finish() override { return end_line(); }

 private:
  enum class Line : std::uint8_t { kField, kSpace, kData, kOther };
  static constexpr std::string_view kDataField = "data:";
  static constexpr std::string_view kTerminator = "[DONE]";

  void add_to_line(std::string_view bytes);
  bool end_line();

  Reader reader_;
  bool counts_events_;
  Line line_ = Line::kField;
  std::size_t field_matched_ = 0;
  std::size_t payload_size_ = 0;
  std::size_t terminator_matched_ = 0;
  UsageScanner scanner_;
};

std::size_t find_line_end(std::string_view bytes) {
  const std::size_t lf = bytes.find('\n');
  return std::min(lf, bytes.substr(0, lf).find('\r'));
}

bool EventExtractor::feed(std::string_view bytes) {
  bool observed = false;
  while (!bytes.empty()) {
    const std::size_t end = find_line_end(bytes);
    add_to_line(bytes.substr(0, end));
    if (end == std::string_view::npos) break;
    observed = end_line() || observed;
    bytes.remove_prefix(end + 1);
  }
  return observed;
}

void EventExtractor::add_to_line(std::string_view bytes) {
  while (line_ == Line::kField && !bytes.empty()) {
    if (bytes.front() != kDataField[field_matched_]) {
      line_ = Line::kOther;
      return;
    }
    if (++field_matched_ == kDataField.size()) line_ = Line::kSpace;
    bytes.remove_prefix(1);
  }
  if (line_ == Line::kOther || bytes.empty()) return;
  if (line_ == Line::kSpace) {
    line_ = Line::kData;
    scanner_.reset();
    if (bytes.front() == ' ') bytes.remove_prefix(1);
  }
  if (terminator_matched_ == payload_size_) {
    for (char c : bytes) {
      if (terminator_matched_ == kTerminator.size() || c != kTerminator[terminator_matched_]) break;
      ++terminator_matched_;
    }
  }
  payload_size_ += bytes.size();
  scanner_.feed(bytes);
}

bool EventExtractor::end_line() {
  const bool terminator = payload_size_ == kTerminator.size() && terminator_matched_ == payload_size_;
  const bool event = payload_size_ > 0 && !terminator;
  bool observed = false;
  if (event && counts_events_) ++streamed_events_;
  if (event && scanner_.complete()) {
    if (const auto said = reader_(scanner_)) {
      if (!usage_) usage_.emplace();
      merge_usage(*usage_, *said);
      observed = true;
    }
  }
  line_ = Line::kField;
  field_matched_ = 0;
  payload_size_ = 0;
  terminator_matched_ = 0;
  return observed;
}

class NullExtractor final : public UsageExtractor {
 public:
  bool feed(std::string_view) override { return false; }
  bool finish() override { return false; }
};

bool equal_ignoring_case(char a, char b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; };
  return lower(a) == lower(b);
}

}  // namespace

void merge_usage(Usage& into, const Usage& event) {
  if (event.prompt_tokens != 0) into.prompt_tokens = event.prompt_tokens;
  if (event.completion_tokens != 0) into.completion_tokens = event.completion_tokens;
  if (event.cached_tokens) into.cached_tokens = event.cached_tokens;
  const bool whole = event.prompt_tokens != 0 && event.completion_tokens != 0 && event.total_tokens != 0;
  into.total_tokens = whole ? event.total_tokens : into.prompt_tokens + into.completion_tokens;
}

std::optional<Usage> read_openai_usage(std::string_view usage_json) {
  JsonReader json(usage_json);
  if (!enter_object(json)) return std::nullopt;
  std::optional<std::int64_t> prompt, input, completion, output, total, prompt_cached, input_cached;
  std::string_view key;
  while (json.next_member(key)) {
    if (key == "prompt_tokens") {
      prompt = read_count(json, true);
    } else if (key == "input_tokens") {
      input = read_count(json, true);
    } else if (key == "completion_tokens") {
      completion = read_count(json, true);
    } else if (key == "output_tokens") {
      output = read_count(json, true);
    } else if (key == "total_tokens") {
      total = read_count(json, true);
    } else if (key == "prompt_tokens_details") {
      prompt_cached = read_cached(json);
    } else if (key == "input_tokens_details") {
      input_cached = read_cached(json);
    } else {
      json.skip();
    }
  }
  return Usage{.prompt_tokens = prompt ? *prompt : input.value_or(0),
               .completion_tokens = completion ? *completion : output.value_or(0),
               .total_tokens = total.value_or(0),
               .cached_tokens = input_cached ? input_cached : prompt_cached};
}

std::optional<Usage> read_anthropic_usage(std::string_view usage_json) {
  JsonReader json(usage_json);
  if (!enter_object(json)) return std::nullopt;
  Usage usage;
  std::string_view key;
  while (json.next_member(key)) {
    if (key == "input_tokens") {
      usage.prompt_tokens = read_count(json, false).value_or(0);
    } else if (key == "output_tokens") {
      usage.completion_tokens = read_count(json, false).value_or(0);
    } else if (key == "cache_read_input_tokens") {
      usage.cached_tokens = read_count(json, false);
    } else {
      json.skip();
    }
  }
  usage.total_tokens = usage.prompt_tokens + usage.completion_tokens;
  return usage;
}

bool is_event_stream(std::string_view content_type) {
  constexpr std::string_view kType = "text/event-stream";
  return std::search(content_type.begin(), content_type.end(), kType.begin(), kType.end(), equal_ignoring_case) !=
         content_type.end();
}

std::unique_ptr<UsageExtractor> make_openai_usage_extractor(ResponseFormat format) {
  if (format == ResponseFormat::kEventStream) return std::make_unique<EventExtractor>(openai_event, true);
  return std::make_unique<JsonExtractor>(openai_document);
}

std::unique_ptr<UsageExtractor> make_anthropic_usage_extractor(ResponseFormat format) {
  if (format == ResponseFormat::kEventStream) return std::make_unique<EventExtractor>(anthropic_event, false);
  return std::make_unique<JsonExtractor>(anthropic_document);
}

std::unique_ptr<UsageExtractor> make_null_usage_extractor() {
  return std::make_unique<NullExtractor>();
}

}  // namespace epp::request
