// inflight-load-producer: counts the requests and prompt tokens that this router has under way on every endpoint.
//
//   produce            how many tokens the request would add to each candidate, what its cache holds taken off
//   pre-request        request and tokens are added to the first target of every profile
//   first chunk        the prompt is processed: its tokens are given back, and the prefill endpoint's request too
//   response-complete  everything left is given back, however the request ended
#include "../../common/prefix_match.h"
#include "../../common/text.h"
#include "../../common/tokens.h"

#include <epp/plugin.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace {

constexpr std::string_view kPrefillProfile = "prefill";

// The gauges' series: one per endpoint, fairness id and priority. Clients choose fairness ids, so series without load
// are dropped once there are many, and with their endpoint. [concurrent]
class LoadGauges {
 public:
  explicit LoadGauges(epp::sdk::Context& context) : producer_(context.name()) {
    const std::initializer_list<std::string_view> labels = {"endpoint_name", "namespace", "producer_name",
                                                            "fairness_id", "priority"};
    requests_ = context.host().gauge("llm_d_epp_inflight_requests",
                                     "[ALPHA] Requests in flight per endpoint, as counted by this router.", labels);
    tokens_ = context.host().gauge("llm_d_epp_inflight_tokens",
                                   "[ALPHA] Tokens in flight per endpoint, as counted by this router.", labels);
  }

  struct Load {
    uint64_t uid = 0;  // of the endpoint that has the name now
    bool endpoint_gone = false;
    int64_t requests = 0;
    int64_t tokens = 0;
    epp::sdk::Series request_series;
    epp::sdk::Series token_series;
    bool idle() const { return requests == 0 && tokens == 0; }
  };
  // As the labels: endpoint id, fairness id, priority. An endpoint that comes back under its name has its series again.
  using Key = std::tuple<std::string, std::string, int32_t>;
  using Entry = std::map<Key, Load>::iterator;

  // The entry stays until remove() has taken all of its load.
  Entry add(const epp_endpoint& endpoint, const epp::sdk::Request& request, int64_t tokens) {
    const std::lock_guard lock(mutex_);
    using epp::sdk::view;
    const auto [entry, fresh] =
        loads_.try_emplace(Key(view(endpoint.id), std::string(request.fairness_id()), request.priority()));
    Load& load = entry->second;
    load.uid = endpoint.uid;
    load.endpoint_gone = false;
    if (fresh) {
      const std::string priority = std::to_string(request.priority());
      const auto series = [&](const epp::sdk::Family& family) {
        return family.series(
            {view(endpoint.name), view(endpoint.name_space), producer_, request.fairness_id(), priority});
      };
      load.request_series = series(requests_);
      load.token_series = series(tokens_);
    }
    change(entry, 1, tokens);
    if (loads_.size() > sweep_at_) sweep();
    return entry;
  }

  void remove(Entry entry, int64_t requests, int64_t tokens) {
    const std::lock_guard lock(mutex_);
    change(entry, -requests, -tokens);
    if (entry->second.idle() && entry->second.endpoint_gone) erase(entry);
  }

  void forget_endpoint(uint64_t uid) {
    const std::lock_guard lock(mutex_);
    for (auto at = loads_.begin(); at != loads_.end();) {
      const auto entry = at++;
      if (entry->second.uid != uid) continue;
      entry->second.endpoint_gone = true;
      if (entry->second.idle()) erase(entry);
    }
  }

  // Load by endpoint id.
  std::map<std::string, std::pair<int64_t, int64_t>> by_endpoint() const {
    std::map<std::string, std::pair<int64_t, int64_t>> out;
    const std::lock_guard lock(mutex_);
    for (const auto& [key, load] : loads_) {
      if (load.endpoint_gone) continue;
      auto& [requests, tokens] = out[std::get<0>(key)];
      requests += load.requests;
      tokens += load.tokens;
    }
    return out;
  }

 private:
  static constexpr size_t kManySeries = 4096;

  static void change(Entry entry, int64_t requests, int64_t tokens) {
    Load& load = entry->second;
    load.requests += requests;
    load.tokens += tokens;
    load.request_series.set(static_cast<double>(load.requests));
    load.token_series.set(static_cast<double>(load.tokens));
  }
  void erase(Entry entry) {
    requests_.remove(entry->second.request_series);
    tokens_.remove(entry->second.token_series);
    loads_.erase(entry);
  }
  void sweep() {
    for (auto at = loads_.begin(); at != loads_.end();) {
      const auto entry = at++;
      if (entry->second.idle()) erase(entry);
    }
    sweep_at_ = std::max(kManySeries, 2 * loads_.size());
  }

  std::string producer_;
  epp::sdk::Family requests_;
  epp::sdk::Family tokens_;
  mutable std::mutex mutex_;
  std::map<Key, Load> loads_;
  size_t sweep_at_ = kManySeries;
};

class InflightLoadProducer {
 public:
  explicit InflightLoadProducer(epp::sdk::Context& context)
      : host_(context.host()),
        prompt_(context),
        match_(prefix(context, EPP_FIELD_PREFIX_MATCH_BLOCKS)),
        total_(prefix(context, EPP_FIELD_PREFIX_TOTAL_BLOCKS)),
        block_size_(prefix(context, EPP_FIELD_PREFIX_BLOCK_SIZE)),
        requests_(context.produce_live(
            epp::sdk::data_key(EPP_KEY_INFLIGHT_LOAD_TYPE, context.name(), EPP_FIELD_INFLIGHT_REQUESTS))),
        tokens_(context.produce_live(
            epp::sdk::data_key(EPP_KEY_INFLIGHT_LOAD_TYPE, context.name(), EPP_FIELD_INFLIGHT_TOKENS))),
        uncached_(context.produce_i64(
            epp::sdk::data_key(EPP_KEY_UNCACHED_TOKENS_TYPE, context.name(), EPP_FIELD_UNCACHED_TOKENS))),
        gauges_(context) {
    const auto& parameters = context.parameters();
    with_output_ = parameters.boolean("/addEstimatedOutputTokens", false);
    output_ratio_ = parameters.number("/outputRatio", 1.5);
    max_output_ = parameters.integer("/maxEstimatedOutputTokens", std::numeric_limits<int64_t>::max());
    using epp::sdk::Error;
    if (output_ratio_ < 0) throw Error("outputRatio must be >= 0", EPP_ERR_BAD_REQUEST);
    if (max_output_ < 0) throw Error("maxEstimatedOutputTokens must be >= 0", EPP_ERR_BAD_REQUEST);
  }

  void produce(const epp::sdk::Request& request, const epp::sdk::Candidates& candidates) const {
    const auto input = static_cast<int64_t>(prompt_.tokens(request).size());
    const auto match = match_.of(request, candidates);
    const auto total = total_.of(request, candidates);
    const auto block_size = block_size_.of(request, candidates);
    int64_t* uncached = uncached_.write(request, candidates);
    auto& state = request.state<State>();
    state.output = output_tokens(input, request.max_output_tokens());
    state.uncached.clear();
    state.uncached.reserve(candidates.size());
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      const int64_t tokens = uncached_tokens(input, match.or_else(i, 0), total.or_else(i, 0), block_size.or_else(i, 0));
      uncached[candidates.slot(i)] = tokens;
      state.uncached.emplace_back(candidates.slot(i), tokens);
    }
  }

  void pre_request(const epp::sdk::Request& request, const epp::sdk::Results& results) {
    auto& state = request.state<State>();
    state.held.reserve(results.size());
    for (uint32_t i = 0; i < results.size(); ++i) {
      const epp_endpoint* target = results.first_target(results[i]);
      if (target == nullptr) continue;
      const int64_t tokens = state.cost(target->slot);
      requests_.add(host_, *target, 1);
      tokens_.add(host_, *target, tokens);
      const bool prefill = epp::sdk::view(results[i].name) == kPrefillProfile;
      state.held.push_back({target->slot, target->uid, 1, tokens, prefill, gauges_.add(*target, request, tokens)});
    }
    state.uncached = {};
  }

  // The first chunk says that the prompt has been processed.
  void on_response_body(const epp::sdk::Request& request, const epp_response&, std::span<const uint8_t> chunk, bool) {
    State* state = request.find_state<State>();
    if (state == nullptr || state->first_chunk_seen || chunk.empty()) return;
    state->first_chunk_seen = true;
    for (Held& held : state->held) {
      if (held.prefill) {
        release(held, held.requests, held.tokens);
      } else if (!with_output_) {
        release(held, 0, held.tokens);
      }
    }
  }

  void on_response_complete(const epp::sdk::Request& request, const epp_response&, uint32_t) {
    State* state = request.find_state<State>();
    if (state == nullptr) return;
    for (Held& held : state->held)
      release(held, held.requests, held.tokens);
    request.drop_state();
  }

  void on_endpoint_added(const epp_endpoint&) {}
  void on_endpoint_removed(const epp_endpoint& endpoint) { gauges_.forget_endpoint(endpoint.uid); }

  // The busiest endpoints first.
  std::string dump_state() const {
    constexpr size_t kMaxEndpoints = 100;
    const auto loads = gauges_.by_endpoint();
    std::vector<std::pair<std::string, std::pair<int64_t, int64_t>>> sorted(loads.begin(), loads.end());
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
      return a.second.first + a.second.second > b.second.first + b.second.second;
    });
    std::string out = "{\"endpoints\":[";
    for (size_t i = 0; i < sorted.size() && i < kMaxEndpoints; ++i) {
      const auto& [endpoint, load] = sorted[i];
      if (i != 0) out += ',';
      out += "{\"endpoint\":" + epp::builtin::json_quote(endpoint) + ",\"requests\":" + std::to_string(load.first) +
             ",\"tokens\":" + std::to_string(load.second) + '}';
    }
    return out + "],\"truncated\":" + (sorted.size() > kMaxEndpoints ? "true" : "false") + '}';
  }

 private:
  // What a request holds on one endpoint for one profile.
  struct Held {
    uint32_t slot;
    uint64_t uid;
    int64_t requests;
    int64_t tokens;
    bool prefill;
    LoadGauges::Entry gauge;
  };
  struct State {
    std::vector<std::pair<uint32_t, int64_t>> uncached;  // by candidate: slot, tokens
    int64_t output = 0;
    std::vector<Held> held;
    bool first_chunk_seen = false;

    // 0 for a request that was never tokenized.
    int64_t cost(uint32_t slot) const {
      const auto at = std::find_if(uncached.begin(), uncached.end(), [slot](const auto& c) { return c.first == slot; });
      return at != uncached.end() ? at->second + output : 0;
    }
  };

  static epp::sdk::I64Column prefix(epp::sdk::Context& context, std::string_view field) {
    const std::string producer = context.parameters().text("/prefixMatchInfoProducerName");
    return context.optional_i64(epp::builtin::prefix_match_key(producer, field));
  }

  // Blocks the endpoint lacks, plus what lies behind the last hashed block.
  static int64_t uncached_tokens(int64_t input, int64_t match, int64_t total, int64_t block_size) {
    if (block_size <= 0) return input;
    return std::max<int64_t>(0, total - match) * block_size + std::max<int64_t>(0, input - total * block_size);
  }

  int64_t output_tokens(int64_t input, int64_t client_limit) const {
    if (!with_output_) return 0;
    int64_t output = std::llround(std::min(static_cast<double>(input) * output_ratio_, 1e15));
    if (client_limit >= 0) output = std::min(output, client_limit);
    return std::min(output, max_output_);
  }

  void release(Held& held, int64_t requests, int64_t tokens) {
    if (requests == 0 && tokens == 0) return;
    requests_.add(host_, held.slot, held.uid, -requests);
    tokens_.add(host_, held.slot, held.uid, -tokens);
    gauges_.remove(held.gauge, requests, tokens);
    held.requests -= requests;
    held.tokens -= tokens;
  }

  epp::sdk::Host host_;
  epp::builtin::TokenizedPrompt prompt_;
  epp::sdk::I64Column match_;
  epp::sdk::I64Column total_;
  epp::sdk::I64Column block_size_;
  epp::sdk::I64Column requests_;
  epp::sdk::I64Column tokens_;
  epp::sdk::I64Column uncached_;
  LoadGauges gauges_;
  bool with_output_ = false;
  double output_ratio_ = 1.5;
  int64_t max_output_ = 0;
};

}  // namespace

EPP_PLUGIN_TYPES(epp::sdk::type<InflightLoadProducer>({
    .name = "inflight-load-producer",
    .description = "Counts requests and tokens in flight per endpoint",
    .parameters_schema = R"json({
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "addEstimatedOutputTokens": {
          "type": "boolean", "default": false,
          "description": "Count estimated output tokens too, until the response ends."
        },
        "outputRatio": {
          "type": "number", "default": 1.5,
          "description": "Estimated output tokens per prompt token; >= 0."
        },
        "maxEstimatedOutputTokens": {
          "type": "integer",
          "description": "Upper bound of the estimate; >= 0; none by default."
        },
        "prefixMatchInfoProducerName": {
          "type": "string", "default": "",
          "description": "The prefix producer whose matches are taken off; empty: approx-prefix-cache-producer."
        },
        "syncCrossReplicaState": {
          "type": "boolean", "default": true,
          "description": "Reserved: sums the load over replicas where a syncer is configured; there is none."
        }
      }
    })json",
    .default_keys = {EPP_KEY_INFLIGHT_LOAD, EPP_KEY_UNCACHED_TOKENS},
}))
