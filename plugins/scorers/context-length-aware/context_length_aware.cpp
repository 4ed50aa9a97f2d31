// context-length-aware: sends prompts to the endpoints that are meant for their length, as told by a label "min-max" in
// tokens. Scores, and also filters if asked to.
#include "../../common/text.h"
#include "../../common/tokens.h"

#include <epp/plugin.hpp>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

namespace {

struct LengthRange {
  int64_t min;
  int64_t max;
  bool contains(int64_t length) const { return min <= length && length <= max; }
  int64_t distance(int64_t length) const { return length < min ? min - length : length - max; }
};

std::optional<int64_t> digits(std::string_view text) {
  text = epp::builtin::trim(text);
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "0-2048"
std::optional<LengthRange> parse_range(std::string_view text) {
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto min = digits(text.substr(0, dash));
  const auto max = digits(text.substr(dash + 1));
  if (!min || !max || *min > *max) return std::nullopt;
  return LengthRange{*min, *max};
}

class ContextLengthAware {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_AFFINITY;
  static constexpr double kNoLabelScore = 0.5;
  static constexpr double kMissLimit = 0.3;  // what fits scores at least this, what does not at most

  explicit ContextLengthAware(epp::sdk::Context& context)
      : prompt_(context),
        label_(context.parameters().text("/label", "llm-d.ai/context-length-range")),
        filtering_(context.parameters().boolean("/enableFiltering", false)) {
    if (label_.empty()) throw epp::sdk::Error("label must not be empty", EPP_ERR_BAD_REQUEST);
  }

  void filter(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, epp::sdk::Kept& kept) const {
    if (!filtering_) return kept.keep_all(candidates);
    const int64_t length = prompt_length(request);
    kept.keep_if(candidates, [&](uint32_t i) {
      const std::string_view text = epp::sdk::label(candidates.endpoint(i), label_);
      if (text.data() == nullptr) return true;
      const auto range = parse_range(text);
      return range && range->contains(length);
    });
  }

  void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    const int64_t length = prompt_length(request);
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      const std::string_view text = epp::sdk::label(candidates.endpoint(i), label_);
      if (text.data() == nullptr) {
        scores[i] = kNoLabelScore;
      } else if (const auto range = parse_range(text)) {
        scores[i] = range_score(*range, length);
      }
    }
  }

 private:
  int64_t prompt_length(const epp::sdk::Request& request) const {
    return static_cast<int64_t>(prompt_.tokens(request).size());
  }

  // Inside: narrow ranges and room above the prompt are better. Outside: the nearer, the better.
  static double range_score(const LengthRange& range, int64_t length) {
    if (!range.contains(length)) return kMissLimit / (1 + static_cast<double>(range.distance(length)) / 1000);
    const auto width = static_cast<double>(range.max - range.min);
    if (width <= 0) return 1.0;
    const double narrow = 1 / (1 + width / 10000);
    const double room = static_cast<double>(range.max - length) / width;
    return kMissLimit + (1 - kMissLimit) * (0.7 * narrow + 0.3 * room);
  }

  epp::builtin::TokenizedPrompt prompt_;
  std::string label_;
  bool filtering_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<ContextLengthAware>({
    .name = "context-length-aware",
    .description = "Matches prompts with endpoints labelled for their length",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "label": {
          "type": "string", "default": "llm-d.ai/context-length-range",
          "description": "Label with the range of prompt lengths, \"min-max\" in tokens."
        },
        "enableFiltering": {
          "type": "boolean", "default": false,
          "description": "Drop endpoints whose range does not contain the prompt's length."
        }
      }
    })json",
}))
