// A pull parser for the Prometheus text format 0.0.4.
//
//   # HELP vllm:num_requests_waiting Number of requests waiting.        comment, one HELP and one TYPE a family
//   # TYPE vllm:num_requests_waiting gauge
//   vllm:num_requests_waiting{engine="0",model_name="m"} 3 1700000000000
//   `-------- name ---------' `------- labels --------'  v `- ms, opt.-'
//
// The whole page is checked, but only the samples of wanted families are reported; steady use allocates nothing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace epp::scrape {

enum class FamilyType : std::uint8_t { kUntyped, kCounter, kGauge, kSummary, kHistogram };

enum class ParseMode : std::uint8_t {
  // One bad line fails the page, as the Go client's parser does with legacy names: no OpenMetrics types, exemplars or
  // float timestamps; every line, also the last, ends in a newline.
  kStrict,
  // A bad line is skipped and counted; OpenMetrics types count as untyped, float timestamps as seconds, exemplars are
  // ignored, and the last line needs no newline.
  kTolerant,
};

// The names of the families a reader is asked for. `x` also stands for x_bucket, x_sum and x_count where the page
// declares x a histogram or summary.
class FamilySelection {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  // Returns the family's index: 0, 1, 2, ...; the same again for a known name.
  std::uint32_t add(std::string_view name);
  // The index, or kNone.
  [[nodiscard]] std::uint32_t find(std::string_view name) const;
  [[nodiscard]] std::size_t size() const { return names_.size(); }
  [[nodiscard]] const std::string& name(std::uint32_t index) const { return names_[index]; }

 private:
  friend class PrometheusReader;
  [[nodiscard]] std::uint32_t find(std::uint64_t hash, std::string_view name) const;

  std::vector<std::string> names_;
  std::vector<std::uint64_t> hashes_;
};

// One sample. The views point into the page.
struct Sample {
  std::uint32_t family = 0;  // index in the selection; without one, families counted in order of appearance
  FamilyType type = FamilyType::kUntyped;
  std::string_view name;    // as written
  std::string_view labels;  // what stands between the braces, checked; see LabelCursor
  double value = 0;
  std::int64_t timestamp_ms = 0;
  bool has_timestamp = false;
};

// Walks the labels of a sample.
class LabelCursor {
 public:
  explicit LabelCursor(std::string_view labels) : rest_(labels) {}

  bool next();
  [[nodiscard]] std::string_view name() const { return name_; }
  [[nodiscard]] std::string_view raw_value() const { return raw_value_; }  // escapes not resolved

 private:
  std::string_view rest_;
  std::string_view name_;
  std::string_view raw_value_;
};

// True when the label value `raw` (escapes not resolved) means `value`.
[[nodiscard]] bool label_value_is(std::string_view raw, std::string_view value);
[[nodiscard]] std::string unescape_label_value(std::string_view raw);
// The raw value of label `name`.
[[nodiscard]] std::optional<std::string_view> find_label(std::string_view labels, std::string_view name);

// The number that a sample value or an le label stands for: Go's ParseFloat without hexadecimal. nullopt when it is
// none.
[[nodiscard]] std::optional<double> parse_float(std::string_view text);

struct ParseError {
  std::size_t line = 0;  // 1-based
  std::string message;

  [[nodiscard]] std::string text() const { return "line " + std::to_string(line) + ": " + message; }
};

// Keep one per thread and use it again: its tables stay.
class PrometheusReader {
 public:
  // More labels in one sample are an error.
  static constexpr std::size_t kMaxLabels = 256;

  // Begins a page; `page` and `wanted` must stay until the last next(). Without a selection every sample is reported.
  void start(std::string_view page, const FamilySelection* wanted, ParseMode mode = ParseMode::kStrict);
  // The next wanted sample, valid until the following call; nullptr at the end or at an error. In strict mode samples
  // that were returned before an error must be thrown away.
  const Sample* next();
  [[nodiscard]] const std::optional<ParseError>& error() const { return error_; }
  // Lines skipped in tolerant mode.
  [[nodiscard]] std::size_t bad_lines() const { return bad_lines_; }

 private:
  struct Family {
    const char* name = nullptr;
    std::uint32_t name_size = 0;
    std::uint32_t page = 0;  // entries of another page are free
    std::uint64_t hash = 0;
    std::uint32_t reported_as = 0;
    FamilyType type = FamilyType::kUntyped;
    bool has_help = false;
    bool has_type = false;
  };
  struct LabelSpan {
    const char* begin = nullptr;
    std::uint32_t name_size = 0;
    std::uint32_t size = 0;  // through the closing quote
  };
  enum class Line : std::uint8_t { kNothing, kSample, kBad };

  Line read_line();
  Line read_comment(const char* at);
  Line read_declaration(std::string_view keyword, const char* at, const char* end);
  Line read_sample(const char* at);
  const char* read_labels(const char* at);
  const char* read_label(const char* at, LabelSpan& span);
  const char* read_value(const char* at);
  const char* read_timestamp(const char* at);
  Line bad(std::string message);
  const char* fail(std::string message);
  void finish_with_error(const char* line);
  void begin_text(std::string_view text);

  Family& resolve(std::string_view name);
  Family* lookup(std::uint64_t hash, std::string_view name);
  Family& insert(std::uint64_t hash, std::string_view name);
  Family* base_family(std::string_view name, std::string_view suffix);
  void grow();

  const FamilySelection* wanted_ = nullptr;
  ParseMode mode_ = ParseMode::kStrict;
  std::string_view page_;
  std::string tail_;  // tolerant mode: the last line, completed
  bool in_tail_ = false;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  Sample sample_;
  std::optional<ParseError> error_;
  std::string message_;
  std::size_t bad_lines_ = 0;

  // The previous sample's name and labels: pages repeat them line after line, and what is equal needs no second check.
  std::string_view last_name_;
  std::uint32_t last_family_ = 0;
  std::array<LabelSpan, kMaxLabels> labels_;
  std::size_t label_count_ = 0;

  std::vector<Family> families_;  // open addressing, a power of two
  std::size_t family_count_ = 0;
  std::uint32_t page_number_ = 0;
};

}  // namespace epp::scrape
