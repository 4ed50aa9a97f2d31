// no-hit-lru-scorer: spreads requests that no cache can help over the endpoints that got such a request longest ago, so
// that new prefixes do not pile up on one of them.
#include "../../common/prefix_match.h"
#include "../../common/text.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace {

// Endpoints in the order of their last cold request, at most `capacity`. [concurrent]
class ColdOrder {
 public:
  explicit ColdOrder(size_t capacity) : capacity_(capacity) {}

  void use(const epp_endpoint& endpoint) {
    const std::lock_guard lock(mutex_);
    erase(endpoint.uid);
    if (order_.size() >= capacity_) erase(order_.front().second);
    order_.emplace_back(++clock_, endpoint.uid);
    used_[endpoint.uid] = {clock_, std::string(epp::sdk::view(endpoint.id))};
  }

  void forget(uint64_t uid) {
    const std::lock_guard lock(mutex_);
    erase(uid);
  }

  // 0 is the one used longest ago; nullopt for endpoints that were not used.
  std::vector<std::optional<size_t>> positions(const epp::sdk::Candidates& candidates) const {
    std::vector<std::optional<size_t>> out(candidates.size());
    const std::lock_guard lock(mutex_);
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      const auto used = used_.find(candidates.endpoint(i).uid);
      if (used != used_.end()) out[i] = position(used->second.time);
    }
    return out;
  }

  // Ids, the one used longest ago first.
  std::vector<std::string> ids() const {
    std::vector<std::string> out;
    const std::lock_guard lock(mutex_);
    out.reserve(order_.size());
    for (const auto& [time, uid] : order_)
      out.push_back(used_.at(uid).id);
    return out;
  }

 private:
  struct Use {
    uint64_t time;
    std::string id;
  };

  size_t position(uint64_t time) const {
    const auto at = std::lower_bound(order_.begin(), order_.end(), time,
                                     [](const auto& entry, uint64_t wanted) { return entry.first < wanted; });
    return static_cast<size_t>(at - order_.begin());
  }
  void erase(uint64_t uid) {
    const auto used = used_.find(uid);
    if (used == used_.end()) return;
    order_.erase(order_.begin() + static_cast<ptrdiff_t>(position(used->second.time)));
    used_.erase(used);
  }

  size_t capacity_;
  mutable std::mutex mutex_;
  uint64_t clock_ = 0;                                // counts uses
  std::vector<std::pair<uint64_t, uint64_t>> order_;  // time, uid; ascending
  std::unordered_map<uint64_t, Use> used_;            // by uid
};

class NoHitLruScorer {
 public:
  static constexpr uint32_t kCategory = EPP_SCORER_DISTRIBUTION;
  static constexpr double kWarmScore = 0.5;

  explicit NoHitLruScorer(epp::sdk::Context& context)
      : match_(context.require_i64(epp::builtin::prefix_match_key(
            context.parameters().text("/prefixMatchInfoProducerName"), EPP_FIELD_PREFIX_MATCH_BLOCKS))),
        order_(capacity(context.parameters().integer("/lruSize", 0))) {}

  void score(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    const bool cold = is_cold(request, candidates);
    request.state<State>().cold = cold;
    if (cold) {
      score_cold(candidates, scores);
    } else {
      std::fill(scores.begin(), scores.end(), kWarmScore);
    }
  }

  void pre_request(const epp::sdk::Request& request, const epp::sdk::Results& results) {
    const State* state = request.find_state<State>();
    if (state == nullptr || !state->cold) return;
    if (const epp_endpoint* target = results.first_target(results.primary())) order_.use(*target);
    const epp_profile_result* prefill = results.find("prefill");
    if (prefill == nullptr) return;
    if (const epp_endpoint* target = results.first_target(*prefill)) order_.use(*target);
  }

  void on_endpoint_added(const epp_endpoint&) {}
  void on_endpoint_removed(const epp_endpoint& endpoint) { order_.forget(endpoint.uid); }

  std::string dump_state() const {
    constexpr size_t kMaxEndpoints = 100;
    const auto ids = order_.ids();
    std::string out = "{\"endpoints\":[";
    for (size_t i = 0; i < ids.size() && i < kMaxEndpoints; ++i) {
      if (i != 0) out += ',';
      out += epp::builtin::json_quote(ids[i]);
    }
    return out + "],\"totalEndpoints\":" + std::to_string(ids.size()) +
           ",\"maxEndpoints\":" + std::to_string(kMaxEndpoints) + '}';
  }

 private:
  struct State {
    bool cold = false;
  };

  static size_t capacity(int64_t configured) {
    constexpr size_t kDefault = 1024;
    return configured > 0 ? static_cast<size_t>(configured) : kDefault;
  }

  bool is_cold(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates) const {
    const auto match = match_.of(request, candidates);
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      if (match.or_else(i, 0) > 0) return false;
    }
    return true;
  }

  // Never used endpoints first, in input order, then by age: 1 for the first, 0 for the last.
  void score_cold(const epp::sdk::Candidates& candidates, std::span<double> scores) const {
    const auto positions = order_.positions(candidates);
    const auto unused = static_cast<size_t>(std::count(positions.begin(), positions.end(), std::nullopt));
    const auto last = static_cast<double>(std::max<uint32_t>(candidates.size(), 2) - 1);
    size_t seen_unused = 0;
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      const size_t rank = positions[i] ? unused + *positions[i] : seen_unused++;
      scores[i] = candidates.size() == 1 ? 1.0 : std::max(0.0, 1 - static_cast<double>(rank) / last);
    }
  }

  epp::sdk::I64Column match_;
  ColdOrder order_;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<NoHitLruScorer>({
    .name = "no-hit-lru-scorer",
    .description = "Spreads requests without a cache hit over the endpoints used longest ago",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "lruSize": {
          "type": "integer", "default": 1024,
          "description": "Endpoints to remember; 0 and less mean the default."
        },
        "prefixMatchInfoProducerName": {
          "type": "string", "default": "",
          "description": "The prefix producer instance to read; empty: approx-prefix-cache-producer."
        },
        "prefixPluginType": {"type": "string", "description": "Deprecated and ignored."},
        "prefixPluginName": {"type": "string", "description": "Deprecated and ignored."}
      }
    })json",
}))
