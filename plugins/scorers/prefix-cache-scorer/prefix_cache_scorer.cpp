// prefix-cache-scorer: prefers endpoints that hold more of the prompt's prefix in their KV cache.
#include "../../common/prefix_match.h"

#include <epp/plugin.hpp>

#include <algorithm>

namespace {

class PrefixCacheScorer {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_AFFINITY;

  explicit PrefixCacheScorer(epp::sdk::Context& context) {
    const auto& parameters = context.parameters();
    const std::string producer = parameters.text("/prefixMatchInfoProducerName");
    using epp::builtin::prefix_match_key;
    match_ = context.require_i64(prefix_match_key(producer, EPP_FIELD_PREFIX_MATCH_BLOCKS));
    total_ = context.require_i64(prefix_match_key(producer, EPP_FIELD_PREFIX_TOTAL_BLOCKS));
    block_size_ = context.require_i64(prefix_match_key(producer, EPP_FIELD_PREFIX_BLOCK_SIZE));
    length_weight_ = parameters.number("/matchLengthWeight", 0);
    length_scale_ = parameters.number("/matchLengthScaleTokens", 8192);
    if (!(length_weight_ >= 0 && length_weight_ <= 1)) {
      throw epp::sdk::Error("matchLengthWeight must be in [0, 1]", EPP_ERR_BAD_REQUEST);
    }
    if (length_weight_ > 0 && !(length_scale_ > 0)) {
      throw epp::sdk::Error("matchLengthScaleTokens must be positive when matchLengthWeight is", EPP_ERR_BAD_REQUEST);
    }
  }

  // w * min(1, matched tokens / scale)^2 + (1 - w) * matched / total
  void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    const auto match = match_.of(request, candidates);
    const auto total = total_.of(request, candidates);
    const auto block_size = block_size_.of(request, candidates);
    for (uint32_t i = 0; i < scores.size(); ++i) {
      const int64_t matched_blocks = match.or_else(i, 0);
      if (matched_blocks == 0) continue;  // most, usually; scores begin as 0
      const auto matched = static_cast<double>(matched_blocks);
      const auto blocks = static_cast<double>(total.or_else(i, 0));
      if (blocks <= 0) continue;
      scores[i] = matched / blocks;
      if (length_weight_ > 0) {
        const double tokens = matched * static_cast<double>(block_size.or_else(i, 0));
        const double length = std::min(1.0, tokens / length_scale_);
        scores[i] = length_weight_ * length * length + (1 - length_weight_) * scores[i];
      }
    }
  }

 private:
  epp::sdk::I64Column match_;
  epp::sdk::I64Column total_;
  epp::sdk::I64Column block_size_;
  double length_weight_;
  double length_scale_;
};

constexpr std::string_view kSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "prefixMatchInfoProducerName": {
      "type": "string", "default": "",
      "description": "The prefix producer instance to read; empty: approx-prefix-cache-producer."
    },
    "matchLengthWeight": {
      "type": "number", "minimum": 0, "maximum": 1, "default": 0,
      "description": "Share of the score that rewards long matches rather than complete ones."
    },
    "matchLengthScaleTokens": {
      "type": "integer", "default": 8192,
      "description": "Matched tokens at which the length part of the score is full."
    }
  }
})json";

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<PrefixCacheScorer>({
                     .name = "prefix-cache-scorer",
                     .description = "Prefers endpoints that hold more of the prompt's prefix",
                     .parameters_schema = kSchema,
                 }),
                 epp::sdk::type<PrefixCacheScorer>({
                     .name = "multicluster-prefix-cache-scorer",
                     .description = "prefix-cache-scorer over clusters",
                     .parameters_schema = kSchema,
                     .stability = EPP_STABILITY_ALPHA,
                 }))
