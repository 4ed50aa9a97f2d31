#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace epp::request {

/// Tokens that a model server says a request cost.
struct Usage {
  std::int64_t prompt_tokens = 0;
  std::int64_t completion_tokens = 0;
  std::int64_t total_tokens = 0;
  std::optional<std::int64_t> cached_tokens;  ///< of the prompt tokens; absent if the server said nothing

  bool operator==(const Usage&) const = default;
};

/// Adds what one event said to what earlier ones said: prompt and completion replace when not zero, cached when
/// present; total is the event's own if it has all three counts, else accumulated prompt + completion.
void merge_usage(Usage& into, const Usage& event);

/// Usage of a raw OpenAI `usage` value; nullopt if it is no object. Counts are numbers or numeric strings, anything
/// else counts as 0; total is not derived.
std::optional<Usage> read_openai_usage(std::string_view usage_json);

/// Usage of a raw Anthropic `usage` value; nullopt if it is no object. total = input + output.
std::optional<Usage> read_anthropic_usage(std::string_view usage_json);

/// True if a response with this content type is a server-sent event stream.
bool is_event_stream(std::string_view content_type);

enum class ResponseFormat : std::uint8_t { kJson, kEventStream };

/// Reads usage out of one response while its bytes pass by. Chunks may be cut anywhere: the result is the same as for
/// the whole response at once. Memory is bounded (a few dozen KiB) whatever the response holds. Owned by one stream;
/// not thread-safe.
///
/// A server may repeat usage in every event (`continuous_usage_stats`), so metrics are observed once, from usage()
/// after finish().
class UsageExtractor {
 public:
  virtual ~UsageExtractor() = default;

  /// Takes the next bytes; true if they completed an event that carries usage.
  virtual bool feed(std::string_view bytes) = 0;
  /// The response has ended; true if that completed usage (always so for JSON). No feed() may follow.
  virtual bool finish() = 0;

  /// All usage so far, merged; nullopt if there was none.
  const std::optional<Usage>& usage() const { return usage_; }
  /// Data events so far, without the terminator `[DONE]` and empty ones. Always 0 for JSON and Anthropic.
  std::uint64_t streamed_events() const { return streamed_events_; }

 protected:
  std::optional<Usage> usage_;
  std::uint64_t streamed_events_ = 0;
};

std::unique_ptr<UsageExtractor> make_openai_usage_extractor(ResponseFormat format);
std::unique_ptr<UsageExtractor> make_anthropic_usage_extractor(ResponseFormat format);
/// Sees nothing.
std::unique_ptr<UsageExtractor> make_null_usage_extractor();

}  // namespace epp::request
