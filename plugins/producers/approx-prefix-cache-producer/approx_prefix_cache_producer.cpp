// approx-prefix-cache-producer: guesses which endpoints hold which prompt prefixes from where earlier requests went.
//
// Per endpoint it remembers the block hashes of the prompts that were sent there, as many as the server's cache is
// thought to hold. A request matches the leading blocks that an endpoint remembers without a gap.
#include "../../common/prefix_hash.h"
#include "../../common/prefix_match.h"
#include "../../common/state_pool.h"
#include "../../common/text.h"
#include "../../common/tokens.h"
#include "prefix_index.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace {

using epp::builtin::PrefixChains;
using epp::builtin::PrefixIndex;

// Histograms and gauge under their present and their older, unlabelled name.
class PrefixMetrics {
 public:
  explicit PrefixMetrics(epp::sdk::Context& context) {
    static constexpr double kRatios[] = {0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1};
    static constexpr double kBytes[] = {0, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};
    const std::initializer_list<std::string_view> labels = {"plugin_name", "plugin_type"};
    const auto& host = context.host();
    const auto name = context.name();
    const auto type = context.type();
    size_ = {
        host.gauge("llm_d_epp_prefix_indexer_size", "[ALPHA] Size of the prefix indexer.", labels).series({name, type}),
        host.gauge("inference_extension_prefix_indexer_size",
                   "[ALPHA] [Deprecated: Use llm_d_epp_prefix_indexer_size] Size of the prefix indexer.", {})
            .series({})};
    ratio_ = {host.histogram("llm_d_epp_prefix_indexer_hit_ratio",
                             "[ALPHA] Ratio of prefix length matched to total prefix length in the cache lookup.",
                             labels, kRatios)
                  .series({name, type}),
              host.histogram("inference_extension_prefix_indexer_hit_ratio",
                             "[ALPHA] [Deprecated: Use llm_d_epp_prefix_indexer_hit_ratio] Ratio of prefix length "
                             "matched to total prefix length in the cache lookup.",
                             {}, kRatios)
                  .series({})};
    bytes_ = {
        host.histogram("llm_d_epp_prefix_indexer_hit_bytes",
                       "[ALPHA] Length of the prefix match in number of bytes in the cache lookup.", labels, kBytes)
            .series({name, type}),
        host.histogram("inference_extension_prefix_indexer_hit_bytes",
                       "[ALPHA] [Deprecated: Use llm_d_epp_prefix_indexer_hit_bytes] Length of the prefix match "
                       "in number of bytes in the cache lookup.",
                       {}, kBytes)
            .series({})};
  }

  void set_size(double entries) const {
    size_.first.set(entries);
    size_.second.set(entries);
  }
  // A block counts as block_size tokens of four bytes.
  void observe_match(int64_t matched, int64_t total, int64_t block_size) const {
    const auto bytes = static_cast<double>(matched * block_size * 4);
    bytes_.first.observe(bytes);
    bytes_.second.observe(bytes);
    if (total <= 0) return;
    const double ratio = static_cast<double>(matched) / static_cast<double>(total);
    ratio_.first.observe(ratio);
    ratio_.second.observe(ratio);
  }

 private:
  using Twins = std::pair<epp::sdk::Series, epp::sdk::Series>;
  Twins size_, ratio_, bytes_;
};

class ApproxPrefixCacheProducer {
 public:
  // Whatever the configuration or the server says: smaller blocks would cost more than their precision is worth.
  static constexpr int64_t kMinBlockSize = 64;

  explicit ApproxPrefixCacheProducer(epp::sdk::Context& context)
      : prompt_(context),
        server_block_size_(context.optional_f64(EPP_KEY_CACHE_BLOCK_SIZE)),
        server_blocks_(context.optional_f64(EPP_KEY_CACHE_NUM_BLOCKS)),
        match_(declare(context, EPP_FIELD_PREFIX_MATCH_BLOCKS)),
        total_(declare(context, EPP_FIELD_PREFIX_TOTAL_BLOCKS)),
        block_size_(declare(context, EPP_FIELD_PREFIX_BLOCK_SIZE)),
        cached_(declare(context, EPP_FIELD_PREFIX_CACHED_BLOCKS)),
        metrics_(context) {
    read_parameters(context);
    size_timer_.emplace(context.host(), kSizePeriodNs, kSizePeriodNs, [this] { publish_size(); });
  }

  void produce(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates) {
    if (candidates.empty()) return;
    State& state = states_.of(request);
    state.block_size = effective_block_size(request, candidates);
    hash_prompts(request, state);

    // Mostly all endpoints are candidates, whose slots then follow each other.
    const bool consecutive = candidates.consecutive();
    const auto fill = [&](int64_t* column, int64_t value) {
      if (consecutive) {
        std::fill_n(column + candidates.slot(0), candidates.size(), value);
      } else {
        for (const uint32_t slot : candidates.slots())
          column[slot] = value;
      }
    };
    int64_t* match = match_.write(request, candidates);
    int64_t* cached = cached_.write(request, candidates);
    fill(total_.write(request, candidates), static_cast<int64_t>(state.chains.hashes.size()));
    fill(block_size_.write(request, candidates), state.block_size);
    fill(match, 0);
    fill(cached, 0);
    state.matches.clear();
    index_.find_holders(state.chains, state.holders);
    if (state.holders.empty()) return;
    const PrefixIndex::Reading reading(index_);
    const auto look_at = [&](const epp_endpoint& endpoint) {
      const int64_t blocks = reading.match(endpoint, state.chains);
      match[endpoint.slot] = cached[endpoint.slot] = blocks;
      if (blocks != 0) state.matches.push_back({endpoint.slot, blocks});
    };
    if (consecutive) {
      state.holders.for_each_between(candidates.slot(0), candidates.slot(0) + candidates.size(),
                                     [&](uint32_t slot) { look_at(*candidates.endpoint_at_slot(slot)); });
    } else {
      for (uint32_t i = 0; i < candidates.size(); ++i) {
        if (state.holders.contains(candidates.slot(i))) look_at(candidates.endpoint(i));
      }
    }
  }

  // Recorded before the request leaves, so that an equal one right behind it already matches.
  void pre_request(const epp::sdk::Request& request, const epp::sdk::Results& results) {
    const State* state = states_.find(request);
    if (state == nullptr) return;
    const epp_endpoint* primary = results.first_target(results.primary());
    if (primary != nullptr) {
      metrics_.observe_match(state->match_of(primary->slot), static_cast<int64_t>(state->chains.hashes.size()),
                             state->block_size);
      record(request, *state, *primary);
    }
    if (const epp_profile_result* prefill = results.find("prefill"); prefill != nullptr) {
      const epp_endpoint* target = results.first_target(*prefill);
      if (target != nullptr && target != primary) record(request, *state, *target);
    }
    request.drop_state();
  }

  void on_endpoint_added(const epp_endpoint& endpoint) { index_.add(endpoint); }
  void on_endpoint_removed(const epp_endpoint& endpoint) { index_.remove(endpoint); }

  // The fullest endpoints first.
  std::string dump_state() const {
    constexpr size_t kMaxPods = 100;
    auto sizes = index_.sizes();
    std::sort(sizes.begin(), sizes.end(), [](const auto& a, const auto& b) {
      return a.blocks != b.blocks ? a.blocks > b.blocks : a.endpoint < b.endpoint;
    });
    std::string out = "{\"pods\":[";
    for (size_t i = 0; i < sizes.size() && i < kMaxPods; ++i) {
      if (i != 0) out += ',';
      out += "{\"pod\":" + epp::builtin::json_quote(sizes[i].endpoint) +
             ",\"blocks\":" + std::to_string(sizes[i].blocks) + '}';
    }
    return out + "],\"totalPods\":" + std::to_string(sizes.size()) + ",\"maxPods\":" + std::to_string(kMaxPods) + '}';
  }

 private:
  static constexpr uint64_t kSizePeriodNs = 1'000'000'000;

  struct Match {
    uint32_t slot;
    int64_t blocks;
  };
  // Kept from produce to pre-request.
  struct State {
    PrefixChains chains;
    int64_t block_size = 0;
    epp::builtin::SlotBits holders;
    std::vector<Match> matches;  // of those that match anything

    int64_t match_of(uint32_t slot) const {
      const auto at = std::find_if(matches.begin(), matches.end(), [slot](const Match& m) { return m.slot == slot; });
      return at != matches.end() ? at->blocks : 0;
    }
  };

  static epp::sdk::I64Column declare(epp::sdk::Context& context, std::string_view field) {
    return context.produce_i64(epp::builtin::prefix_match_key(context.name(), field));
  }

  void read_parameters(epp::sdk::Context& context) {
    const auto& parameters = context.parameters();
    constexpr int64_t kDefaultBlockSize = 16;
    auto_tune_ = parameters.boolean("/autoTune", true);
    configured_block_size_ = parameters.integer("/blockSizeTokens", kDefaultBlockSize);
    if (configured_block_size_ == kDefaultBlockSize && parameters.has("/blockSize")) {
      configured_block_size_ = parameters.integer("/blockSize", kDefaultBlockSize);
    }
    max_tokens_ = parameters.integer("/maxPrefixTokensToMatch", 131072);
    max_blocks_ = parameters.integer("/maxPrefixBlocksToMatch", 2048);
    configured_capacity_ = parameters.integer("/lruCapacityPerServer", kDefaultCapacity);
    if (configured_capacity_ <= 0) configured_capacity_ = kDefaultCapacity;

    using epp::sdk::Error;
    if (!auto_tune_ && configured_block_size_ <= 0) {
      throw Error("blockSizeTokens must be positive when autoTune is false", EPP_ERR_BAD_REQUEST);
    }
    if (max_tokens_ < 0) throw Error("maxPrefixTokensToMatch must be >= 0", EPP_ERR_BAD_REQUEST);
    if (parameters.has("/blockSizeTokens") && configured_block_size_ < kMinBlockSize) {
      context.host().log(EPP_LEVEL_INFO, "blockSizeTokens is below the smallest effective block size",
                         {epp::sdk::field("blockSizeTokens", static_cast<double>(configured_block_size_)),
                          epp::sdk::field("effective", static_cast<double>(kMinBlockSize))});
    }
  }

  int64_t effective_block_size(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates) const {
    int64_t size = configured_block_size_;
    if (auto_tune_) {
      const double reported = server_block_size_.of(request, candidates).or_else(0, 0);
      if (reported >= 1) size = static_cast<int64_t>(reported);
    }
    return std::max(size, kMinBlockSize);
  }

  size_t max_blocks_per_prompt(int64_t block_size) const {
    if (max_tokens_ > 0) return static_cast<size_t>(max_tokens_ / block_size);
    return max_blocks_ > 0 ? static_cast<size_t>(max_blocks_) : std::numeric_limits<size_t>::max();
  }

  void hash_prompts(const epp::sdk::Request& request, State& state) const {
    state.chains.clear();
    const uint64_t seed = epp::builtin::prefix_seed(request.target_model(), prompt_.cache_salt(request));
    const size_t max_blocks = max_blocks_per_prompt(state.block_size);
    prompt_.for_each_prompt(request, [&](std::span<const uint32_t> tokens) {
      epp::builtin::append_prefix_hashes(seed, tokens, static_cast<size_t>(state.block_size), max_blocks,
                                         state.chains.hashes);
      state.chains.ends.push_back(state.chains.hashes.size());
    });
  }

  uint32_t capacity(double server_blocks) const {
    const double wanted = auto_tune_ && server_blocks >= 1 ? server_blocks : static_cast<double>(configured_capacity_);
    return static_cast<uint32_t>(std::min(wanted, 4e9));
  }

  void record(const epp::sdk::Request& request, const State& state, const epp_endpoint& target) {
    const double server_blocks = server_blocks_.at(request, target);
    index_.record(target, state.chains, capacity(server_blocks));
  }

  void publish_size() const {
    size_t entries = 0;
    for (const auto& size : index_.sizes())
      entries += size.blocks;
    metrics_.set_size(static_cast<double>(entries));
  }

  static constexpr int64_t kDefaultCapacity = 31250;

  epp::builtin::TokenizedPrompt prompt_;
  epp::sdk::F64Column server_block_size_;
  epp::sdk::F64Column server_blocks_;
  epp::sdk::I64Column match_;
  epp::sdk::I64Column total_;
  epp::sdk::I64Column block_size_;
  epp::sdk::I64Column cached_;
  PrefixMetrics metrics_;
  epp::builtin::StatePool<State> states_;
  bool auto_tune_ = true;
  int64_t configured_block_size_ = 0;
  int64_t max_tokens_ = 0;
  int64_t max_blocks_ = 0;
  int64_t configured_capacity_ = 0;
  PrefixIndex index_;
  std::optional<epp::sdk::Timer> size_timer_;  // last: stops before the index goes
};

constexpr std::string_view kSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "autoTune": {
      "type": "boolean", "default": true,
      "description": "Take block size and capacity from the servers' metrics where they report them."
    },
    "blockSizeTokens": {
      "type": "integer", "default": 16,
      "description": "Tokens per block; raised to at least 64."
    },
    "blockSize": {"type": "integer", "description": "Deprecated: blockSizeTokens."},
    "maxPrefixTokensToMatch": {
      "type": "integer", "default": 131072,
      "description": "Tokens of a prompt that are looked at; 0: maxPrefixBlocksToMatch decides."
    },
    "maxPrefixBlocksToMatch": {
      "type": "integer", "default": 2048,
      "description": "Blocks of a prompt that are looked at when maxPrefixTokensToMatch is 0; 0: all."
    },
    "lruCapacityPerServer": {
      "type": "integer", "default": 31250,
      "description": "Blocks remembered per endpoint that does not report its own number."
    }
  }
})json";

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<ApproxPrefixCacheProducer>({
                     .name = "approx-prefix-cache-producer",
                     .description = "Estimates prompt prefix cache hits from where earlier requests went",
                     .parameters_schema = kSchema,
                     .default_keys = {EPP_KEY_PREFIX_MATCH},
                 }),
                 epp::sdk::type<ApproxPrefixCacheProducer>({
                     .name = "multicluster-approx-prefix-cache-producer",
                     .description = "approx-prefix-cache-producer over clusters",
                     .parameters_schema = kSchema,
                     .stability = EPP_STABILITY_ALPHA,
                 }))
